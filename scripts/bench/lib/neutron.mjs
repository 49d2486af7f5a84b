// A br-int as Neutron's Open vSwitch firewall fills it: for each port its addresses, its rules and where its packets go.
const hex = (n) => `0x${n.toString(16)}`;
const mac = (port) => `fa:16:3e:00:${(port >> 8).toString(16).padStart(2, '0')}:${(port & 255).toString(16).padStart(2, '0')}`;
const address = (port) => `10.${port >> 16}.${(port >> 8) & 255}.${port & 255}`;

/** Ports that the switch has; the flows of a larger table are also about ports that come and go. */
const PORTS = 200;
const NETWORKS = 20;
const RULES = 6;
const tagOf = (port) => 1 + (port % NETWORKS);

function flowsOf(port) {
  const reg5 = `reg5=${hex(port)}`;
  const load = `load:${hex(port)}->NXM_NX_REG5[],load:${hex(tagOf(port))}->NXM_NX_REG6[]`;
  const from = `${reg5},in_port=${port},dl_src=${mac(port)}`;
  const zone = 'zone=NXM_NX_REG6[0..15]';
  const rules = Array.from({ length: RULES }, (_, n) => {
    const states = 'ct_state=+new-est';
    return `table=82, priority=77,${states},tcp,${reg5},tp_dst=${8000 + n} actions=ct(commit,${zone}),output:${port}`;
  });
  return [
    `table=60, priority=100,in_port=${port} actions=${load},resubmit(,71)`,
    `table=71, priority=95,arp,${from},arp_spa=${address(port)} actions=resubmit(,94)`,
    `table=71, priority=65,ip,${from},nw_src=${address(port)} actions=ct(table=72,${zone})`,
    `table=72, priority=75,ct_state=+new-est,ip,${reg5} actions=resubmit(,73)`,
    `table=72, priority=77,ct_state=+est-rel-rpl,ip,${reg5} actions=resubmit(,73)`,
    `table=73, priority=100,reg6=${hex(tagOf(port))},dl_dst=${mac(port)} actions=load:${hex(port)}->NXM_NX_REG5[],resubmit(,81)`,
    `table=81, priority=70,ip,${reg5} actions=ct(table=82,${zone})`,
    ...rules,
    `table=94, priority=12,reg6=${hex(tagOf(port))},dl_dst=${mac(port)} actions=output:${port}`,
  ];
}

/** What an operator captures of a switch with about `size` flows, its flows alone for a real switch, and questions about it. */
export function neutronTables(size) {
  const count = Math.round(size / flowsOf(1).length);
  const statistics = (line) => {
    const [, table, rest] = /^(table=\d+), (.*)$/.exec(line);
    return ` cookie=0x1f5, duration=86400.125s, ${table}, n_packets=10, n_bytes=980, ${rest}`;
  };
  const lines = [
    'table=0, priority=0 actions=resubmit(,60)',
    'table=60, priority=3 actions=NORMAL',
    ...[71, 72, 73, 81, 82, 94].map((table) => `table=${table}, priority=0 actions=drop`),
    ...Array.from({ length: count }, (_, n) => flowsOf(n + 1)).flat(),
  ];
  const ports = Array.from({ length: Math.min(PORTS, count) }, (_, n) => ({ name: `tap${n + 1}`, ofport: n + 1 }));
  const capture = [
    'hv1# ovs-vsctl show',
    '0c9e2d51-7a64-4f0b-9d6e-3b2f8a51c7e0',
    '    Bridge br-int',
    '        fail_mode: secure',
    '        datapath_type: dummy',
    '        Port br-int',
    '            Interface br-int',
    '                type: internal',
    ...ports.flatMap(({ name }) => [`        Port ${name}`, `            Interface ${name}`, '                type: dummy']),
    'hv1# ovs-appctl dpif/show',
    'dummy@ovs-dummy: hit:0 missed:0',
    '  br-int:',
    '    br-int 65534/100: (dummy-internal)',
    ...ports.map(({ name, ofport }) => `    ${name} ${ofport}/${ofport}: (dummy)`),
    'hv1# ovs-ofctl dump-flows br-int',
    ...lines.map(statistics),
    '',
  ].join('\n');
  const question = (n) => {
    const from = 1 + ((n * 7) % ports.length);
    // Another port of the same network.
    const to = 1 + ((from - 1 + NETWORKS * (1 + (n % 3))) % ports.length);
    const addresses = `dl_src=${mac(from)},dl_dst=${mac(to)},nw_src=${address(from)},nw_dst=${address(to)}`;
    return `in_port=${from},tcp,${addresses},nw_ttl=64,tp_src=${40_000 + n},tp_dst=${8000 + (n % (RULES + 1))}`;
  };
  /** The packet in table 82, which has a flow for each service of each port. */
  const atService = (n) => `${question(n)},ct_state=trk|new,reg5=${hex(1 + (n % count))}`;
  return { flows: lines, ports, capture, question, atService, serviceTable: 82 };
}
