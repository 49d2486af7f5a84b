import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { appctl } from '../appctl';
import type { CaptureKind } from '../capture';
import { parseEachLine, type Collected } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';

const TITLE = /^\s*---- \S+ ----\s*$/;
const BFD =
  /^\s*(?:Forwarding|Detect Multiplier|Concatenated Path Down|[TR]X Interval|Detect Time|(?:Next|Last) TX Time|(?:Local|Remote) (?:Flags|Session State|Diagnostic|Discriminator|Minimum [TR]X Interval|Detect Multiplier)):(?:\s|$)/;
const CFM =
  /^\s*(?:MPID \d+:|Remote MPID \d+$|(?:fault|average health|opstate|remote_opstate|interval|fault interval|next CCM tx|next fault check|recv since check|opstate|CCM|cfm \w+):(?:\s|$))/;

/** `ovs-appctl bfd/show` and `cfm/show`: whether the ports that BFD or CFM watches may carry packets (ovs-vswitchd(8)). */
export const ovsAppctlPortWatch: CaptureKind = {
  kinds: ['ovs-appctl-bfd-show', 'ovs-appctl-cfm-show'],
  recognise: appctl({ 'bfd/show': 'ovs-appctl-bfd-show', 'cfm/show': 'ovs-appctl-cfm-show' }),
  sniff(text, following) {
    if (!TITLE.test(text)) return undefined;
    const next = following(0) ?? '';
    if (/^\s*Forwarding: (?:true|false)/.test(next)) return { kind: 'ovs-appctl-bfd-show' };
    return /^\s*MPID \d+:/.test(next) ? { kind: 'ovs-appctl-cfm-show' } : undefined;
  },
  accepts: (text) => TITLE.test(text) || BFD.test(text) || CFM.test(text),
  parse(input) {
    // With a port's name the command shows that port alone, without a title.
    const { target, lines } = input;
    const first = lines[0]?.start ?? 0;
    let name = target === undefined ? undefined : val(target, { start: first, end: first });
    /** A port of cfm/show until its fault, which only some have, is read. */
    let sound: Val<string> | undefined;
    const endPort = (out: Collected) => {
      if (name && sound) out.facts.push({ kind: 'port-watch', by: 'cfm', name, up: val(true, sound.span) });
      sound = undefined;
    };
    return parseEachLine(input, grammars.PortWatch, 'line', 'line of bfd/show or cfm/show', (result, source, out) => {
      const read = semantics(result)['read'](source) as Read;
      switch (read.what) {
        case 'title':
          endPort(out);
          name = read.name;
          out.refs.push({ kind: 'device', value: read.name.value, span: read.name.span });
          break;
        case 'forwarding':
          if (name) out.facts.push({ kind: 'port-watch', by: 'bfd', name, up: read.up });
          break;
        case 'fault':
          if (name) out.facts.push({ kind: 'port-watch', by: 'cfm', name, up: val(false, read.fault.span) });
          sound = undefined;
          break;
        case 'mpid':
          sound = read.mpid;
          break;
        case 'other':
          // The fault stands before all else.
          endPort(out);
          break;
      }
      return read.what === 'title' ? 'header' : 'record';
    });
  },
};

type Read =
  | { readonly what: 'title'; readonly name: Val<string> }
  | { readonly what: 'forwarding'; readonly up: Val<boolean> }
  | { readonly what: 'fault'; readonly fault: Val<string> }
  | { readonly what: 'mpid'; readonly mpid: Val<string> }
  | { readonly what: 'other' };

const semantics = grammars.PortWatch.createSemantics().addOperation<Read>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as Read;
  },
  title(_i, _d, _s, name, _s2, _d2, _e) {
    return { what: 'title', name: val(name.sourceString, nodeSpan(this.args['source'] as SourceText, name)) };
  },
  forwarding(_i, _key, _s, value, _rest) {
    return { what: 'forwarding', up: val(value.sourceString === 'true', nodeSpan(this.args['source'] as SourceText, value)) };
  },
  fault(_i, _key, _s, what, _rest) {
    return { what: 'fault', fault: val(what.sourceString, nodeSpan(this.args['source'] as SourceText, what)) };
  },
  mpid(_i, _key, _s, number, _colon, _rest) {
    return { what: 'mpid', mpid: val(number.sourceString, nodeSpan(this.args['source'] as SourceText, number)) };
  },
  remote: (_i, _words, _s, _number, _e) => ({ what: 'other' }),
  other: (_i, _letter, _more, _colon, _rest) => ({ what: 'other' }),
});
