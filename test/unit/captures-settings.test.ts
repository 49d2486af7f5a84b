import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf, factsOf, places } from './read-text';

describe('settings of the kernel', () => {
  const settings = (text: string) => factsOf(text, 'sysctl').map(({ name, value }) => [name.value, value.value]);

  it('are a value alone, whose name the command says', () => {
    for (const command of [
      'cat /proc/sys/net/ipv4/ip_forward',
      'sudo cat /proc/sys/net/ipv4/ip_forward',
      'sysctl -n net.ipv4.ip_forward',
      'sysctl net.ipv4.ip_forward',
      'sysctl -n net/ipv4/ip_forward',
    ]) {
      const text = `root@h1:~# ip netns exec blue ${command}\n1\nroot@h1:~# true\n`;
      assert.deepEqual(places(text), [['sysctl', 'h1', 'blue']], command);
      assert.deepEqual(settings(text), [['net.ipv4.ip_forward', '1']], command);
    }
  });

  it('have no second value, and none that is a sentence', () => {
    assert.deepEqual(settings('$ cat /proc/sys/net/ipv4/ip_forward\n1\n0\n'), [['net.ipv4.ip_forward', '1']]);
    assert.deepEqual(settings('$ cat /proc/sys/net/ipv4/ip_forward\n1 # <-- as we set it\n'), [['net.ipv4.ip_forward', '1']]);
    assert.deepEqual(errorsOf('$ cat /proc/sys/net/ipv4/ip_forward\n1\n0\n'), ['syntax']);
    assert.deepEqual(settings('$ cat /proc/sys/net/ipv4/ip_forward\nas it should be\n'), []);
  });

  it('stand behind their files in what grep prints', () => {
    const text = '/proc/sys/net/ipv4/conf/all/rp_filter:0\n/proc/sys/net/ipv4/conf/eth0.10/rp_filter:2\n';
    assert.deepEqual(settings(text), [
      ['net.ipv4.conf.all.rp_filter', '0'],
      ['net.ipv4.conf.eth0.10.rp_filter', '2'],
    ]);
    assert.deepEqual(errorsOf(text), []);
  });
});
