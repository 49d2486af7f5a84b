import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ADDRESSES, ask, ROUTES, RULES, SYSCTLS, tables, WAY } from './small-router';

describe('what the kernel does, where settings were not captured', () => {
  it('names the setting that nobody captured where it takes a machine to forward', () => {
    const settings = SYSCTLS.replace(/.*forward.*\n?/g, '');
    const [trace] = ask([ADDRESSES, RULES, ROUTES, settings, tables('', '')], WAY);
    assert.deepEqual([trace?.verdict, trace?.certainty], ['forwarded', 'assumed']);
    assert.deepEqual(
      trace?.gaps.map(({ command }) => command),
      ['sysctl net.ipv4.ip_forward'],
    );
  });

  it('infers that a machine forwards from the chains of programs that turn it on', () => {
    const settings = SYSCTLS.replace(/.*forward.*\n?/g, '');
    const asked = (chain: string) =>
      ask([ADDRESSES, RULES, ROUTES, settings, tables(`:${chain} - [0:0]\n`, '')], WAY)[0]?.certainty;
    assert.deepEqual(['DOCKER-USER', 'LIBVIRT_FWO', 'KUBE-FORWARD', 'mine', 'DOCKER_OUTPUT'].map(asked), [
      'inferred',
      'inferred',
      'inferred',
      'assumed',
      'assumed',
    ]);
  });

  it('names that setting as well where a TTL ran out or no route leads on, which only who forwards tells', () => {
    const settings = SYSCTLS.replace(/.*forward.*\n?/g, '');
    const routes = ROUTES.replace(/^default.*\n/m, '');
    for (const [captured, way] of [
      [ROUTES, `${WAY} ttl=1`],
      [routes, WAY],
    ] as const) {
      const [trace] = ask([ADDRESSES, RULES, captured, settings, tables('', '')], way);
      assert.deepEqual(
        [trace?.certainty, trace?.gaps.map(({ command }) => command)],
        ['assumed', ['sysctl net.ipv4.ip_forward']],
        way,
      );
      assert.equal(ask([ADDRESSES, RULES, captured, SYSCTLS, tables('', '')], way)[0]?.certainty, 'captured', way);
    }
  });

  it('asks whether loopback addresses may leave where a rule sends a packet of this host to itself elsewhere', () => {
    const nat = ':OUTPUT ACCEPT [0:0]\n-A OUTPUT -d 127.0.0.1/32 -j DNAT --to-destination 10.0.2.9\n';
    const asked = (settings: string) =>
      ask(
        [ADDRESSES, RULES, ROUTES, SYSCTLS + settings, tables('', nat)],
        'src=127.0.0.1 dst=127.0.0.1 proto=udp sport=40000 dport=80',
      )[0];
    const [all, own] = ['all', 'eth1'].map((name) => (value: number) => `net.ipv4.conf.${name}.route_localnet = ${value}\n`);
    assert.ok(all && own);
    for (const half of ['', all(0), own(0)]) {
      const open = asked(half);
      assert.deepEqual([open?.verdict, open?.likely], ['insufficient-info', 'unroutable'], half);
    }
    assert.equal(asked(all(0) + own(0))?.verdict, 'unroutable');
    for (const on of [all(1), own(1)]) assert.equal(asked(on)?.verdict, 'forwarded', on);
  });

  it('asks whether a sender may have an address of the host itself, and whether its mark counts for the way back', () => {
    const marked = RULES.replace('32766:', '50:\tfrom all fwmark 0x5 lookup 100\n32766:');
    const local = ROUTES.replace('default via 10.0.1.9 dev eth0 table 100', 'local 172.16.6.6 dev lo table 100');
    for (const [name, routes, rules, way, off, on] of [
      ['accept_local', ROUTES, RULES, WAY.replace('10.0.1.2', '10.0.2.1'), 'unroutable', 'forwarded'],
      ['src_valid_mark', local, marked, `${WAY.replace('10.0.1.2', '172.16.6.6')} mark=5`, 'forwarded', 'unroutable'],
    ] as const) {
      const [all, own] = [`net.ipv4.conf.all.${name} = 0\n`, `net.ipv4.conf.eth0.${name} = 0\n`];
      const others = name === 'accept_local' ? '' : (all + own).replaceAll(name, 'accept_local');
      const asked = (settings: string) => ask([ADDRESSES, rules, routes, SYSCTLS + others + settings, tables('', '')], way)[0];
      for (const half of ['', all, own]) {
        const open = asked(half);
        assert.deepEqual([open?.verdict, open?.likely], ['insufficient-info', off], name);
        assert.ok(open?.gaps.some(({ command }) => command.includes(name)));
      }
      assert.equal(asked(all + own)?.verdict, off, name);
      assert.equal(asked(all.replace('= 0', '= 1'))?.verdict, on, name);
    }
  });

  it('knows rp_filter only where both of its halves were captured, or one that no other can change', () => {
    const way = 'iif=eth0 src=8.8.4.4 dst=10.0.2.2 proto=tcp sport=40000 dport=80';
    const asked = (settings: string) => {
      const [trace] = ask(
        [ADDRESSES, RULES, ROUTES, `root@router:~# sysctl -a\nnet.ipv4.ip_forward = 1\n${settings}`, tables('', '')],
        way,
      );
      return [trace?.verdict, trace?.likely].filter((word) => word !== undefined && word !== null).join(' ');
    };
    const [all, own] = ['all', 'eth0'].map((name) => (value: number) => `net.ipv4.conf.${name}.rp_filter = ${value}\n`);
    assert.ok(all && own);
    assert.deepEqual(
      ['', all(0), own(0), all(1), own(1), all(2), own(2), all(0) + own(0), all(0) + own(1), all(1) + own(2)].map(asked),
      [
        ...['insufficient-info forwarded', 'insufficient-info forwarded', 'insufficient-info forwarded'],
        ...['insufficient-info unroutable', 'insufficient-info unroutable'],
        ...['forwarded', 'forwarded', 'forwarded', 'unroutable', 'forwarded'],
      ],
    );
  });

  it('asks whether loopback addresses may come in', () => {
    const way = WAY.replace(/dst=\S+/, 'dst=127.0.0.1');
    const asked = (settings: string) =>
      ask([ADDRESSES, RULES, `${ROUTES}local 127.0.0.0/8 dev lo table local\n`, settings, tables('', '')], way)[0];
    const without = SYSCTLS.replace(/.*localnet.*\n?/g, '');
    const open = asked(without);
    assert.deepEqual([open?.verdict, open?.likely], ['insufficient-info', 'unroutable']);
    assert.ok(open?.gaps.some(({ command }) => command.includes('route_localnet')));
    const off = 'net.ipv4.conf.all.route_localnet = 0\n';
    assert.equal(asked(without + off)?.verdict, 'insufficient-info');
    assert.equal(asked(without + off + off.replace('all', 'eth0'))?.verdict, 'unroutable');
    assert.equal(asked(`${without}net.ipv4.conf.all.route_localnet = 1\n`)?.verdict, 'local');
  });

  it('passes a route over whose device has no carrier only where it is told to', () => {
    const routes = ROUTES.replace(
      'default via 10.0.2.2 dev eth1',
      '10.9.0.0/16 via 10.0.2.2 dev eth1 linkdown\ndefault via 10.0.1.9 dev eth0',
    );
    const way = WAY.replace(/dst=\S+/, 'dst=10.9.0.1');
    const out = (settings: string) => ask([ADDRESSES, RULES, routes, SYSCTLS + settings, tables('', '')], way)[0]?.out;
    assert.equal(out(''), 'eth1');
    for (const device of ['all', 'eth1']) assert.equal(out(`net.ipv4.conf.${device}.ignore_routes_with_linkdown = 1\n`), 'eth0');
    assert.equal(out('net.ipv4.conf.eth0.ignore_routes_with_linkdown = 1\n'), 'eth1');
  });
});
