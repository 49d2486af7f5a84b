import { splitPrefix, deviceRef, impliedVal, ipRef, lower, macRef } from '../words';
import type { Val } from '../../base/span';
import type { CaptureKind } from '../capture';
import type { Collected } from '../lines';
import { parseVirshTable } from '../virsh-domiflist';
import { isVirshError, virshCommand } from '../virsh-dumpxml/command';

/** In any tongue that libvirt speaks: no number is in a title, and the card's address has the same name in all of them. */
const HEADER = /^\s*\p{L}[^\d:]*\bMAC\b[^\d:]*$/u;
const RULER = /^\s*[-─—]{4,}$/;
const ROW = /^\s*\S.*\s(?:ipv4|ipv6|N\/A)\s+(?:[\da-f:.]+\/\d+|N\/A|-)(?:\s.*)?$/i;
const LEASES = /^\s*Expiry Time\s+MAC address\s+Protocol\s+IP address\b/;
const ADDRESSES = /^\s*Name\s+MAC address\s+Protocol\s+Address$/;
/** What a host calls the devices that it gives to its domains. */
const TAP = /^(?:vnet|tap|macvtap|vif)/;
/** Addresses that every machine has, or that mean something on one link only. */
const COMMON = /^(?:127\.|::1$|fe80:)/;

/**
 * `virsh domifaddr DOMAIN`: the addresses of a domain's cards, as leases, the host's neighbours or the guest's agent tell; and
 * `virsh net-dhcp-leases NETWORK`: those that dnsmasq gave out (virsh(1)).
 */
export const virshDomifaddr: CaptureKind = {
  kinds: ['virsh-domifaddr', 'virsh-net-dhcp-leases'],
  recognise(argv) {
    const command = virshCommand(argv);
    if (command?.name !== 'domifaddr' && command?.name !== 'net-dhcp-leases') return undefined;
    const asksGuest = argv.some((word, n) => word === '--source=agent' || (word === '--source' && argv[n + 1] === 'agent'));
    return {
      kind: `virsh-${command.name}`,
      ...(command.target === undefined ? {} : { target: command.target }),
      ...(asksGuest ? { options: { source: 'agent' } } : {}),
    };
  },
  sniff(text, following) {
    if (LEASES.test(text)) return { kind: 'virsh-net-dhcp-leases' };
    return ADDRESSES.test(text) && RULER.test(following(0) ?? '') ? { kind: 'virsh-domifaddr' } : undefined;
  },
  accepts: (text) => HEADER.test(text) || RULER.test(text) || ROW.test(text) || isVirshError(text),
  parse(input) {
    const isLease = input.kind === 'virsh-net-dhcp-leases';
    /** The device and the card that the rows below with `-` are of. */
    let device: Val<string> | undefined;
    let mac: Val<string> | undefined;
    return parseVirshTable(input, isLease ? 'leaseLine' : 'domifaddrLine', ([name, macCell, , cell], out, line) => {
      if (name === undefined || macCell === undefined || cell === undefined) return;
      if (macCell.value !== '-') [device, mac] = [isLease ? undefined : name, hardwareAddress(macCell)];
      const target = device && input.options['source'] !== 'agent' && TAP.test(device.value) ? device : undefined;
      if (mac !== undefined && macCell.value !== '-') macRef(out, mac, true);
      if (target !== undefined && macCell.value !== '-') deviceRef(out, target, true);
      // A client that told no name is known by its card.
      const hostname = isLease && name.value === '-' ? mac : name;
      const owner = isLease ? hostname : domainOf(input.target, line);
      if (!isLease && target !== undefined && macCell.value !== '-')
        out.facts.push({
          kind: 'domain-interface',
          ...(input.target === undefined ? {} : { domain: input.target }),
          ...(mac === undefined ? {} : { mac }),
          target,
        });
      if (cell.value !== '-' && cell.value !== 'N/A') addAddress(out, isLease ? 'DHCP client' : 'domain', owner, cell, mac);
    });
  },
};

function domainOf(target: string | undefined, line: Parameters<typeof impliedVal>[1]): Val<string> | undefined {
  return target === undefined ? undefined : impliedVal(target, line);
}

/** A card's address as it is; undefined where there is none, or only a part of it was left. */
function hardwareAddress(cell: Val<string>): Val<string> | undefined {
  const isWhole = /^(?:[\da-f]{2}:){5}[\da-f]{2}$/i.test(cell.value) && !/^(?:00:){5}00$/.test(cell.value);
  return isWhole ? lower(cell) : undefined;
}

function addAddress(
  out: Collected,
  what: 'domain' | 'DHCP client',
  name: Val<string> | undefined,
  cell: Val<string>,
  mac: Val<string> | undefined,
): void {
  const { ip } = splitPrefix(cell);
  if (COMMON.test(ip.value)) return;
  ipRef(out, ip);
  if (name !== undefined) out.facts.push({ kind: 'address-owner', what, name, ip, ...(mac === undefined ? {} : { mac }) });
}
