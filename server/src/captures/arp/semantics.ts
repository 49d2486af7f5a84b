import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { nodeSpan, type SourceText } from '../ohm';
import { textVal } from '../words';

export interface ArpLine {
  /** An address, or a host's name where arp resolved it. */
  readonly host: Val<string>;
  readonly mac: Val<string> | undefined;
  readonly device: Val<string>;
  /** As ip-neighbour(8) calls it: `PERMANENT` or `INCOMPLETE`; arp(8) tells no other state apart. */
  readonly state: Val<string> | undefined;
  /** This host answers for the address in another's name. */
  readonly proxy: boolean;
}

const semantics = grammars.Arp.createSemantics().addOperation<ArpLine>('read(source)', {
  tableLine(_indent, host, _sp, hardware, _sp2, flags, _sp3, _mask, _sp4, device, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const kind = hardware.children[0];
    const mac = /_(?:incomplete|proxy)$/.test(kind?.ctorName ?? '') ? undefined : kind?.children[kind.children.length - 1];
    const flag = flags.children[0];
    return {
      host: textVal(host, source),
      mac: mac === undefined ? undefined : textVal(mac, source),
      device: textVal(device, source),
      state:
        mac === undefined
          ? val('INCOMPLETE', nodeSpan(source, hardware))
          : flag?.sourceString.includes('M')
            ? val('PERMANENT', nodeSpan(source, flag))
            : undefined,
      proxy: kind?.ctorName === 'hardware_proxy',
    };
  },
  procLine(_indent, ip, _sp, _type, _sp2, flags, _sp3, mac, _sp4, _mask, _sp5, device, _remark, _end) {
    const source = this.args['source'] as SourceText;
    // ATF_COM, ATF_PERM and ATF_PUBL of linux/if_arp.h.
    const bits = Number(flags.sourceString);
    const known = (bits & 2) !== 0 && mac.sourceString !== '00:00:00:00:00:00';
    const state = (bits & 4) !== 0 ? 'PERMANENT' : known ? undefined : 'INCOMPLETE';
    return {
      host: textVal(ip, source),
      mac: known ? textVal(mac, source) : undefined,
      device: textVal(device, source),
      state: state === undefined ? undefined : val(state, nodeSpan(source, flags)),
      proxy: (bits & 8) !== 0,
    };
  },
  sentenceLine(
    _indent,
    _host,
    _sp,
    _open,
    ip,
    _close,
    _sp2,
    _at,
    _sp3,
    target,
    _type,
    permanent,
    _sp4,
    _on,
    _sp5,
    device,
    _remark,
    _end,
  ) {
    const source = this.args['source'] as SourceText;
    const isMac = target.sourceString.includes(':');
    const fixed = permanent.children[0];
    return {
      host: textVal(ip, source),
      mac: isMac ? textVal(target, source) : undefined,
      device: textVal(device, source),
      state:
        fixed !== undefined
          ? val('PERMANENT', nodeSpan(source, fixed))
          : isMac
            ? undefined
            : val('INCOMPLETE', nodeSpan(source, target)),
      proxy: target.sourceString === '<from_interface>',
    };
  },
});

/** What a matched row of arp(8) says. */
export function readArpLine(result: MatchResult, source: SourceText): ArpLine {
  return semantics(result)['read'](source) as ArpLine;
}
