import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newTable, track, ZONE_0 } from '../../server/src/kernel/conntrack';
import { plainPacket, PROTO, TCP, type IpPacket } from '../../server/src/kernel/packet';
import { fixture } from './walk-fixture';

const FLAGS: Readonly<Record<string, number>> = { syn: TCP.SYN, ack: TCP.ACK, rst: TCP.RST, fin: TCP.FIN };
const [CLIENT, SERVER] = [0x0a000102n, 0x0a000202n];

function segment(fromClient: boolean, flags: string): IpPacket {
  const packet = plainPacket(4, fromClient ? CLIENT : SERVER, fromClient ? SERVER : CLIENT, PROTO.TCP);
  const [sport, dport] = fromClient ? [1000, 80] : [80, 1000];
  return { ...packet, sport, dport, tcpFlags: flags.split(',').reduce((all, name) => all | (FLAGS[name] ?? 0), 0) };
}

describe('conntrack and TCP', () => {
  const recorded = fixture('kernel/tcp.txt')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

  it('sees every segment of the recorded conversations as the kernel does', () => {
    assert.ok(recorded.length > 300);
    for (const line of recorded) {
      const table = newTable();
      const own = line.split(' ').map((told) => {
        const flags = /^[<>]([a-z,]+):/.exec(told)?.[1] ?? '';
        const { state, connection } = track(table, segment(told.startsWith('>'), flags), ZONE_0, true);
        // They were all forwarded.
        if (connection) connection.confirmed = true;
        return `${told.startsWith('>') ? '>' : '<'}${flags}:${state}`;
      });
      assert.equal(own.join(' '), line);
    }
  });

  it('takes no connection up in the middle where nf_conntrack_tcp_loose is 0', () => {
    assert.equal(track(newTable(), segment(true, 'ack'), ZONE_0, false).state, 'INVALID');
    assert.equal(track(newTable(), segment(true, 'syn'), ZONE_0, false).state, 'NEW');
  });
});
