import { defined } from '../../base/defined';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { parseIp } from '../../packet/address';
import type { CaptureKind, Recognised } from '../capture';
import type { Fact } from '../facts';
import { parseRows, type Rows } from '../rows';
import { deviceRef, ipRef, splitPrefix } from '../words';
import { readWgLine } from './semantics';

const NETWORK = '(?:\\d{1,3}(?:\\.\\d{1,3}){3}|[\\da-f]*:[\\da-f:.]*)/\\d{1,3}';
const START = /^\s*interface: [\w.=+-]{1,15}(?:\s|$)/;
const VALUE =
  /^\s*(?:public key|private key|listening port|fwmark|preshared key|endpoint|allowed ips|latest handshake|transfer|persistent keepalive|peer): /;
const WHOLE = new RegExp(`^${NETWORK}$`, 'i');
const MORE = new RegExp(`^\\s*${NETWORK}(?:, ${NETWORK})*,?$`, 'i');

const rows: Rows = {
  grammar: grammars.WgShow,
  what: 'line of wg show',
  ruleFor: (text) => (MORE.test(text) ? 'moreLine' : 'line'),
  starts: (text) => START.test(text) || VALUE.test(text) || MORE.test(text),
};

type Peer = Extract<Fact, { kind: 'wireguard-peer' }>;
type OpenPeer = { -readonly [K in keyof Peer]: Peer[K] } & { allowed: Val<string>[] };

/** `wg`, `wg show`: WireGuard's devices, their peers, and which addresses each of those has behind it (wg(8)). */
export const wgShow: CaptureKind = {
  kinds: ['wg-show'],
  recognise(argv): Recognised | undefined {
    if (argv[0] !== 'wg') return undefined;
    const [, verb = 'show', device = 'all', ...rest] = argv;
    // `wg show wg0 dump`, `wg show interfaces` and `wg showconf` have other forms.
    if (verb !== 'show' || rest.length > 0 || device === 'interfaces') return undefined;
    return { kind: 'wg-show', ...(device === 'all' ? {} : { target: device }) };
  },
  sniff(text, following) {
    const below = following(0) ?? '';
    const ofDevice = START.test(text) && /^\s*(?:public key|private key|listening port): /.test(below);
    const ofPeer = /^\s*peer: \S{8,}(?:\s|$)/.test(text) && /^\s*(?:preshared key|endpoint|allowed ips): /.test(below);
    return ofDevice || ofPeer ? { kind: 'wg-show' } : undefined;
  },
  accepts: (text) => rows.starts(text),
  parse(input) {
    let dev: Val<string> | undefined;
    let peer: OpenPeer | undefined;
    const seen = new Set<string>();
    return parseRows(input, rows, (_rule, result, source, out) => {
      const line = readWgLine(result, source);
      if (line.is === 'interface') {
        peer = undefined;
        const { value } = line.name;
        if (seen.has(value)) {
          dev = undefined;
          const message = `${value} is shown a second time here, perhaps of another machine: this list of its peers is left out.`;
          out.errors.push({ span: line.name.span, code: 'inconsistent', message });
          return 'record';
        }
        seen.add(value);
        dev = line.name;
        deviceRef(out, dev, true);
        out.facts.push({ kind: 'link', name: dev, flags: [], type: val('wireguard', dev.span) });
      } else if (line.is === 'public-key' && dev !== undefined && peer === undefined) {
        if (isKey(line.key)) out.facts.push({ kind: 'wireguard-device', dev, key: line.key });
      } else if (line.is === 'peer') {
        peer = undefined;
        // Without its device, of which the start was cut off, a peer leads nowhere.
        if (dev === undefined) return 'record';
        peer = {
          kind: 'wireguard-peer',
          dev,
          peer: line.key,
          ...defined({ key: isKey(line.key) ? line.key : undefined }),
          reached: false,
          allowed: [],
        };
        out.facts.push(peer);
      } else if (line.is === 'endpoint') {
        if (peer !== undefined) peer.reached = true;
        // It may be masked.
        if (parseIp(line.ip.value) === undefined) return 'record';
        ipRef(out, line.ip);
        if (peer !== undefined) peer.endpoint = line.ip;
      } else if (line.is === 'allowed') {
        for (const network of line.networks) {
          // wg(8) prints every length: without one it was cut off, as the end of the list may be.
          if (WHOLE.test(network.value)) ipRef(out, splitPrefix(network).ip);
          else {
            const message = `"${network.value}" is no network: it was masked or cut off, so that what is behind this peer is not known whole.`;
            out.errors.push({ span: network.span, code: 'cut-off', message });
            continue;
          }
          peer?.allowed.push(network);
        }
      } else if (line.is === 'other' && line.reaches && peer !== undefined) {
        peer.reached = true;
      }
      return line.is === 'other' ? 'header' : 'record';
    });
  },
};

/** A key of Curve25519 in base64; others are masked. */
function isKey({ value }: Val<string>): boolean {
  return /^[A-Za-z\d+/]{43}=$/.test(value);
}
