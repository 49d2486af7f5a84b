import type { Line } from '../base/lines';
import type { Found } from './registry';

/** Output that is about one bridge, which only its command names. */
const ABOUT_A_BRIDGE = /^(?:ovs-ofctl-(?:show|dump-flows|dump-ports-desc)|ovs-appctl-(?:fdb-show|bridge-dump-flows))$/;
const HEADING_REACH = 4;

/** "br-int flow table:" above flows without a command names their bridge. */
export function underHeading(found: Found, heading: Line | undefined, line: number): Found {
  const { recognised } = found;
  if (
    !heading ||
    line - heading.number > HEADING_REACH ||
    recognised.target !== undefined ||
    !ABOUT_A_BRIDGE.test(recognised.kind)
  )
    return found;
  const names = new Set(heading.text.match(/(?<![\w/-])(?:br-[A-Za-z][\w-]*|ovsbr\d+|br\d+)(?![\w-])/g) ?? []);
  const [target] = names;
  if (target === undefined || names.size > 1) return found;
  return { ...found, recognised: { ...recognised, target, options: { ...recognised.options, targetBy: 'heading' } } };
}
