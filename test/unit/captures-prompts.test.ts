import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { places, read } from './read-text';

/** What stands between prompts, so that a prompt that is not seen makes two outputs one. */
const ROUTE = 'default via 10.0.0.1 dev eth0\n';

/** The hosts of commands behind these prompts, one after the other in one text; every line is understood. */
function hostsAt(...prompts: string[]): (string | undefined)[] {
  return places(prompts.map((prompt) => `${prompt}ip r\n${ROUTE}`).join('')).map(([, host]) => host);
}

describe('a prompt', () => {
  it('has the names of environments before it, or empty parentheses in a container', () => {
    assert.deepEqual(hostsAt('()[root@neutron-server-0 /]# ', '(overcloud) [stack@director ~]$ ', '()[nova@cpt7 /]$ '), [
      'neutron-server-0',
      'director',
      'cpt7',
    ]);
  });

  it('names folders and branches in many ways', () => {
    assert.deepEqual(
      hostsAt('me@box ~> ', 'me@box2 ~/net (main)> ', 'me@box3:~/net (fix/a)$ ', 'root@box4:~] $ ', 'me@box5: ', 'box6> '),
      ['box', 'box2', 'box3', 'box4', 'box5', 'box6'],
    );
    assert.deepEqual(hostsAt('➜  ~ ', '➜  net git:(main) ', '➜  net git:(main) ✗ '), [undefined, undefined, undefined]);
  });

  it('ends in a sign that says how the last command went', () => {
    assert.deepEqual(hostsAt('control ~ ➜  ', 'cluster2-control /etc ✖ ', 'root@node1 ~ ➜  ', 'node2 ~ on ☁️  (us-east-1) ➜  '), [
      'control',
      'cluster2-control',
      'node1',
      'node2',
    ]);
  });

  it('takes two lines, the first of which names the host', () => {
    assert.deepEqual(
      hostsAt(
        '┌──(me㉿attic)-[~]\n└─$ ',
        '┌─[root@cellar]─[~]\n└──╼ #',
        '╭─me@roof ~\n╰─$ ',
        '[node2] (local) root@10.1.0.8 ~\n$ ',
      ),
      ['attic', 'cellar', 'roof', 'node2'],
    );
  });

  it('ends an output where nothing was typed at it', () => {
    for (const idle of [
      'root@box:~] $',
      '➜  ~',
      '➜  net git:(main) ✗',
      'me@box ~>',
      'control ~ ✖',
      '()[root@box /]#',
      '┌──(me㉿attic)-[~]',
      '└─$',
    ])
      assert.deepEqual(read(`$ ip r\n${ROUTE}${idle}\n${ROUTE}`).captures.map(({ lastLine }) => lastLine)[0], 1, idle);
  });

  it('says that the machine has no name', () => {
    assert.deepEqual(hostsAt('(none)# ', '(none):~# '), [undefined, undefined]);
  });

  it('of a shell without a name is one before any command', () => {
    assert.deepEqual(places(`sh-5.1# ip r\n${ROUTE}sh-5.1# chroot /host\nsh-5.1# ip r\n${ROUTE}`).length, 2);
  });

  it('is no quotation of somebody whose sentence names programs', () => {
    assert.deepEqual(read('bob@example: ip is missing there\nneutron/nova managed machines:\n| a | b |\n').captures, []);
  });
});

describe('a shell that says what it runs', () => {
  it('ends outputs with every command', () => {
    const document = read(`+ ip r
${ROUTE}+ echo done
done
+ '[' -f /etc/gw ']'
+ GW=10.0.0.1
+ iptables -S
-P INPUT ACCEPT
+ set +x
`);
    assert.deepEqual(
      document.captures.map(({ kind, firstLine, lastLine }) => [kind, firstLine, lastLine]),
      [
        ['ip-route', 0, 1],
        ['iptables-rules', 6, 7],
      ],
    );
    assert.deepEqual(document.unclassified, []);
  });

  it('shows nothing of what it runs inside others', () => {
    assert.deepEqual(
      read('++ ip r\n++ grep default\n+ GW=10.0.0.1\n+ ip a\n').captures.map(({ kind }) => kind),
      ['ip-address'],
    );
  });
});

describe('a command', () => {
  it('goes on below a bar, and inside quotes', () => {
    const [xml, dump] = read(`web1$ virsh dumpxml app |
  xmllint --xpath '//interface' -
<interface type='bridge'>
  <mac address='52:54:00:0a:0b:0c'/>
  <source bridge='br0'/>
</interface>
web1$ tcpdump -ni eth0 'proto gre and
  ether[73:1]=17'
10:00:00.000001 IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 1, length 64
`).captures;
    assert.deepEqual([xml?.filter, xml?.errors, xml?.firstLine], ["| xmllint --xpath '//interface' -", [], 0]);
    assert.deepEqual([dump?.options['expression'], dump?.errors], ['proto gre and ether[73:1]=17', []]);
  });

  it('ends an output although it prints nothing of interest', () => {
    const document = read('# virsh list\n Id Name State\n----------------\n 1 app running\n# look at it\nvirsh edit app\n');
    assert.deepEqual([document.captures.length, document.unclassified], [1, []]);
  });
});

describe('the prompt of virsh', () => {
  const text = `virsh # domiflist c7
Interface  Type       Source     Model       MAC
-------------------------------------------------------
vnet0      network    br0        virtio      52:54:00:49:7d:8a
virsh # domiflist c8
Interface  Type       Source     Model       MAC
-------------------------------------------------------
vnet1      bridge     br9        rtl8139     52:54:00:49:7d:8b
virsh # console c8
Connected to domain c8

virsh # domifaddr c8
 Name       MAC address          Protocol     Address
-------------------------------------------------------------------------------
 vnet1      52:54:00:49:7d:8b    ipv4         192.168.122.19/24

virsh #
`;
  it('stands before commands that lack the name of the program', () => {
    for (const indent of ['', '    ']) {
      const document = read(text.replace(/^(?=.)/gm, indent));
      assert.deepEqual(document.unclassified, []);
      assert.deepEqual(
        document.captures.map(({ kind, target, host, records }) => [kind, target, host, records]),
        [
          ['virsh-domiflist', 'c7', undefined, 1],
          ['virsh-domiflist', 'c8', undefined, 1],
          ['virsh-domifaddr', 'c8', undefined, 1],
        ],
      );
    }
  });
});
