import { defined } from '../../base/defined';
import type { Line } from '../../base/lines';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind, RefKind } from '../capture';
import { collect, record, type Collected } from '../lines';
import { joinLines, syntaxError } from '../ohm';
import { isVirshError, virshCommand } from './command';
import { readXmlLine, type XmlPiece } from '../xml-line';

/** `virsh dumpxml`, whole or what grep left of it: the domain and its network interfaces (libvirt's formatdomain). */
export const virshDumpxml: CaptureKind = {
  kinds: ['virsh-dumpxml', 'virsh-net-dumpxml'],
  recognise(argv) {
    const command = virshCommand(argv);
    if (command?.name !== 'dumpxml' && command?.name !== 'net-dumpxml') return undefined;
    return { kind: `virsh-${command.name}`, ...(command.target === undefined ? {} : { target: command.target }) };
  },
  sniff(text, following) {
    const next = (n: number): string => following(n) ?? '';
    const isDomain = /^\s*<domain type=(?:'[^']*'|"[^"]*")[^<>]*>$/.test(text) && /^\s*<(?:name|uuid)>/.test(next(0));
    const isInterface =
      /^\s*<interface type=(?:'[^']*'|"[^"]*")>$/.test(text) && /^\s*<(?:mac address|source |target dev)/.test(next(0));
    const isNetwork = /^\s*<network(?:\s[^<>]*)?>$/.test(text) && /^\s*<name>/.test(next(0));
    if (isNetwork) return { kind: 'virsh-net-dumpxml' };
    const isFragment =
      /^\s*<mac address=(['"])[0-9a-f:]{17}\1\/>$/i.test(text) && /^\s*<(?:target dev|source bridge)=/.test(next(0));
    return isDomain || isInterface || isFragment ? { kind: 'virsh-dumpxml' } : undefined;
  },
  accepts(text) {
    return /^\s*<[/!?\w]/.test(text) || /^\s*--$/.test(text) || isVirshError(text) || /-->$/.test(text);
  },
  continues: (previous, text) => isOpenTag(previous) && !/^\s*</.test(text),
  parse(input) {
    const out = collect();
    const reader = new Reader(out, input.kind === 'virsh-net-dumpxml', input.target);
    let inComment = false;
    const { lines } = input;
    for (let n = 0; n < lines.length; n++) {
      const line = lines[n];
      if (line === undefined || line.text.trim() === '') continue;
      if (inComment) {
        inComment = !line.text.includes('-->');
        record(out, line, line, 'header');
      } else if (/^\s*--$/.test(line.text)) {
        // What `grep -A` puts between its finds.
        record(out, line, line, 'header');
      } else if (isVirshError(line.text)) {
        errorOutput(line, out);
      } else {
        const parts = [line];
        // A mail may have broken a tag between its attributes.
        for (
          let next = lines[n + 1];
          next && parts.length < 4 && isOpenTag(textOf(parts)) && !/^\s*</.test(next.text);
          next = lines[n + 1]
        ) {
          parts.push(next);
          n++;
        }
        const last = parts[parts.length - 1] ?? line;
        const source = joinLines(parts, ' ');
        const result = grammars.Xml.match(source.text, 'xmlLine');
        if (result.failed()) {
          out.errors.push(syntaxError(source, result, 'line of XML'));
          continue;
        }
        const pieces = readXmlLine(result, source);
        inComment = pieces.some((piece) => piece.what === 'comment-start');
        const isBare = pieces.every((piece) => piece.what === 'comment-start' || piece.what === 'nothing');
        record(out, line, last, isBare ? 'header' : 'record');
        for (const piece of pieces) reader.take(piece);
      }
    }
    reader.finish();
    return out;
  },
};

/** Reports that `virsh` failed. */
/** Whether a tag has begun that does not end. */
function isOpenTag(text: string): boolean {
  return /<[\w/][^<>]*$/.test(text);
}

function textOf(lines: readonly Line[]): string {
  return lines.map(({ text }) => text).join(' ');
}

export function errorOutput(line: Line, out: Collected): void {
  const from = line.text.length - line.text.trimStart().length;
  out.errors.push({
    span: { start: line.start + from, end: line.start + line.text.length },
    code: 'error-output',
    message: `virsh reported an error instead of an answer: "${line.text.trim()}".`,
  });
}

interface Interface {
  mac?: Val<string>;
  target?: Val<string>;
  source?: Val<string>;
}

/** Goes through the tags; knows only what is open around them, as a fragment has neither beginning nor end. */
class Reader {
  private readonly open: string[] = [];
  private name: Val<string> | undefined;
  private uuid: Val<string> | undefined;
  private instanceName: Val<string> | undefined;
  private current: Interface | undefined;
  private readonly interfaces: Interface[] = [];

  constructor(
    private readonly out: Collected,
    private readonly isNetwork: boolean,
    private readonly target: string | undefined,
  ) {}

  take(piece: XmlPiece): void {
    if (piece.what === 'open') {
      if (piece.name === 'interface') {
        this.flush();
        this.current = {};
      }
      this.tag(piece.name, piece.attributes);
      if (!piece.closed) this.open.push(piece.name);
    } else if (piece.what === 'close') {
      if (piece.name === 'interface') this.flush();
      const at = this.open.lastIndexOf(piece.name);
      if (at >= 0) this.open.length = at;
    } else if (piece.what === 'text') {
      this.text(piece.text);
    }
  }

  finish(): void {
    this.flush();
    if (this.isNetwork) return;
    const { name, uuid, instanceName } = this;
    if (name !== undefined || uuid !== undefined || instanceName !== undefined) {
      this.out.facts.push({
        kind: 'domain',
        ...defined({ name, uuid, instanceName }),
      });
    }
    const domain = name?.value ?? this.target;
    for (const one of this.interfaces)
      this.out.facts.push({ kind: 'domain-interface', ...(domain === undefined ? {} : { domain }), ...one });
  }

  private refer(kind: RefKind, found: Val<string> | undefined, defines = false): void {
    if (found === undefined || found.value === '') return;
    this.out.refs.push({ kind, value: found.value, span: found.span, ...(defines ? { defines } : {}) });
  }

  private flush(): void {
    if (this.current?.mac !== undefined || this.current?.target !== undefined) this.interfaces.push(this.current);
    this.current = undefined;
  }

  /** The interface that a tag outside of `<interface>` belongs to: a further MAC or target means a further interface. */
  private loose(has: 'mac' | 'target' | 'source'): Interface {
    if (this.current?.[has] !== undefined && !this.open.includes('interface')) this.flush();
    this.current ??= {};
    return this.current;
  }

  private tag(name: string, attributes: ReadonlyMap<string, Val<string>>): void {
    switch (name) {
      case 'mac': {
        const given = attributes.get('address');
        if (given === undefined) return;
        const mac = val(given.value.toLowerCase(), given.span);
        this.refer('mac', mac, true);
        if (!this.isNetwork) this.loose('mac').mac = mac;
        return;
      }
      case 'target': {
        // Disks have a target, too, but on a bus; so have consoles, by port.
        const dev = attributes.get('dev');
        if (dev === undefined || attributes.has('bus') || this.open.includes('disk') || this.open.includes('filesystem')) return;
        if (/^(?:[hsv]|xv)d[a-z]+$/.test(dev.value)) return;
        this.refer('device', dev, true);
        this.loose('target').target = dev;
        return;
      }
      case 'source': {
        const bridge = attributes.get('bridge') ?? (this.open.includes('interface') ? attributes.get('dev') : undefined);
        if (bridge === undefined || this.open.includes('disk')) return;
        this.refer('device', bridge);
        this.loose('source').source = bridge;
        return;
      }
      case 'bridge':
        if (this.isNetwork) this.refer('device', attributes.get('name'), true);
        return;
      case 'ip':
        if (this.isNetwork) this.refer('ip', attributes.get('address'));
        return;
      case 'parameters':
        if (this.open.includes('virtualport')) this.refer('neutron-port', attributes.get('interfaceid'));
        return;
      case 'nova:port':
        this.refer('neutron-port', attributes.get('uuid'));
        return;
      case 'nova:ip':
        this.refer('ip', attributes.get('address'));
        return;
      default:
    }
  }

  private text(found: Val<string>): void {
    if (found.value.trim() === '' || this.isNetwork) return;
    const inside = this.open.at(-1);
    // In an XML of a domain the tags inside others have attributes instead; a fragment has nothing around its name.
    const isOwn = this.open.length <= 1 || this.open[this.open.length - 2] === 'domain';
    if (inside === 'name' && isOwn && this.name === undefined) {
      this.name = found;
      this.refer('instance', found, true);
    } else if (inside === 'uuid' && isOwn && this.uuid === undefined) {
      this.uuid = val(found.value.toLowerCase(), found.span);
      this.refer('instance', this.uuid);
    } else if (inside === 'nova:name') {
      this.instanceName = found;
      this.refer('instance', found);
    }
  }
}
