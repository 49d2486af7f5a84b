import { formatIpv4, formatIpv6 } from '../packet/address';
import type { Port, Switch, Tunnel } from './switch';
import { wordAt, type FlowWords, W } from '../packet/flow-words';
import { hasTunnel } from '../packet/protocols';

/** Where a packet from the datapath enters: a bridge and its port. */
export interface Received {
  readonly bridge: string;
  readonly ofport: number;
}

/**
 * The bridge's port by which a packet comes in that the datapath hands up, with the datapath's number in `in_port`: the tunnel that it
 * came by, or the port of that number. Otherwise the sentence that ofproto/trace gives.
 */
export function receivePacket(sw: Switch, flow: FlowWords): Received | string {
  const recirc = wordAt(flow, W.recircId);
  if (recirc !== 0) return `no recirculation data for recirc_id 0x${recirc.toString(16)}`;
  if (hasTunnel(flow)) return tunnelPort(sw, flow) ?? 'no OpenFlow tunnel port for this packet';
  const number = wordAt(flow, W.inPort);
  for (const bridge of sw.bridges.values())
    for (const port of bridge.ports.values()) if (port.odpPort === number) return { bridge: bridge.name, ofport: port.ofport };
  return `no OpenFlow port for datapath port ${number}`;
}

function addressOf(flow: FlowWords, v4: number, v6: number): string {
  if (wordAt(flow, v4)) return formatIpv4(BigInt(wordAt(flow, v4)));
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(wordAt(flow, v6 + i));
  return formatIpv6(value);
}

/** How a tunnel takes its own address into account: a configured one, any, or the flow's. */
const SOURCES: readonly ((tunnel: Tunnel, local: string) => boolean)[] = [
  (tunnel, local) => !tunnel.localIpFlow && tunnel.localIp === local,
  (tunnel) => !tunnel.localIpFlow && tunnel.localIp === undefined,
  (tunnel) => tunnel.localIpFlow,
];

/** The most specific tunnel that a packet fits: its key before `key=flow`, its remote end before any, its own address before any. */
function tunnelPort(sw: Switch, flow: FlowWords): Received | undefined {
  const ports = [...sw.bridges.values()].flatMap((bridge) =>
    [...bridge.ports.values()].flatMap((port) => (port.tunnel ? [{ bridge: bridge.name, port, tunnel: port.tunnel }] : [])),
  );
  const remote = addressOf(flow, W.tunSrc, W.tunIpv6Src);
  const local = addressOf(flow, W.tunDst, W.tunIpv6Dst);
  const key = (BigInt(wordAt(flow, W.tunId)) << 32n) | BigInt(wordAt(flow, W.tunId + 1));
  const legacy = wordAt(flow, W.packetType) >>> 16 === 1 ? 'legacy_l3' : 'legacy_l2';
  const sameDatapathPort = (port: Port) => port.odpPort === wordAt(flow, W.inPort);
  for (const keyFlow of [false, true]) {
    for (const remoteFlow of [false, true]) {
      for (const source of SOURCES) {
        for (const packetType of [legacy, 'ptap']) {
          const found = ports.find(
            ({ port, tunnel }) =>
              sameDatapathPort(port) &&
              tunnel.packetType === packetType &&
              tunnel.inKeyFlow === keyFlow &&
              (keyFlow || tunnel.inKey === key) &&
              tunnel.remoteIpFlow === remoteFlow &&
              (remoteFlow || tunnel.remoteIp === remote) &&
              source(tunnel, local),
          );
          if (found) return { bridge: found.bridge, ofport: found.port.ofport };
        }
      }
    }
  }
  return undefined;
}
