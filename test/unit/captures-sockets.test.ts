import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf, factsOf, places } from './read-text';

describe('sockets of one state', () => {
  const TITLE = 'Recv-Q Send-Q      Local Address:Port        Peer Address:Port Process\n';
  const connected = (text: string) =>
    factsOf(text, 'connected-socket').map(({ protocol, ip, port, peerIp, peerPort }) => [
      protocol.value,
      `${ip.value}:${port.value}`,
      `${peerIp.value}:${peerPort.value}`,
    ]);
  const ROWS = `${TITLE}0      0                10.5.0.1:22              10.5.0.7:52790
\t bbr wscale:10,10 rto:204 rtt:0.017/0.008 mss:32768 cwnd:10
0      36     [::ffff:127.0.0.1]:9000  [::ffff:127.0.0.1]:41974
`;

  it('have no column for it', () => {
    const text = `h1# ss -tin state established\n${ROWS}`;
    assert.deepEqual(places(text), [['ss', 'h1', undefined]]);
    assert.deepEqual(connected(text), [
      ['tcp', '10.5.0.1:22', '10.5.0.7:52790'],
      ['tcp', '127.0.0.1:9000', '127.0.0.1:41974'],
    ]);
    assert.deepEqual(factsOf(text, 'listener'), []);
  });

  it('are of no known protocol without their command', () => {
    assert.deepEqual(errorsOf(ROWS), []);
    assert.deepEqual(connected(ROWS), []);
  });

  it('wait where the command asked for those', () => {
    const rows = `${TITLE}0      128     0.0.0.0:443     0.0.0.0:*    users:(("nginx",pid=9,fd=7))\n`;
    const listeners = (text: string) =>
      factsOf(text, 'listener').map(({ ip, port, process }) => [ip.value, port?.value, process?.value]);
    assert.deepEqual(listeners(`h1# ss -tnp state listening\n${rows}`), [['0.0.0.0', 443, 'nginx']]);
    assert.deepEqual(listeners(`h1# ss -unp state unconnected\n${rows}`), []);
  });

  it('may be of packets, whose titles have no state either', () => {
    const text =
      'h1# ss -0\nNetid Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\np_raw 0      0                  *:*                *           \n';
    assert.deepEqual(errorsOf(text), []);
    assert.deepEqual(factsOf(text, 'listener'), []);
  });
});
