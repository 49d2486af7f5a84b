import type { Random } from './random';

/** Bytes as hex digits, two for each. */
const hex = (value: bigint | number, bytes: number): string =>
  BigInt.asUintN(bytes * 8, BigInt(value))
    .toString(16)
    .padStart(bytes * 2, '0');

/** A random Ethernet frame in hex: whole, cut short or with lengths that lie. */
export function hexFrame(random: Random): string {
  const header = hex(random.bits(48) & 0xfeffffffffffn, 6) + hex(random.bits(48) & 0xfeffffffffffn, 6);
  const tags = random.pick(['', '', '', 'one', 'two', 'outer']);
  const tag = (tpid: string): string => tpid + hex(random.bits(16), 2);
  const vlan = tags === '' ? '' : tags === 'one' ? tag('8100') : tags === 'two' ? tag('88a8') + tag('8100') : tag('88a8');
  const body = random.pick([ipv4, ipv4, ipv6, ipv6, arp, mpls, other, llc, nsh])(random);
  let frame = header + vlan + body;
  if (frame.length < 120) frame = frame.padEnd(random.pick([120, frame.length]), '0');
  if (random.chance(0.08)) frame = frame.slice(0, 2 * random.int(14, Math.floor(frame.length / 2)));
  return frame;
}

function checksum(text: string): string {
  let sum = 0;
  for (let n = 0; n < text.length; n += 4) sum += parseInt(text.slice(n, n + 4).padEnd(4, '0'), 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return hex(~sum & 0xffff, 2);
}

function ipv4(random: Random): string {
  const protocol = random.pick([6, 17, 1, 132, 2, 47, 6, 17]);
  const payload = layer4(random, protocol);
  const fragment = random.pick([0x4000, 0, 0, 0x2000, 0x2010, 0x0010]);
  const options = random.chance(0.15) ? random.int(1, 10) : 0;
  const length = 20 + 4 * options + payload.length / 2 + (random.chance(0.05) ? 100 : 0);
  const before = `4${(5 + options).toString(16)}${hex(random.bits(8), 1)}${hex(length, 2)}${hex(random.bits(16), 2)}${hex(fragment, 2)}${hex(random.pick([64, 1, 0, 255]), 1)}${hex(protocol, 1)}`;
  const addresses = hex(random.bits(32), 4) + hex(random.bits(32), 4);
  const filler = '01'.repeat(4 * options);
  return `0800${before}${checksum(`${before}0000${addresses}${filler}`)}${addresses}${filler}${payload}`;
}

function ipv6(random: Random): string {
  const protocol = random.pick([6, 17, 58, 132, 58]);
  let payload = layer4(random, protocol);
  let next = protocol;
  const extension = random.int(0, 7);
  if (extension >= 6) {
    // Several headers, one behind the other; the last may be of a kind that ends the chain, or a fragment's.
    for (let n = random.int(1, 3); n > 0; n--) {
      const words = random.int(0, 2);
      payload = `${hex(next, 1)}${hex(words, 1)}${'00'.repeat(6 + 8 * words)}${payload}`;
      next = random.pick([0, 60, 43, 51, 135]);
    }
    if (random.chance(0.4)) {
      payload = `${hex(next, 1)}00${hex(random.pick([0x0001, 0x0008, 0]), 2)}${hex(random.bits(32), 4)}${payload}`;
      next = 44;
    }
  } else if (extension === 0) {
    payload = `${hex(next, 1)}00${hex(random.pick([0x0001, 0x0008, 0x0009, 0]), 2)}${hex(random.bits(32), 4)}${payload}`;
    next = 44;
  } else if (extension === 1) {
    payload = `${hex(next, 1)}00${'00'.repeat(6)}${payload}`;
    next = random.pick([0, 60, 43]);
  }
  const first = (6n << 28n) | (random.bits(8) << 20n) | random.bits(20);
  return `86dd${hex(first, 4)}${hex(payload.length / 2, 2)}${hex(next, 1)}${hex(64, 1)}${hex(random.bits(128), 16)}${hex(random.bits(128), 16)}${payload}`;
}

function layer4(random: Random, protocol: number): string {
  const ports = hex(random.bits(16), 2) + hex(random.bits(16), 2);
  switch (protocol) {
    case 6:
      return `${ports}${hex(random.bits(32), 4)}${hex(0, 4)}${hex(0x5000 | random.int(0, 511), 2)}${'10000000'}0000`;
    case 17:
      return `${ports}${hex(random.pick([8, 20, 0, 4]), 2)}0000${'ab'.repeat(12)}`;
    case 132:
      return `${ports}${hex(0, 4)}${hex(0, 4)}`;
    case 1:
      return `${hex(random.pick([8, 0, 3]), 1)}00${hex(0, 2)}${hex(1, 4)}`;
    case 58: {
      const type = random.pick([128, 129, 135, 136, 135, 136]);
      const target =
        type >= 135
          ? `${hex(random.pick([0, 0xe0000000]), 4)}${hex(random.bits(128), 16)}${random.pick([
              ...[
                `0301${hex(0, 6)}`,
                `0101${hex(random.bits(48), 6)}0101${hex(random.bits(48), 6)}`,
                '0100',
                `0202${hex(random.bits(48), 14)}`,
              ],
              '',
              `01${'01'}${hex(random.bits(48), 6)}`,
              `0201${hex(random.bits(48), 6)}`,
            ])}`
          : hex(1, 4);
      return `${hex(type, 1)}00${hex(0, 2)}${target}`;
    }
    case 2:
      return `${random.pick(['11', '16', '22', '17'])}00${hex(0, 2)}e0000105`;
    default:
      return hex(random.bits(128), 16);
  }
}

function arp(random: Random): string {
  return `08060001080006040001${hex(random.bits(48), 6)}${hex(random.bits(32), 4)}${'00'.repeat(6)}${hex(random.bits(32), 4)}`.replace(
    '06040001',
    `0604000${random.pick([1, 2])}`,
  );
}

function mpls(random: Random): string {
  const labels = random.int(1, 4);
  const stack = Array.from({ length: labels }, (_, n) =>
    hex(
      (random.bits(20) << 12n) | (random.bits(3) << 9n) | (n === labels - 1 ? 0x100n : 0n) | BigInt(random.pick([64, 1, 2])),
      4,
    ),
  );
  return `8847${stack.join('')}${ipv4(random).slice(4)}`;
}

/** IEEE 802.3 with a length, and LLC with SNAP or without. */
function llc(random: Random): string {
  const payload = hex(random.bits(128), 16);
  const header = random.pick([
    `aaaa03000000${random.pick(['0800', '0806', '1234'])}`,
    '424203',
    'aaaa03000001' + '0800',
    'e0e003',
  ]);
  return `${hex((header.length + payload.length) / 2, 2)}${header}${payload}`;
}

function nsh(random: Random): string {
  const type = random.pick([1, 1, 2]);
  const metadata = type === 1 ? hex(random.bits(128), 16) : random.pick(['', '100001040a0b0c0d']);
  const words = 2 + metadata.length / 8;
  const ttl = random.pick([63, 1, 0]);
  const first =
    (BigInt(random.pick([0, 0, 1])) << 30n) |
    (BigInt(ttl) << 22n) |
    (BigInt(words) << 16n) |
    (BigInt(type) << 8n) |
    BigInt(random.pick([1, 3]));
  return `894f${hex(first, 4)}${hex(random.bits(32), 4)}${metadata}${hex(random.bits(128), 16)}${hex(random.bits(128), 16)}`;
}

function other(random: Random): string {
  return random.pick(['88b5', '0026', '8035', '88cc', '9000']) + hex(random.bits(128), 16) + hex(random.bits(128), 16);
}
