import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';

const read = (text: string): CaptureDocument => readDocument('file:///n', 'n.txt', text);

/** Kind, records and troubles of each capture. */
const captures = (text: string) => read(text).captures.map(({ kind, records, errors }) => [kind, records, errors.length]);

describe('other tongues', () => {
  const one = (text: string) => {
    const [capture, ...others] = read(text).captures;
    assert.ok(capture !== undefined && others.length === 0);
    assert.deepEqual(capture.errors, []);
    return capture;
  };

  it('name the columns of route and arp their own way', () => {
    for (const head of [
      'Kernel-IP-Routentabelle\nZiel            Router          Genmask         Flags Metric Ref    Use Iface',
      'Table de routage IP du noyau\nDestination     Passerelle      Genmask         Indic Metric Ref    Use Iface',
      'Tabla de rutas IP del núcleo\nDestino         Pasarela        Genmask         Indic Métric Ref    Uso Interfaz',
    ]) {
      const [route] = one(
        `$ route -n\n${head}\n0.0.0.0         192.168.1.1     0.0.0.0         UG    100    0        0 eth0\n`,
      ).facts;
      assert.equal(route?.kind === 'route' && route.via?.value, '192.168.1.1');
    }
    for (const head of [
      'Adresse                  Hardware-Typ Hardware-Adresse    Optionen Maske      Schnittstelle',
      'Adresse                  TypeMap AdresseMat          Indicateurs           Iface',
    ]) {
      const [neighbour] = one(
        `$ arp -n\n${head}\n192.168.178.1            ether   9c:c7:a6:00:00:01   C                     eth0\n`,
      ).facts;
      assert.equal(neighbour?.kind === 'neighbour' && neighbour.mac?.value, '9c:c7:a6:00:00:01');
    }
  });

  it('name the lines of ifconfig their own way', () => {
    for (const text of [
      'eth0      Link encap:Ethernet  Hardware Adresse 00:11:22:33:44:55\n          inet Adresse:192.168.1.33  Bcast:192.168.1.255  Maske:255.255.255.0\n          inet6-Adresse: fe80::1/64 Gültigkeitsbereich:Verbindung\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metrik:1\n          RX-Pakete:100 Fehler:0 Verloren:0 Überläufe:0 Fenster:0\n          Kollisionen:0 Sendewarteschlangenlänge:1000',
      'eth0      Link encap:Ethernet  HWaddr 00:11:22:33:44:55\n          inet adr:192.168.1.33  Bcast:192.168.1.255  Masque:255.255.255.0\n          adr inet6: fe80::1/64 Scope:Lien\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n          Packets reçus:100 erreurs:0 :0 overruns:0 frame:0',
      'eth0      Link encap:Ethernet  direcciónHW 00:11:22:33:44:55\n          Direc. inet:192.168.1.33  Difus.:192.168.1.255  Másc:255.255.255.0\n          Dirección inet6: fe80::1/64 Alcance:Enlace\n          ACTIVO DIFUSIÓN FUNCIONANDO MULTICAST  MTU:1500  Métrica:1',
    ]) {
      const { facts } = one(`$ ifconfig\n${text}\n`);
      assert.deepEqual(
        facts.map((fact) =>
          fact.kind === 'link'
            ? [fact.mac?.value, fact.mtu?.value, fact.flags]
            : fact.kind === 'address' && [fact.ip.value, fact.prefix?.value],
        ),
        [
          ['00:11:22:33:44:55', 1500, ['UP', 'BROADCAST', 'RUNNING', 'MULTICAST']],
          ['192.168.1.33', 24],
          ['fe80::1', 64],
        ],
      );
    }
  });

  it('count answers to ping their own way', () => {
    for (const text of [
      'PING 8.8.8.8 (8.8.8.8) 56(84) Bytes an Daten.\n64 Bytes von 8.8.8.8: icmp_seq=1 ttl=115 Zeit=11.2 ms\n\n--- 8.8.8.8 Ping-Statistiken ---\n2 Pakete übertragen, 1 empfangen, 50% packet loss, Zeit 1001ms\nrtt min/avg/max/mdev = 11.200/11.350/11.500/0.150 ms',
      'PING 8.8.8.8 (8.8.8.8) 56(84) octets de données.\n64 octets de 8.8.8.8 : icmp_seq=1 ttl=115 temps=11.2 ms\n\n--- statistiques ping 8.8.8.8 ---\n2 paquets transmis, 1 reçus, 50 % paquets perdus, temps 0 ms',
    ]) {
      const [ping] = one(`$ ping -c 2 8.8.8.8\n${text}\n`).facts;
      assert.deepEqual(ping?.kind === 'ping' && [ping.target.value, ping.replies, ping.lost?.value], ['8.8.8.8', 1, '50%']);
    }
  });

  it('call the sockets of netstat their own way', () => {
    const [listener] = one(
      '$ netstat -tln\nConnexions Internet actives (seulement serveurs)\nProto Recv-Q Send-Q Adresse locale          Adresse distante        Etat      \ntcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN     \n',
    ).facts;
    assert.equal(listener?.kind === 'listener' && listener.port?.value, 22);
  });

  it('that are not understood do not make a list empty', () => {
    const elided = (text: string) => read(text).captures.map((capture) => capture.elided);
    assert.deepEqual(elided('[root@h ~]# ip r\nGibt es hier nicht\n\n[root@h ~]# ip n\n'), [true, false]);
  });
});

describe('/proc/net/arp', () => {
  it('tells neighbours by flags', () => {
    const title = 'IP address       HW type     Flags       HW address            Mask     Device';
    for (const command of ['cat /proc/net/arp', 'arp']) {
      const [capture] = read(
        `root@OpenWrt:~# ${command}\n${title}\n10.0.0.1    0x1         0x2         ac:e2:d3:00:00:01     *        br-lan\n10.0.0.2    0x1         0x0         00:00:00:00:00:00     *        br-lan\n10.0.0.3    0x1         0x6         ac:e2:d3:00:00:03     *        br-lan\n`,
      ).captures;
      assert.deepEqual(capture?.errors, []);
      assert.deepEqual(
        capture?.facts.map((fact) => fact.kind === 'neighbour' && [fact.ip.value, fact.mac?.value, fact.state?.value]),
        [
          ['10.0.0.1', 'ac:e2:d3:00:00:01', undefined],
          ['10.0.0.2', undefined, 'INCOMPLETE'],
          ['10.0.0.3', 'ac:e2:d3:00:00:03', 'PERMANENT'],
        ],
      );
    }
  });
});

describe('a file of /proc in a folder', () => {
  it('is of the machine whose folder holds it', () => {
    for (const [file, text] of [
      [
        'net/arp',
        'IP address       HW type     Flags       HW address            Mask     Device\n10.0.0.1  0x1  0x2  ac:e2:d3:00:00:01  *  eth0\n',
      ],
      ['net/nf_conntrack_expect', '297 l3proto = 2 proto=6 src=10.1.1.1 dst=10.2.2.2 sport=0 dport=41411 ftp\n'],
      ['net/netfilter/nfnetlink_queue', '    0  31621     0 2  4016     0     0        2  1\n'],
    ] as const) {
      const path = `sosreport-node7/proc/${file}`;
      assert.deepEqual(
        readDocument(`file:///${path}`, path, text).captures.map(({ host, records }) => [host, records]),
        [['sosreport-node7', 1]],
        path,
      );
    }
  });
});

describe('libvirt in other tongues', () => {
  it('lists domains and their interfaces', () => {
    for (const [title, running, off] of [
      ['Id    Name                           Status', 'laufend', 'ausgeschaltet'],
      ['Id    Nom                            État', 'en cours d’exécution', 'fermé'],
      ['Id    名称                         状态', 'running', '关闭'],
      ['ID    Имя    Состояние', 'работает', 'выключен'],
    ] as const) {
      const [capture] = read(
        `root@kvm:~# virsh list --all\n ${title}\n----------------------------------\n 3     web 1                          ${running}\n -     alt                            ${off}\n`,
      ).captures;
      assert.deepEqual(capture?.errors, [], title);
      assert.deepEqual(
        capture?.facts.map((fact) => fact.kind === 'domain' && fact.name?.value),
        ['web 1', 'alt'],
        title,
      );
    }
    for (const title of [
      'Schnittstelle Typ Quelle Modell MAC',
      'Interface  Type       Source     Modèle      MAC',
      '接口     类型     源        型号     MAC',
    ])
      assert.deepEqual(
        captures(`${title}\n-------------------------------\nvnet0   bridge   br0   virtio   52:54:00:11:22:33\n`),
        [['virsh-domiflist', 1, 0]],
        title,
      );
  });
});

describe('ifconfig without a mask', () => {
  it('tells it by the broadcast address, the class of the address first', () => {
    for (const [address, prefix] of [
      ['inet addr:10.0.0.5  Bcast:10.0.0.255', 24],
      ['inet addr:10.0.0.5  Bcast:10.255.255.255', 8],
      ['inet 192.168.3.4  broadcast 192.168.3.255', 24],
      ['inet 172.16.255.4  broadcast 172.16.255.255', 16],
      ['inet addr:10.0.0.5', 32],
    ] as const) {
      const head = address.includes('addr:') ? 'eth0      Link encap:Ethernet' : 'eth0: flags=4163<UP>  mtu 1500';
      const [capture] = read(`root@h:~# ifconfig\n${head}\n          ${address}\n`).captures;
      assert.deepEqual(
        capture?.facts.flatMap((fact) => (fact.kind === 'address' ? [fact.prefix.value] : [])),
        [prefix],
        address,
      );
    }
  });
});
