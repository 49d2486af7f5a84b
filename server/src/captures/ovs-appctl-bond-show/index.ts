import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { appctl } from '../appctl';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const TITLE = /^\s*---- \S+ ----\s*$/;
const SETTING =
  /^\s*(?:bond[_ -][\w -]+|lb_output action|all (?:members|slaves) active|updelay|downdelay|next rebalance|lacp_\w+|active-backup primary|active (?:member|slave)(?: mac)?|may_enable|hash \d+|(?:member|slave) \S+)\s*(?::|$)/;
const LIST = /^(?:bond\ttype\b|\S+\t(?:active-backup|balance-\w+)\t)/;

/** `ovs-appctl bond/show [BOND]`: which member carries what (ovs-vswitchd(8)). */
export const ovsAppctlBondShow: CaptureKind = {
  kinds: ['ovs-appctl-bond-show', 'ovs-appctl-bond-list'],
  recognise: appctl({ 'bond/show': 'ovs-appctl-bond-show', 'bond/list': 'ovs-appctl-bond-list' }),
  sniff(text, following) {
    if (/^bond\ttype\b/.test(text)) return { kind: 'ovs-appctl-bond-list' };
    return TITLE.test(text) && /^\s*bond_mode:/.test(following(0) || following(1) || '')
      ? { kind: 'ovs-appctl-bond-show' }
      : undefined;
  },
  accepts: (text) => TITLE.test(text) || SETTING.test(text) || LIST.test(text),
  parse,
};

type Bond = Extract<SwitchFact, { kind: 'bond' }>;
type Member = Bond['members'][number];
interface Draft {
  name: Val<string>;
  mode?: Val<string>;
  basis?: Val<number>;
  lacp?: Val<string>;
  activeMac?: string;
  recirculates: boolean;
  members: { -readonly [K in keyof Member]: Member[K] extends readonly number[] ? number[] : Member[K] }[];
}

type Read =
  | { readonly what: 'title' | 'member'; readonly name: Val<string>; readonly enabled: boolean }
  | { readonly what: 'hash'; readonly hash: number }
  | { readonly what: 'active' | 'list' }
  | { readonly what: 'setting'; readonly key: string; readonly value: Val<string> };

const semantics = grammars.BondShow.createSemantics().addOperation<Read>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as Read;
  },
  title(_indent, _dashes, _sp, name, _sp2, _dashes2, _end) {
    const source = this.args['source'] as SourceText;
    return { what: 'title', name: val(name.sourceString, nodeSpan(source, name)), enabled: false };
  },
  member(_indent, _word, _sp, name, _colon, _sp2, state, _rest) {
    const source = this.args['source'] as SourceText;
    return {
      what: 'member',
      name: val(name.sourceString, nodeSpan(source, name)),
      enabled: state.sourceString === 'enabled',
    };
  },
  memberHash: (_indent, _word, _sp, hash, _colon, _rest) => ({ what: 'hash', hash: Number(hash.sourceString) }),
  active: (_indent, _words, _blank, _end) => ({ what: 'active' }),
  setting(_indent, key, _colon, rest) {
    const source = this.args['source'] as SourceText;
    const text = rest.sourceString;
    const { start } = nodeSpan(source, rest);
    const lead = text.length - text.trimStart().length;
    const value = text.trim();
    return {
      what: 'setting',
      key: key.sourceString.trim(),
      value: val(value, { start: start + lead, end: start + lead + value.length }),
    };
  },
  listTitle: (_indent, _bond, _sp, _rest) => ({ what: 'list' }),
  listRow: (_name, _tab, _rest) => ({ what: 'list' }),
});

function parse(input: ParseInput): Parsed {
  const bonds: Draft[] = [];
  const parsed = parseEachLine(input, grammars.BondShow, 'line', 'line of bond/show', (result, source, out) => {
    const bond = bonds.at(-1);
    const read = semantics(result)['read'](source) as Read;
    if (read.what === 'title') {
      bonds.push({ name: read.name, recirculates: false, members: [] });
      out.refs.push({ kind: 'device', value: read.name.value, span: read.name.span });
    } else if (bond) take(read, bond);
    if (read.what === 'member') out.refs.push({ kind: 'device', value: read.name.value, span: read.name.span });
  });
  return { ...parsed, facts: bonds.map(finish) };
}

function take(read: Read, bond: Draft): void {
  const member = bond.members.at(-1);
  if (read.what === 'member') bond.members.push({ name: read.name, enabled: read.enabled, active: false, hashes: [] });
  else if (read.what === 'hash') member?.hashes.push(read.hash);
  else if (read.what === 'active' && member) member.active = true;
  else if (read.what === 'setting') {
    const { key, value } = read;
    if (key === 'bond_mode') bond.mode = value;
    else if (key === 'bond-hash-basis' && /^\d+$/.test(value.value)) bond.basis = val(Number(value.value), value.span);
    else if (key === 'lacp_status') bond.lacp = value;
    else if (key === 'bond may use recirculation') bond.recirculates = /^yes/.test(value.value);
    else if (/^active (?:member|slave) mac$/.test(key)) bond.activeMac = /\(([^)]*)\)/.exec(value.value)?.[1] ?? '';
  }
}

function finish({ name, mode, basis, lacp, activeMac, recirculates, members }: Draft): Bond {
  return {
    kind: 'bond',
    name,
    mode,
    basis,
    lacp,
    recirculates,
    members: members.map((member) => ({ ...member, active: member.active || member.name.value === activeMac })),
  };
}
