import { ones } from '../../base/bits';
import { hasOption, noTlvs, readOption, writeOption, type TlvTable } from '../../openflow/tlv';
import { fields } from '../../packet/fields';
import { Q_TAG, vlanProtocolOf, type FlowKey } from '../../packet/flow-key';
import { emptyFlow, readSlices, W, writeSlices, type FlowWords } from '../../packet/flow-words';

/** Headers that a walk carries from device to device, each under the one name that keeps it; ports have several. */
const kept = fields.filter((field) => {
  const [only, ...more] = field.storage;
  return (
    only?.key === field.name && only.shift === 0 && more.length === 0 && field.slices.length > 0 && field.name !== 'vlan_tci'
  );
});

/** A packet as a switch sees it; `options` are its Geneve options. */
export function toWords(packet: FlowKey, options: TlvTable = noTlvs): FlowWords {
  const words = emptyFlow();
  for (const index of options.entries.keys()) {
    const value = packet.get(`tun_metadata${index}`);
    if (value !== undefined) writeOption(words, options, index, value);
  }
  words[W.tpSrc] = Number(packet.get('tp_src') ?? 0n);
  words[W.tpDst] = Number(packet.get('tp_dst') ?? 0n);
  for (const field of kept) {
    const value = packet.get(field.name);
    if (value !== undefined) writeSlices(words, field.slices, value, ones(field.bits));
  }
  const tci = Number(packet.get('vlan_tci') ?? 0n);
  // The switch knows two tags; those further inside are a part of the frame to it.
  const inner = packet.get('vlan_inner') ?? 0n;
  words[W.vlan0] = tci === 0 ? 0 : (((vlanProtocolOf(packet) || Q_TAG) << 16) | tci) >>> 0;
  words[W.vlan1] = Number(inner & 0xffffffffn);
  const tos = Number(packet.get('nw_tos') ?? 0n) & 0xfc;
  words[W.nwTos] = tos | Number(packet.get('nw_ecn') ?? 0n);
  return words;
}

/** A switch's packet as the walk goes on with it; what `before` had and a switch does not know stays. */
export function toPacket(words: FlowWords, before: FlowKey, options: TlvTable = noTlvs): FlowKey {
  const packet = new Map(before);
  for (const index of options.entries.keys()) {
    if (hasOption(words, index)) packet.set(`tun_metadata${index}`, readOption(words, options, index));
    else packet.delete(`tun_metadata${index}`);
  }
  for (const field of kept) {
    const value = readSlices(words, field.slices);
    if (value !== 0n || packet.has(field.name)) packet.set(field.name, value);
  }
  const [outer, inner] = [words[W.vlan0] ?? 0, words[W.vlan1] ?? 0];
  packet.set('vlan_tci', BigInt(outer & 0xffff));
  if ((outer & 0x1000) === 0 || outer >>> 16 === Q_TAG) packet.delete('vlan_tpid');
  else packet.set('vlan_tpid', BigInt(outer >>> 16));
  const deeper = (before.get('vlan_inner') ?? 0n) >> 32n;
  const tags = inner === 0 ? deeper : (deeper << 32n) | BigInt(inner >>> 0);
  if (tags === 0n) packet.delete('vlan_inner');
  else packet.set('vlan_inner', tags);
  packet.set('tp_src', BigInt(words[W.tpSrc] ?? 0));
  packet.set('tp_dst', BigInt(words[W.tpDst] ?? 0));
  const tos = words[W.nwTos] ?? 0;
  packet.set('nw_tos', BigInt(tos & 0xfc));
  packet.set('nw_ecn', BigInt(tos & 3));
  return packet;
}
