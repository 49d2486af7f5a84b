import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ADDRESSES, ask, ROUTES, RULES, SYSCTLS, tables, WAY } from './small-router';

const OTHER = WAY.replace('src=10.0.1.2', 'src=10.0.1.3');
const BACK = 'iif=eth1 src=8.8.8.8 dst=10.0.1.2 proto=tcp sport=80 dport=40000';

/** What becomes of packets where FORWARD has these rules and there are these sets. */
function traces(sets: string, rules: readonly string[], ...ways: readonly string[]) {
  const filter = rules.map((rule) => `-A FORWARD ${rule}\n`).join('');
  return ask([ADDRESSES, RULES, ROUTES, SYSCTLS, `root@router:~# ipset save\n${sets}\n`, tables(filter, '')], ...ways);
}

function verdicts(sets: string, rules: readonly string[], ...ways: readonly string[]): string[] {
  return traces(sets, rules, ...ways).map(({ verdict, certainty }) => (certainty === 'captured' ? verdict : `${verdict}?`));
}

const drop = (set: string, sides: string, options = '') => `-m set --match-set ${set} ${sides}${options} -j DROP`;

describe('sets of ipset that SET changes', () => {
  it('knows each element', () => {
    const rules = [drop('s', 'src'), '-j SET --add-set s src'];
    assert.deepEqual(verdicts('create s hash:ip', rules, WAY, OTHER, WAY, OTHER), [
      'forwarded',
      'forwarded',
      'dropped',
      'dropped',
    ]);
    assert.deepEqual(verdicts('create s hash:ip\nadd s 10.0.1.2', ['-j SET --del-set s src', drop('s', 'src')], WAY), [
      'forwarded',
    ]);
    assert.deepEqual(verdicts('create s hash:ip\nadd s 10.0.1.2', ['-j SET --del-set s src', drop('s', 'src')], BACK, WAY), [
      'forwarded',
      'forwarded',
    ]);
  });

  it('may be any where a list of sets was not captured whole', () => {
    const sets = (list: string) => `create s hash:ip\nadd s 10.0.1.2\ncreate l list:set size 8\n${list}`;
    const rules = ['-j SET --del-set l src', drop('s', 'src')];
    assert.deepEqual(verdicts(sets('add l s'), rules, WAY), ['forwarded']);
    assert.deepEqual(verdicts(sets(''), rules, WAY), ['dropped']);
    assert.deepEqual(verdicts(sets('...'), rules, WAY), ['insufficient-info?']);
    assert.deepEqual(verdicts('create s hash:ip\nadd s 10.0.1.2\n...', rules, WAY), ['insufficient-info?']);
  });

  it('does both that one rule says, putting in first', () => {
    const sets = 'create a hash:ip\ncreate b hash:ip\nadd b 10.0.1.2';
    assert.deepEqual(verdicts(sets, ['-j SET --del-set b src --add-set a src', drop('b', 'src')], WAY), ['forwarded']);
    assert.deepEqual(verdicts(sets, ['-j SET --del-set b src --add-set a src', drop('a', 'src')], WAY), ['dropped']);
    assert.deepEqual(verdicts(sets, ['-j SET --add-set b dst --del-set b dst', drop('b', 'dst')], WAY), ['forwarded']);
  });

  it('knows of several values which packet they are for', () => {
    const rules = [drop('p', 'src,dst'), '-j SET --add-set p src,dst'];
    const ssh = WAY.replace('dport=80', 'dport=22');
    assert.deepEqual(verdicts('create p hash:ip,port', rules, WAY, ssh, WAY), ['forwarded', 'forwarded', 'dropped']);
    // A set of two values that one side is named for takes nothing.
    assert.deepEqual(verdicts('create p hash:ip,port\nadd p 10.0.1.2,tcp:80', [drop('p', 'src')], WAY), ['forwarded']);
    assert.deepEqual(verdicts('create p hash:ip,port', ['-j SET --add-set p src', drop('p', 'src,dst')], WAY), ['forwarded']);
    // In FORWARD a packet has both devices.
    assert.deepEqual(verdicts('create i hash:net,iface', ['-j SET --add-set i src,src', drop('i', 'src,src')], WAY), ['dropped']);
    assert.deepEqual(verdicts('create i hash:net,iface', ['-j SET --add-set i src,dst', drop('i', 'src,src')], WAY), [
      'forwarded',
    ]);
  });

  it('puts networks in that are as narrow as the narrowest there', () => {
    const rules = ['-s 10.0.1.2 -j SET --add-set n src', drop('n', 'src')];
    assert.deepEqual(verdicts('create n hash:net', rules, WAY, OTHER), ['dropped', 'forwarded']);
    assert.deepEqual(verdicts('create n hash:net\nadd n 172.16.0.0/16\nadd n 192.0.2.0/24', rules, WAY, OTHER), [
      'dropped',
      'dropped',
    ]);
    const taken = ['-d 192.0.2.9 -j SET --del-set n dst', ...rules];
    const first = WAY.replace('src=10.0.1.2 dst=8.8.8.8', 'src=10.0.1.9 dst=192.0.2.9');
    const far = WAY.replace('src=10.0.1.2', 'src=10.0.77.7');
    assert.deepEqual(verdicts('create n hash:net\nadd n 172.16.0.0/16\nadd n 192.0.2.0/24', taken, first, WAY, far).slice(1), [
      'dropped',
      'dropped',
    ]);
  });

  it('leaves what is excepted as it is, unless the rule says that it may be there', () => {
    const sets = 'create n hash:net\nadd n 10.0.1.0/24\nadd n 10.0.1.2 nomatch';
    assert.deepEqual(verdicts(sets, ['-j SET --add-set n src', drop('n', 'src')], WAY), ['forwarded']);
    assert.deepEqual(verdicts(sets, ['-j SET --add-set n src --exist', drop('n', 'src')], WAY), ['dropped']);
    assert.deepEqual(verdicts(sets, ['-j SET --del-set n src', drop('n', 'src')], WAY), ['dropped']);
  });

  it('puts nothing into a full set, and the packet goes on', () => {
    const full = 'create s hash:ip maxelem 2\nadd s 192.0.2.1\nadd s 192.0.2.2';
    assert.deepEqual(verdicts(full, ['-j SET --add-set s src', drop('s', 'src')], WAY), ['forwarded']);
    assert.deepEqual(verdicts(full.replace('2\nadd', '3\nadd'), ['-j SET --add-set s src', drop('s', 'src')], WAY, OTHER), [
      'dropped',
      'forwarded',
    ]);
    const [forced] = traces(full.replace('maxelem 2', 'maxelem 2 forceadd'), ['-j SET --add-set s src', drop('s', 'src')], WAY);
    assert.equal(forced?.verdict, 'insufficient-info');
  });

  it('knows that time may have taken it out', () => {
    const sets = 'create s hash:ip timeout 60';
    const [first, second] = traces(sets, [drop('s', 'src'), '-j SET --add-set s src'], WAY, WAY);
    assert.deepEqual([first?.verdict, second?.verdict, second?.certainty], ['forwarded', 'dropped', 'assumed']);
    assert.deepEqual(
      second?.alternatives.map(({ verdict }) => verdict),
      ['forwarded'],
    );
    assert.deepEqual(verdicts(sets, [drop('s', 'src'), '-j SET --add-set s src --timeout 0'], WAY, WAY), [
      'forwarded',
      'dropped',
    ]);
    assert.deepEqual(verdicts(`${sets.replace('60', '0')}`, [drop('s', 'src'), '-j SET --add-set s src'], WAY, WAY), [
      'forwarded',
      'dropped',
    ]);
  });

  it('puts into the first set of a list that takes it', () => {
    const sets = 'create p hash:ip,port\ncreate a hash:ip\ncreate b hash:ip\ncreate l list:set\nadd l p\nadd l a\nadd l b';
    const rules = (set: string) => ['-j SET --add-set l src', drop(set, 'src')];
    assert.deepEqual(verdicts(sets, rules('a'), WAY), ['dropped']);
    assert.deepEqual(verdicts(sets, rules('b'), WAY), ['forwarded']);
    // What is in the first already goes into the next one.
    const twice = ['-j SET --add-set l src', ...rules('b')];
    assert.deepEqual(verdicts(sets, twice, WAY), ['dropped']);
    assert.deepEqual(
      verdicts(
        sets,
        twice.map((rule) => rule.replace('l src', 'l src --exist')),
        WAY,
      ),
      ['forwarded'],
    );
    assert.deepEqual(verdicts(sets, rules('l'), WAY), ['dropped']);
  });

  it('leaves open what a set has that was not captured whole', () => {
    const rules = [drop('s', 'src'), '-j SET --add-set s dst'];
    assert.deepEqual(verdicts('create s hash:ip\n...', rules, BACK, WAY), ['insufficient-info?', 'insufficient-info?']);
    // A narrower network may be excepted in a line that is missing.
    assert.deepEqual(verdicts('create n hash:net\nadd n 10.0.0.0/8\n...', [drop('n', 'src')], WAY), ['insufficient-info?']);
    assert.deepEqual(verdicts('create s hash:ip\nadd s 10.0.1.2\n...', [drop('s', 'src')], WAY), ['dropped']);
  });

  it('does not know what answers of this host have put in', () => {
    const own = 'iif=eth0 src=10.0.1.2 dst=10.0.1.1 proto=tcp sport=40000 dport=80';
    const output = '-A OUTPUT -j SET --add-set s dst\n';
    const captures = (change: string) => [
      ADDRESSES,
      RULES,
      ROUTES,
      SYSCTLS,
      'root@router:~# ipset save\ncreate s hash:ip\n',
      tables(`-A FORWARD ${drop('s', 'src')}\n${change}`, ''),
    ];
    assert.equal(ask(captures(output), own, WAY)[1]?.verdict, 'insufficient-info');
    assert.equal(ask(captures(output), OTHER, WAY)[1]?.verdict, 'forwarded');
    assert.equal(ask(captures(output.replace('dst', 'src')), own, WAY)[1]?.verdict, 'forwarded');
  });
});

describe('cards in sets of ipset', () => {
  const CARDS = 'create m bitmap:ip,mac range 10.0.0.0/16\nadd m 10.0.1.2';
  const from = (n: number) => `${WAY} smac=02:00:00:00:99:0${n}`;
  const forgets = `${CARDS.replace('/16', '/16 timeout 60')}`;
  const rule = [drop('m', 'src,src')];

  it('keeps open which card an address alone got from a packet of which nobody told', () => {
    // Without its card nobody knows that there is a frame, either.
    assert.deepEqual(verdicts(CARDS, rule, WAY), ['insufficient-info?']);
    const ethernet = ADDRESSES.replace(/inet 10/g, 'link/ether 02:00:00:00:01:01 brd ff:ff:ff:ff:ff:ff\n    inet 10');
    const captures = [
      ethernet,
      RULES,
      ROUTES,
      SYSCTLS,
      `root@router:~# ipset save\n${CARDS}\n`,
      tables(`-A FORWARD ${rule[0]}\n`, ''),
    ];
    const found = ask(captures, WAY, from(1)).map(({ verdict }) => verdict);
    assert.deepEqual(found, ['dropped', 'insufficient-info']);
    // The same packet has the same card all the way.
    const twice = tables('-A FORWARD -m set --match-set m src,src\n-A FORWARD -m set ! --match-set m src,src -j DROP\n', '');
    assert.equal(ask([...captures.slice(0, -1), twice], WAY)[0]?.verdict, 'forwarded');
    assert.deepEqual(
      verdicts('create h hash:ip,mac\nadd h 10.0.1.2,02:00:00:00:99:01', [drop('h', 'src,src')], WAY, from(1), from(2)),
      ['insufficient-info?', 'dropped', 'forwarded'],
    );
    assert.deepEqual(verdicts('create h hash:mac\nadd h 02:00:00:00:99:01', [drop('h', 'src')], WAY), ['insufficient-info?']);
  });

  it('keeps open what got it where another condition before it is open', () => {
    const open = ['-m set --match-set unknown src -m set --match-set m src,src -j MARK --set-mark 1', ...rule];
    assert.deepEqual(verdicts(CARDS, open.slice(0, 1), from(1)), ['insufficient-info?']);
    const [first, second] = traces(
      CARDS,
      ['-m set --match-set unknown src -m set --match-set m src,src', '-s 10.0.1.2 -i eth0 -m set --match-set m src,dst -j DROP'],
      `${from(1)} dmac=02:00:00:00:99:07`,
      `${from(2)} dmac=02:00:00:00:99:01`,
    );
    assert.deepEqual([first?.verdict, second?.verdict], ['insufficient-info', 'insufficient-info']);
    // Chance alone is told as such.
    const limited = ['-m limit --limit 5/min -m set --match-set m src,src -j ACCEPT', ...rule];
    const [likely] = traces(CARDS, limited, from(1));
    assert.deepEqual([likely?.verdict, likely?.certainty], ['forwarded', 'assumed']);
  });

  it('does not know whether a line that is missing has the address', () => {
    const cut = 'create m bitmap:ip,mac range 10.0.0.0/16\n...';
    assert.deepEqual(verdicts(cut, rule, from(1), from(2)), ['insufficient-info?', 'insufficient-info?']);
    assert.deepEqual(verdicts(`${cut}\nadd m 10.0.1.2`, rule, from(1), from(2)), ['dropped', 'forwarded']);
  });

  it('knows that time may have taken the address out once it has a card', () => {
    const [first, second, third] = traces(forgets, rule, from(1), from(1), from(2));
    assert.deepEqual([first?.verdict, first?.certainty], ['dropped', 'captured']);
    assert.deepEqual([second?.verdict, second?.certainty], ['dropped', 'assumed']);
    assert.deepEqual([third?.verdict, third?.certainty], ['forwarded', 'captured']);
  });

  it('says that nobody knows what an element has counted', () => {
    const sets = 'create s hash:ip counters\nadd s 10.0.1.2 packets 3 bytes 200';
    const [trace] = traces(sets, [drop('s', 'src', ' --packets-gt 5')], WAY);
    assert.deepEqual([trace?.verdict, trace?.gaps], ['insufficient-info', []]);
    assert.match(trace?.alternatives[0]?.because.join() ?? '', /has counted/);
    assert.deepEqual(verdicts(sets, [drop('s', 'src', ' --packets-gt 5')], OTHER), ['forwarded']);
    // An element that nobody captured is another matter.
    const [cut] = traces('create s hash:ip counters\n...', [drop('s', 'src', ' --packets-gt 5')], WAY);
    assert.deepEqual(
      cut?.gaps.map(({ command }) => command),
      ['ipset list'],
    );
  });

  it('does not take a port that NAT chose by chance for one that is in no set', () => {
    const nat = '-A PREROUTING -p tcp -j DNAT --to-destination 10.0.2.9:8000-8009 --random\n';
    const sets = 'root@router:~# ipset save\ncreate p hash:ip,port\nadd p 10.0.2.9,tcp:8003\n';
    const captures = [ADDRESSES, RULES, ROUTES, SYSCTLS, sets, tables(`-A FORWARD ${drop('p', 'dst,dst')}\n`, nat)];
    const [trace] = ask(captures, WAY);
    assert.deepEqual([trace?.verdict, trace?.certainty], ['forwarded', 'assumed']);
    assert.deepEqual(
      trace?.alternatives.map(({ verdict }) => verdict),
      ['dropped'],
    );
  });
});

describe('elements of ipset', () => {
  it('takes the narrowest network of the first value before those of the next', () => {
    const sets = 'create n hash:net,net\nadd n 10.0.0.0/8,8.8.8.0/24\nadd n 10.0.1.0/24,8.0.0.0/8 nomatch';
    assert.deepEqual(verdicts(sets, [drop('n', 'src,dst')], WAY), ['forwarded']);
  });

  it('knows the names of types of ICMP', () => {
    const ping = 'iif=eth0 src=10.0.1.2 dst=8.8.8.8 proto=icmp type=13 code=0 id=1';
    const set = (name: string) => `create p hash:ip,port\nadd p 10.0.1.2,icmp:${name}`;
    assert.deepEqual(verdicts(set('timestamp-request'), [drop('p', 'src,dst')], ping), ['dropped']);
    assert.deepEqual(verdicts(set('timestamp-reply'), [drop('p', 'src,dst')], ping), ['forwarded']);
    assert.deepEqual(verdicts(set('tos-host-unreachable'), [drop('p', 'src,dst')], ping.replace('13 code=0', '3 code=12')), [
      'dropped',
    ]);
  });
});
