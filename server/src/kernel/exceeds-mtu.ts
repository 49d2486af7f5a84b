import { askHidden } from './decide';
import { answer, end, type Passage, type Run } from './passage';

/** What every network takes (RFC 791, RFC 8200). */
const SMALLEST_MTU = { 4: 576, 6: 1280 } as const;

function unknownMtu(run: Run, device: string, length: number): Passage | undefined {
  const fits = askHidden(run, {
    key: `mtu of ${device}`,
    likely: true,
    reason: `the MTU of ${device} was not captured; taken to be at least ${length}`,
    command: 'ip link',
  });
  if (fits) return undefined;
  answerTooBig(run, undefined);
  return {
    ...end(run, 'dropped', `its ${length} bytes may be more than the MTU of ${device}`),
    tooLong: { device, mtu: undefined },
  };
}

function answerTooBig(run: Run, mtu: number | undefined): void {
  const what = mtu === undefined ? '' : `, MTU ${mtu}`;
  answer(
    run,
    run.packet.family === 4
      ? { type: 3, code: 4, name: `fragmentation needed${what}` }
      : { type: 2, code: 0, name: `packet too big${what}` },
  );
}

/** The end of a packet that is longer than the MTU of its way and may not be cut; `around` bytes are put around it first. */
export function exceedsMtu(run: Run, device: string, routeMtu: number | undefined, around = 0): Passage | undefined {
  const whole = routeMtu ?? run.namespace.devices.get(device)?.mtu;
  const mtu = whole === undefined ? undefined : whole - around;
  const { length, family, dontFragment } = run.packet;
  if (mtu === undefined && length !== undefined && length > SMALLEST_MTU[family] && (family === 6 || dontFragment))
    return unknownMtu(run, device, length);
  if (mtu === undefined || length === undefined || length <= mtu || (family === 4 && !dontFragment)) return undefined;
  answerTooBig(run, mtu);
  const why = `its ${length} bytes are more than the MTU of ${device} (${mtu}) and it may not be fragmented`;
  return { ...end(run, 'dropped', why), tooLong: { device, mtu } };
}
