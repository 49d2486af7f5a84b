import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ADDRESSES, ask, ROUTES, RULES, SYSCTLS, tables, WAY } from './small-router';

describe('what the kernel does, where captures leave it open', () => {
  it('is certain where nothing is missing', () => {
    const [trace] = ask([ADDRESSES, RULES, ROUTES, SYSCTLS, tables('', '')], WAY);
    assert.deepEqual([trace?.verdict, trace?.certainty, trace?.out], ['forwarded', 'captured', 'eth1']);
  });

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

  it('is open where no route was captured that might make a sender from elsewhere an address of the host itself', () => {
    const settings = `${SYSCTLS}net.ipv4.conf.all.rp_filter = 0\n`;
    const asked = (src: string, ...routes: readonly string[]) =>
      ask(
        [ADDRESSES, RULES, ...routes, settings, tables('', '')],
        WAY.replace(/src=\S+/, `src=${src}`).replace(/dst=\S+/, 'dst=10.0.1.1'),
      )[0];
    const open = asked('172.16.6.6');
    assert.deepEqual([open?.verdict, open?.likely], ['insufficient-info', 'local']);
    assert.ok(open?.gaps.some(({ command }) => command === 'ip route show table all'));
    // A neighbour is somebody else, and who captured routes has shown what is there.
    assert.equal(asked('10.0.1.2')?.verdict, 'local');
    assert.equal(asked('172.16.6.6', ROUTES)?.verdict, 'local');
    // Nor do rules alone show that no route leads on.
    const rules = RULES.replace(/32766:.*\n32767:.*\n/, '');
    const nowhere = ask([ADDRESSES, rules, settings, tables('', '')], WAY)[0];
    assert.deepEqual([nowhere?.verdict, nowhere?.likely], ['insufficient-info', 'unroutable']);
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

  it('asks both back ends of iptables, and is open where one warns of tables of the other that nobody captured', () => {
    const nft = tables('-A FORWARD -p tcp -j ACCEPT\n', '').replace(
      '*raw',
      '# Generated by iptables-save v1.8.9 (nf_tables) on x\n*raw',
    );
    const warned = `${nft}# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n`;
    const old = tables('-A FORWARD -p tcp -j DROP\n', '').replace('iptables-save', 'iptables-legacy-save');
    const asked = (...rules: readonly string[]) => ask([ADDRESSES, RULES, ROUTES, SYSCTLS, ...rules], WAY)[0];
    assert.equal(asked(nft)?.verdict, 'forwarded');
    assert.equal(asked(nft, old)?.verdict, 'dropped');
    assert.equal(asked(old, warned)?.verdict, 'dropped');
    const open = asked(warned);
    assert.deepEqual([open?.verdict, open?.likely], ['insufficient-info', 'forwarded']);
    assert.ok(open?.gaps.some(({ command }) => command === 'iptables-legacy-save'));
    // A listing that says nothing of itself is the same table once more.
    assert.equal(
      asked(old, tables('-A FORWARD -p tcp -j DROP\n', ''))?.rules.filter(({ verdict }) => verdict === 'DROP').length,
      1,
    );
  });

  it('is open where routing rules are cut or missing that tables are there for', () => {
    for (const rules of [RULES.replace('32766:\tfrom all lookup main', '...'), '']) {
      const [trace] = ask([ADDRESSES, rules, ROUTES, SYSCTLS, tables('', '')], WAY);
      assert.equal(trace?.verdict, 'insufficient-info');
      assert.ok(trace.gaps.some(({ command }) => command === 'ip rule'));
    }
  });

  it('is open where a better route may stand in a line that was cut', () => {
    const [trace] = ask(
      [ADDRESSES, RULES, ROUTES.replace('local 10.0.2.1', '...\nlocal 10.0.2.1'), SYSCTLS, tables('', '')],
      WAY,
    );
    assert.deepEqual([trace?.verdict, trace?.likely], ['insufficient-info', 'forwarded']);
  });

  it('does not know which address MASQUERADE takes without addresses', () => {
    const rules = tables('', '-A POSTROUTING -o eth1 -j MASQUERADE\n');
    const [known] = ask([ADDRESSES, RULES, ROUTES, SYSCTLS, rules], WAY);
    assert.deepEqual([known?.verdict, known?.packet.src], ['forwarded', '10.0.2.1']);
    const [trace] = ask([RULES, ROUTES, SYSCTLS, rules], WAY);
    assert.equal(trace?.verdict, 'insufficient-info');
    assert.ok(trace.gaps.some(({ command }) => command === 'ip a'));
  });

  it('does not take routes by devices of a group that a rule suppresses', () => {
    const rules = RULES.replace('32766:', '50:\tfrom all lookup main suppress_ifgroup 7\n60:\tfrom all lookup 100\n32766:');
    const [trace] = ask([ADDRESSES, rules, ROUTES, SYSCTLS, tables('', '')], WAY);
    assert.deepEqual([trace?.verdict, trace?.out, trace?.nextHop], ['forwarded', 'eth0', '10.0.1.9']);
  });

  it('leaves the answer to a refused packet open where only that is not known', () => {
    const rules = tables('-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n', '');
    const [known] = ask([ADDRESSES, RULES, ROUTES, SYSCTLS, rules], WAY);
    assert.deepEqual([known?.verdict, known?.answer], ['rejected', { type: 3, code: 10, name: 'icmp-host-prohibited' }]);
    const row = (source: string, code: string) =>
      `REJECT     all  --  ${source}          0.0.0.0/0            reject-with icmp-${code}\n`;
    const forward = row('10.0.1.0/24', 'port-unreachable') + row('0.0.0.0/0', 'host-prohibited');
    const listing = Object.entries({
      raw: ['PREROUTING', 'OUTPUT'],
      mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
      nat: ['PREROUTING', 'POSTROUTING'],
      filter: ['INPUT', 'FORWARD', 'OUTPUT'],
    }).map(([table, names]) => {
      const chains = names.map(
        (name) =>
          `Chain ${name} (policy ACCEPT)\ntarget     prot opt source               destination\n${table === 'filter' && name === 'FORWARD' ? forward : ''}`,
      );
      return `root@router:~# iptables -t ${table} -L -n\n${chains.join('\n')}`;
    });
    const [open] = ask([ADDRESSES, RULES, ROUTES, SYSCTLS, ...listing], WAY);
    assert.deepEqual([open?.likely, open?.answer, open?.answerOpen], ['rejected', undefined, true]);
  });

  it('counts a connection that another one announced as RELATED, once', () => {
    const expected = `root@router:~# conntrack -L expect
179 proto=6 src=10.0.1.2 dst=10.0.2.9 sport=0 dport=5001 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.0.1.2 master-dst=10.0.2.9 sport=41000 dport=21 class=0 helper=ftp
root@router:~# conntrack -L
tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.9 sport=41000 dport=21 src=10.0.2.9 dst=10.0.1.2 sport=21 dport=41000 [ASSURED] mark=5 use=2
`;
    const rules = tables('-A FORWARD -m conntrack --ctstate RELATED -m connmark --mark 0x5 -j ACCEPT\n-A FORWARD -j DROP\n', '');
    const asked = (sport: number) => `iif=eth0 src=10.0.1.2 dst=10.0.2.9 proto=tcp sport=${sport} dport=5001`;
    const [first, second] = ask([ADDRESSES, RULES, ROUTES, SYSCTLS, expected, rules], asked(42000), asked(42001));
    assert.deepEqual([first?.verdict, first?.ctstate], ['forwarded', 'RELATED']);
    assert.deepEqual([second?.verdict, second?.ctstate], ['dropped', 'NEW']);
  });

  it('asks connected sockets where all of them were captured', () => {
    const proxy = '-A PREROUTING -p tcp -j TPROXY --on-port 3128 --on-ip 0.0.0.0 --tproxy-mark 0x8000/0x8000\n';
    const rules = tables('', '').replace(/(\*mangle\n(?::.*\n)+)/, `$1${proxy}`);
    const listing = `Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess
tcp   LISTEN 0      64           0.0.0.0:22        0.0.0.0:*
tcp   ESTAB  0      0           10.0.1.1:22       10.0.1.2:40000
`;
    const ack = 'iif=eth0 src=10.0.1.3 dst=10.0.1.1 proto=tcp sport=40000 dport=22 flags=ack';
    const [all] = ask([ADDRESSES, RULES, ROUTES, SYSCTLS, rules, `root@router:~# ss -tuna\n${listing}`], ack);
    assert.equal(all?.verdict, 'dropped');
    const [own] = ask(
      [ADDRESSES, RULES, ROUTES, SYSCTLS, rules, `root@router:~# ss -tuna\n${listing}`],
      ack.replace('10.0.1.3', '10.0.1.2'),
    );
    assert.equal(own?.verdict, 'insufficient-info');
    const [listening] = ask([ADDRESSES, RULES, ROUTES, SYSCTLS, rules, `root@router:~# ss -ltun\n${listing}`], ack);
    assert.equal(listening?.verdict, 'insufficient-info');
  });

  it('does not know whose the socket is that a proxy gave to a packet which a bridge takes on', () => {
    const rules = tables('', '-A POSTROUTING -m owner --uid-owner 0 -j NETMAP --to 10.9.0.0/24\n');
    const proxy = '-A PREROUTING -p tcp -j TPROXY --on-port 3128 --on-ip 0.0.0.0 --tproxy-mark 0x8000/0x8000\n';
    const bridge = `${ADDRESSES}4: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    inet 10.0.5.1/24 scope global br0
5: p0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP group default qlen 1000
6: p1@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP group default qlen 1000
`;
    const sysctls = `${SYSCTLS}net.bridge.bridge-nf-call-iptables = 1\n`;
    const sockets =
      'root@router:~# ss -tuna\nNetid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\ntcp   LISTEN 0      64           0.0.0.0:3128        0.0.0.0:*\n';
    const frame =
      'iif=br0 physin=p1 physout=p0 src=10.0.5.7 dst=10.0.5.8 proto=tcp sport=500 dport=53 smac=02:00:00:00:07:02 dmac=02:00:00:00:06:02';
    const [plain] = ask([bridge, RULES, ROUTES, sysctls, rules, sockets], frame);
    assert.deepEqual([plain?.verdict, plain?.packet.src], ['forwarded', '10.0.5.7']);
    const proxied = rules.replace(/(\*mangle\n(?::.*\n)+)/, `$1${proxy}`);
    const [open] = ask([bridge, RULES, ROUTES, sysctls, proxied, sockets], frame);
    assert.deepEqual([open?.verdict, open?.likely], ['insufficient-info', 'forwarded']);
  });

  describe('of several packets', () => {
    const udp = (src: string, dst: string, iif: string, ports = 'sport=500 dport=53') =>
      `iif=${iif} src=${src} dst=${dst} proto=udp ${ports}`;
    const answer = udp('10.0.2.9', '10.0.1.2', 'eth1', 'sport=53 dport=500');

    it('leaves the answer open where it is open whether the question came through, and nothing else', () => {
      const rules = tables(
        '-A FORWARD -m set --match-set unknown src -j DROP\n-A FORWARD -i eth1 -m conntrack --ctstate NEW -j DROP\n',
        '',
      );
      const all = [ADDRESSES, RULES, ROUTES, SYSCTLS, rules];
      const [asked, answered, other] = ask(all, udp('10.0.1.2', '10.0.2.9', 'eth0'), answer, udp('10.0.2.8', '10.0.1.3', 'eth1'));
      assert.deepEqual([asked?.verdict, asked?.likely], ['insufficient-info', 'forwarded']);
      assert.deepEqual([answered?.verdict, answered?.likely], ['insufficient-info', 'forwarded']);
      assert.ok(answered?.gaps.some(({ command }) => command.includes('ipset')));
      assert.equal(other?.verdict, 'dropped');
    });

    it('knows that packets which end alike may have left connections that differ', () => {
      const zones = tables('-A FORWARD -i eth1 -m conntrack --ctstate NEW -j DROP\n', '').replace(
        ':OUTPUT ACCEPT [0:0]\nCOMMIT',
        ':OUTPUT ACCEPT [0:0]\n-A PREROUTING -i eth0 -m set --match-set unknown src -j CT --zone 7\nCOMMIT',
      );
      const [asked, answered] = ask([ADDRESSES, RULES, ROUTES, SYSCTLS, zones], udp('10.0.1.2', '10.0.2.9', 'eth0'), answer);
      assert.equal(asked?.verdict, 'forwarded');
      assert.equal(answered?.verdict, 'insufficient-info');
    });

    it('leaves open what may be the answer to a packet of which nobody knows what NAT made of it', () => {
      const filter = `root@router:~# iptables -S\n-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n`;
      const [asked, answered, other] = ask(
        [ADDRESSES, RULES, ROUTES, SYSCTLS, filter],
        udp('10.0.1.2', '10.0.2.9', 'eth0'),
        udp('10.0.2.9', '10.0.2.1', 'eth1', 'sport=53 dport=500'),
        udp('10.0.2.8', '10.0.2.1', 'eth1'),
      );
      assert.equal(asked?.verdict, 'insufficient-info');
      assert.equal(answered?.verdict, 'insufficient-info');
      assert.equal(other?.likely, 'local');
    });
  });

  it('asks the conditions of a rule of nft once, before the rule changes the packet', () => {
    const rule = (text: string) => `root@router:~# nft list ruleset
table inet t {
	chain forw {
		type filter hook forward priority filter; policy accept;
		${text}
	}
}
`;
    const verdict = (text: string) => ask([ADDRESSES, RULES, ROUTES, SYSCTLS, rule(text)], WAY)[0]?.verdict;
    assert.equal(verdict('meta mark 0x0 meta mark set 0x1 tcp dport 80 drop'), 'dropped');
    assert.equal(verdict('ip ttl > 60 ip ttl set 5 ip ttl 5 drop'), 'dropped');
    assert.equal(verdict('meta mark 0x0 meta mark set 0x1 meta mark 0x0 drop'), 'forwarded');
    const [limited] = ask(
      [ADDRESSES, RULES, ROUTES, SYSCTLS, rule('limit rate 5/second meta mark set 0x1 tcp dport 80 drop')],
      WAY,
    );
    assert.deepEqual(
      [limited?.verdict, limited?.alternatives.map(({ verdict, packet }) => [verdict, packet.mark])],
      ['dropped', [['forwarded', 0]]],
    );
  });

  describe('of sets that rules of nft change', () => {
    const nft = (...rules: string[]) => `root@router:~# nft list ruleset
table inet t {
	set seen {
		type ipv4_addr
		flags dynamic,timeout
		timeout 1m
	}

	chain forw {
		type filter hook forward priority filter; policy accept;
${rules.map((rule) => `\t\t${rule}\n`).join('')}	}
}
`;
    const all = (...rules: string[]) => [ADDRESSES, RULES, ROUTES, SYSCTLS, nft(...rules)];

    it('takes the rate that is kept for each element as a condition', () => {
      const [trace] = ask(all('add @seen { ip saddr limit rate over 10/second burst 5 packets } drop'), WAY);
      assert.deepEqual([trace?.verdict, trace?.certainty], ['forwarded', 'assumed']);
      assert.deepEqual(
        trace?.alternatives.map(({ verdict }) => verdict),
        ['dropped'],
      );
      const [plain] = ask(all('update @seen { ip saddr } drop'), WAY);
      assert.deepEqual([plain?.verdict, plain?.certainty], ['dropped', 'captured']);
    });

    it('knows what a packet has put into a set, as long as it is not forgotten', () => {
      const [first, second] = ask(all('ip saddr @seen drop', 'add @seen { ip saddr }'), WAY, WAY);
      assert.deepEqual([first?.verdict, first?.certainty], ['forwarded', 'captured']);
      assert.deepEqual([second?.verdict, second?.certainty], ['dropped', 'assumed']);
      assert.deepEqual(
        second?.alternatives.map(({ verdict }) => verdict),
        ['forwarded'],
      );
      const [same] = ask(all('add @seen { ip saddr }', 'ip saddr @seen drop'), WAY);
      assert.deepEqual([same?.verdict, same?.certainty], ['dropped', 'captured']);
      const [other] = ask(all('add @seen { ip daddr }', 'ip saddr @seen drop'), WAY);
      assert.deepEqual([other?.verdict, other?.certainty], ['forwarded', 'captured']);
      const [gone] = ask(all('add @seen { ip saddr }', 'delete @seen { ip saddr }', 'ip saddr @seen drop'), WAY);
      assert.deepEqual([gone?.verdict, gone?.certainty], ['forwarded', 'captured']);
      const [turned] = ask(all('add @seen { ip saddr }', 'ip saddr != @seen drop'), WAY);
      assert.deepEqual([turned?.verdict, turned?.certainty], ['forwarded', 'captured']);
      const [unnamed] = ask(all('add @seen { ct original ip saddr }', 'ip saddr @seen drop'), WAY);
      assert.deepEqual([unnamed?.verdict, unnamed?.likely], ['insufficient-info', 'forwarded']);
    });

    it('does not know what answers of this host itself have put into it', () => {
      const rules = ['tcp dport 22 ip saddr @seen drop'];
      const output =
        '\tchain outp {\n\t\ttype filter hook output priority filter; policy accept;\n\t\tadd @seen { ip daddr }\n\t}\n}\n';
      const captures = all(...rules).map((text) => text.replace(/\}\n$/, output));
      const own = 'iif=eth0 src=10.0.1.2 dst=10.0.1.1 proto=tcp sport=40000 dport=80';
      const ssh = 'iif=eth0 src=10.0.1.2 dst=8.8.8.8 proto=tcp sport=40000 dport=22';
      assert.deepEqual(
        ask(captures, WAY, ssh).map(({ verdict }) => verdict),
        ['forwarded', 'forwarded'],
      );
      const [, second] = ask(captures, own, ssh);
      assert.deepEqual([second?.verdict, second?.likely], ['insufficient-info', 'forwarded']);
    });

    it('lets the element that is there decide, not what the rule would give a new one', () => {
      const over = 'add @seen { ip saddr limit rate over 1000/second burst 5 packets }';
      const [kept] = ask(all(over, 'update @seen { ip saddr } drop'), WAY);
      assert.deepEqual([kept?.verdict, kept?.certainty], ['forwarded', 'assumed']);
      const [plain] = ask(all('update @seen { ip saddr }', `${over} drop`), WAY);
      assert.deepEqual([plain?.verdict, plain?.certainty], ['dropped', 'captured']);
      const [below] = ask(all('add @seen { ip saddr limit rate 1000/second }', 'update @seen { ip saddr } drop'), WAY);
      assert.deepEqual([below?.verdict, below?.certainty], ['dropped', 'assumed']);
    });

    it('reads the rates of captured elements', () => {
      const held = (element: string, ...rules: string[]) =>
        all(...rules).map((text) => text.replace('timeout 1m\n', `timeout 1m\n\t\telements = { ${element} }\n`));
      const over = '10.0.1.2 limit rate over 1/second burst 5 packets expires 59s';
      const verdicts = (element: string, rule: string) => {
        const [trace] = ask(held(element, rule), WAY);
        return [trace?.verdict, ...(trace?.alternatives.map(({ verdict }) => verdict) ?? [])];
      };
      assert.deepEqual(verdicts(over, 'ip saddr @seen drop'), ['forwarded', 'dropped']);
      assert.deepEqual(verdicts('10.0.1.2 limit rate 1/second', 'ip saddr @seen drop'), ['dropped', 'forwarded']);
      assert.deepEqual(verdicts(over, 'ip saddr != @seen drop'), ['forwarded']);
      assert.deepEqual(verdicts(over, 'update @seen { ip saddr } drop'), ['forwarded', 'dropped']);
      const rated = 'update @seen { ip saddr limit rate over 1/second } drop';
      assert.deepEqual(verdicts('10.0.1.2 expires 59s', rated), ['dropped']);
      assert.deepEqual(verdicts('10.0.1.3 expires 59s', rated), ['forwarded', 'dropped']);
      const [usual] = ask(
        all('update @seen { ip saddr } drop').map((text) =>
          text.replace('timeout 1m\n', 'timeout 1m\n\t\tlimit rate over 9/second\n'),
        ),
        WAY,
      );
      assert.deepEqual([usual?.verdict, usual?.certainty], ['forwarded', 'assumed']);
    });

    it('knows that only packets with the header come behind what puts it into a set', () => {
      const [trace] = ask(all('add @seen { ip6 saddr } drop'), WAY);
      assert.equal(trace?.verdict, 'forwarded');
    });

    it('ends the rule where the set is full', () => {
      const small = (flags: string, elements: string, ...rules: string[]) =>
        all(...rules).map((text) =>
          text.replace('flags dynamic,timeout\n\t\ttimeout 1m\n', `size 2\n\t\tflags ${flags}\n\t\t${elements}\n`),
        );
      const full = 'elements = { 10.9.9.1, 10.9.9.2 }';
      const of = (captures: string[], ...ways: string[]) =>
        ask(captures, ...ways).map(({ verdict, certainty }) => [verdict, certainty]);
      assert.deepEqual(of(small('dynamic', full, 'add @seen { ip saddr } drop'), WAY), [['forwarded', 'captured']]);
      assert.deepEqual(of(small('dynamic', 'elements = { 10.9.9.1, 10.0.1.2 }', 'add @seen { ip saddr } drop'), WAY), [
        ['dropped', 'captured'],
      ]);
      const [first, second] = of(
        small('dynamic', 'elements = { 10.9.9.1 }', 'update @seen { ip saddr } drop'),
        WAY,
        WAY.replace('src=10.0.1.2', 'src=10.0.1.3'),
      );
      assert.deepEqual(
        [first, second],
        [
          ['dropped', 'captured'],
          ['forwarded', 'captured'],
        ],
      );
      // What has timed out or was taken out may have its place still.
      const [timing] = ask(small('dynamic,timeout', full, 'add @seen { ip saddr } drop'), WAY);
      assert.deepEqual([timing?.verdict, timing?.alternatives.map(({ verdict }) => verdict)], ['forwarded', ['dropped']]);
      const [taken] = ask(
        small('dynamic', full, 'delete @seen { ip daddr }', 'add @seen { ip saddr } drop'),
        WAY.replace('8.8.8.8', '10.9.9.1'),
      );
      assert.deepEqual([taken?.verdict, taken?.alternatives.map(({ verdict }) => verdict)], ['forwarded', ['dropped']]);
    });

    it('does not know what a map has that rules change', () => {
      const map = all('add @m { ip daddr : 0x5 }', 'meta mark set ip daddr map @m', 'meta mark 0x5 drop').map((text) =>
        text.replace('\tset seen', '\tmap m {\n\t\ttype ipv4_addr : mark\n\t\tflags dynamic\n\t}\n\n\tset seen'),
      );
      assert.equal(ask(map, WAY)[0]?.verdict, 'insufficient-info');
    });
  });

  it('knows in nft the headers of IPv6, comparisons of flags, and at the end the device that a packet came by', () => {
    const nft = (...chains: [string, string][]) => [
      ADDRESSES,
      RULES,
      ROUTES,
      SYSCTLS,
      `root@router:~# nft list ruleset
table inet t {
${chains.map(([hook, rule]) => `\tchain ${hook}_c {\n\t\ttype filter hook ${hook} priority filter; policy accept;\n\t\t${rule}\n\t}\n`).join('')}}
`,
    ];
    const of = (rule: string, hook = 'forward', way = WAY) => {
      const [trace] = ask(nft([hook, rule]), way);
      return [trace?.verdict, trace?.certainty];
    };
    // Asked of Linux: what lies side by side in a header is one comparison, met unless all of it is what it says.
    assert.deepEqual(of('tcp sport != 40000 tcp dport != 53 drop'), ['dropped', 'captured']);
    assert.deepEqual(of('tcp sport != 40000 tcp dport != 80 drop'), ['forwarded', 'captured']);
    assert.deepEqual(of('tcp sport != 40000 counter packets 0 bytes 0 tcp dport != 53 drop'), ['forwarded', 'captured']);
    assert.deepEqual(of('tcp sport != 40000-40001 tcp dport != 53 drop'), ['forwarded', 'captured']);
    assert.deepEqual(of('ip saddr != 10.0.1.2 ip daddr != 8.8.4.4 drop'), ['forwarded', 'captured']);
    assert.deepEqual(of('ip ttl != 64 ip protocol != udp drop'), ['dropped', 'captured']);
    assert.deepEqual(of('exthdr frag missing drop'), ['forwarded', 'captured']);
    assert.deepEqual(of('exthdr hbh exists drop'), ['forwarded', 'captured']);
    assert.deepEqual(of('frag more-fragments 1 drop'), ['forwarded', 'captured']);
    const none = 'tcp flags & (fin | syn | rst | psh | ack | urg) < fin drop';
    assert.deepEqual(of(none, 'forward', `${WAY} flags=none`), ['dropped', 'captured']);
    assert.deepEqual(of(none, 'forward', `${WAY} flags=syn`), ['forwarded', 'captured']);
    assert.deepEqual(of('tcp flags & (syn | ack) >= ack drop', 'forward', `${WAY} flags=syn,ack`), ['dropped', 'captured']);
    assert.deepEqual(of('tcp flags & (syn | ack) >= ack drop', 'forward', `${WAY} flags=syn`), ['forwarded', 'captured']);
    assert.deepEqual(of('iifname "eth0" oifname "eth1" drop', 'postrouting'), ['dropped', 'captured']);
    assert.deepEqual(of('iifname "eth1" drop', 'postrouting'), ['forwarded', 'captured']);
    const own = 'dst=8.8.8.8 proto=tcp sport=40000 dport=80';
    assert.deepEqual(of('iifname "eth0" drop', 'postrouting', own), ['forwarded', 'captured']);
  });

  it('tells an answer by the port that NAT chose for it, and knows it from one of a connection that has ended', () => {
    const nat = '-A POSTROUTING -o eth1 -j MASQUERADE --random\n';
    const captures = [ADDRESSES, RULES, ROUTES, SYSCTLS, tables('', nat)];
    const out = `${WAY} flags=syn`;
    const back = (port: number, flags: string) =>
      `iif=eth1 src=8.8.8.8 dst=10.0.2.1 proto=tcp sport=80 dport=${port} flags=${flags}`;
    const verdicts = (...ways: string[]) => ask(captures, ...ways).map(({ verdict }) => verdict);
    assert.deepEqual(verdicts(out, back(2000, 'syn,ack'), back(2000, 'ack'), back(2001, 'ack')), [
      'forwarded',
      'forwarded',
      'forwarded',
      'local',
    ]);
    assert.deepEqual(verdicts(out, back(2000, 'rst,ack'), out, back(2000, 'syn,ack'), back(3000, 'syn,ack')), [
      'forwarded',
      'forwarded',
      'forwarded',
      'local',
      'forwarded',
    ]);
  });

  it('sends no TCP from an address that only another table calls local', () => {
    const routes = ROUTES.replace('default via 10.0.1.9 dev eth0 table 100', 'local 172.16.6.6 dev lo table 100');
    const rules = RULES.replace('32766:', '50:\tfrom all lookup 100\n32766:');
    const captures = [ADDRESSES, rules, routes, SYSCTLS, tables('', '')];
    const verdict = (way: string) => ask(captures, way)[0]?.verdict;
    assert.equal(verdict('dst=172.16.6.6 proto=tcp sport=40000 dport=80'), 'unroutable');
    assert.equal(verdict('dst=172.16.6.6 proto=udp sport=40000 dport=80'), 'local');
  });

  it('believes no range of nft whose first end lies beyond its last', () => {
    const captures = (mark: string) => [
      ADDRESSES,
      RULES,
      ROUTES,
      SYSCTLS,
      `root@router:~# nft list ruleset
table inet t {
	chain forw {
		type filter hook forward priority filter; policy accept;
		meta mark != ${mark} drop
	}
}
`,
    ];
    assert.equal(ask(captures('0x0000003c-0x00000010'), WAY)[0]?.verdict, 'insufficient-info');
    assert.equal(ask(captures('0x00000010-0x0000003c'), WAY)[0]?.verdict, 'dropped');
  });

  it('does not take a RETURN for granted whose interfaces a listing hides', () => {
    const list = `root@router:~# iptables -t filter -L -n
Chain INPUT (policy ACCEPT)
target     prot opt source               destination

Chain FORWARD (policy ACCEPT)
target     prot opt source               destination
RETURN     6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:80
MARK       0    --  0.0.0.0/0            8.8.8.8              MARK set 0x1

Chain OUTPUT (policy ACCEPT)
target     prot opt source               destination
`;
    const chains = {
      raw: 'PREROUTING OUTPUT',
      mangle: 'PREROUTING INPUT FORWARD OUTPUT POSTROUTING',
      nat: 'PREROUTING POSTROUTING',
    };
    const others = Object.entries(chains)
      .map(
        ([table, names]) =>
          `root@router:~# iptables -t ${table} -S\n${names.replace(/\S+ ?/g, (name) => `-P ${name.trim()} ACCEPT\n`)}`,
      )
      .join('');
    const [hidden] = ask([ADDRESSES, RULES, ROUTES, SYSCTLS, others, list], WAY);
    assert.deepEqual([hidden?.verdict, hidden?.packet.mark], ['insufficient-info', 0]);
    assert.deepEqual(
      hidden?.alternatives.map(({ packet }) => packet.mark),
      [1, 0],
    );
  });

  it('leaves open whether a RST counts for a connection whose answered SYN may have been repeated before the capture', () => {
    const drops = tables('-A FORWARD -m conntrack --ctstate INVALID -j DROP\n', '');
    const asked = (flags: string, captured: string) => {
      const tracked = `root@router:~# conntrack -L\ntcp      6 100 SYN_SENT src=10.0.1.2 dst=8.8.8.8 sport=40000 dport=80 ${captured}src=8.8.8.8 dst=10.0.1.2 sport=80 dport=40000 mark=0 use=1\n`;
      return ask([ADDRESSES, RULES, ROUTES, SYSCTLS, drops, tracked], `${WAY} flags=${flags}`)[0];
    };
    const open = asked('rst,ack', '');
    assert.deepEqual([open?.verdict, open?.likely], ['insufficient-info', 'forwarded']);
    assert.ok(open?.gaps.some(({ command, why }) => command === 'conntrack -L' && why.includes('repeated')));
    // Without numbers of the answerer that it could contradict it is in order, and a SYN that nobody answered was the last segment.
    assert.equal(asked('rst', '')?.verdict, 'forwarded');
    assert.equal(asked('rst,ack', '[UNREPLIED] ')?.verdict, 'dropped');
  });
});
