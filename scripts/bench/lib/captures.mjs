// What the topics that open a dump have in common: the capture that it stands in, and places in it that are random but always the same.

const SHOW = `hv1# ovs-ofctl show br-int
 1(patch-tun): addr:aa:00:00:00:00:01
     config:     0
     state:      0
 2(tap1): addr:aa:00:00:00:00:02
     config:     0
     state:      0

`;
const COMMAND = 'hv1# ovs-ofctl dump-flows br-int\n';
/** Where the dump starts. */
export const DUMP_AT = SHOW.length + COMMAND.length;

/** In one piece of memory, as JSON is read. */
export const flat = (text) => JSON.parse(JSON.stringify(text));

/** A dump of flows with its switch's ports and its command, as a client hands it over. */
export const captureOf = (dump) => flat(`${SHOW}${COMMAND}${dump}`);

/** Gives a function for numbers below a limit. */
export function picker() {
  let random = 7;
  return (limit) => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return Math.floor((random / 2 ** 32) * limit);
  };
}
