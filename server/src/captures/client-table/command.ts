import type { Recognised } from '../capture';

// Options of the clients that stand alone. All others take the next word as their value.
const FLAGS = new Set(
  (
    '--long --all-projects --all-tenants --all --insecure --debug --verbose --quiet --noindent --fit-width --print-empty --external ' +
    '--internal --share --no-share --enable --disable --minimal --ip-lookup --no-name-lookup --deleted --show-details --detail ' +
    '--details --diagnostics --locked --unlocked --dhcp --no-dhcp --default --no-default --human-readable --use-ranges ' +
    '--agents --private --public --shared --wait --no-gateway --unsorted --sort-ascending --sort-descending --help --version ' +
    '--os-cacert-insecure --os-beta-command --timing --timings -v -q -h -D -n -d'
  ).split(' '),
);

const VERBS = new Set(
  (
    'list show create set unset delete add remove issue revoke save restore reboot start stop pause unpause suspend resume ' +
    'migrate resize rescue unrescue lock unlock shelve unshelve rebuild backup dump evacuate ssh failover query check stats status ' +
    'download upload import export accept confirm revert allocate clear purge reset'
  ).split(' '),
);

/** Whether a verb makes the client print fields of one thing rather than rows of many. */
export function showsOne(verb: string): boolean {
  return (
    verb === 'show' ||
    verb === 'create' ||
    verb === 'boot' ||
    verb === 'set' ||
    verb === 'add' ||
    verb === 'update' ||
    verb === 'rebuild'
  );
}

/** What a command line of `nova`, `neutron`, `quantum` or `openstack` asks. */
export function recogniseClient(argv: readonly string[]): Recognised | undefined {
  const program = argv[0];
  if (program !== 'nova' && program !== 'neutron' && program !== 'quantum' && program !== 'openstack') return undefined;
  const { words, options } = splitOptions(argv.slice(1));
  if (program === 'openstack') return openstack(words, options);
  const verb = words[0];
  if (verb === undefined || !/^[a-z][a-z0-9-]*$/.test(verb)) return undefined;
  const kind = `${program === 'quantum' ? 'neutron' : program}-${verb}`;
  return finish(kind, words.slice(1), options);
}

function openstack(words: readonly string[], options: ReadonlyMap<string, string>): Recognised | undefined {
  const at = words.findIndex((word) => VERBS.has(word));
  if (at < 1 || words.slice(0, at).some((word) => !/^[a-z][a-z0-9-]*$/.test(word))) return undefined;
  // `server add floating ip NAME …`: nothing that is read depends on the nouns behind the verb.
  return finish(`openstack-${words.slice(0, at + 1).join('-')}`, words.slice(at + 1), options);
}

function finish(kind: string, rest: readonly string[], given: ReadonlyMap<string, string>): Recognised {
  const options: Record<string, string> = {};
  const format = given.get('-f') ?? given.get('--format');
  const columns = given.get('columns');
  if (format !== undefined) options['format'] = format;
  if (columns !== undefined) options['columns'] = columns;
  let target = rest[0];
  for (const filter of ['server', 'router', 'network', 'device-id'] as const) {
    const value = given.get(`--${filter}`) ?? given.get(`--${filter.replaceAll('-', '_')}`);
    if (target !== undefined || value === undefined || !kind.endsWith('-list')) continue;
    target = value;
    options['filter'] = filter;
  }
  return { kind, ...(target === undefined ? {} : { target }), ...(Object.keys(options).length === 0 ? {} : { options }) };
}

function splitOptions(argv: readonly string[]): { readonly words: string[]; readonly options: Map<string, string> } {
  const words: string[] = [];
  const options = new Map<string, string>();
  const columns: string[] = [];
  for (let n = 0; n < argv.length; n++) {
    const word = argv[n] ?? '';
    if (word === '--' || word === '' || word === '\\') continue;
    if (!word.startsWith('-')) {
      words.push(word);
      continue;
    }
    const equals = word.indexOf('=');
    const name = equals > 0 ? word.slice(0, equals) : /^-[cfF]./.test(word) ? word.slice(0, 2) : word;
    let value: string | undefined = equals > 0 ? word.slice(equals + 1) : name === word ? undefined : word.slice(2);
    if (value === undefined && !FLAGS.has(name)) {
      const next = argv[n + 1];
      // `server show --unheard-of X`: X is rather what is asked for than the value of an option at the end.
      const needed = n + 2 >= argv.length && words.at(-1) === 'show';
      if (next !== undefined && !next.startsWith('-') && !needed) {
        value = next;
        n++;
      }
    }
    if (value !== undefined && /^(?:-c|--column|-F|--field|--fields)$/.test(name)) columns.push(value);
    options.set(name, value ?? '');
  }
  if (columns.length > 0) options.set('columns', columns.join(','));
  return { words, options };
}

/** What a kind's table is about. */
export interface Subject {
  readonly client: string;
  readonly noun: string;
  readonly shape: 'one' | 'many';
}

const NOUNS: Readonly<Record<string, string>> = {
  server: 'instance',
  port: 'neutron-port',
  net: 'network',
  network: 'network',
  subnet: 'subnet',
  router: 'router',
  'floating-ip': 'floating-ip',
  floatingip: 'floating-ip',
};

/** The noun and the shape that a kind's name tells: `openstack-floating-ip-list` has many floating IPs. */
export function subjectOf(kind: string): Subject {
  if (kind === 'nova-interface-list' || kind === 'neutron-router-port-list') {
    return { client: kind.startsWith('nova') ? 'nova' : 'neutron', noun: 'neutron-port', shape: 'many' };
  }
  const words = kind.split('-');
  const client = words[0] ?? '';
  const verb = words.at(-1) ?? '';
  const shape = showsOne(verb) ? 'one' : 'many';
  const noun = words.slice(1, -1).join('-');
  if (client === 'nova')
    return { client, noun: noun === '' && (verb === 'list' || shape === 'one') ? 'instance' : 'other', shape };
  return { client, noun: (Object.hasOwn(NOUNS, noun) ? NOUNS[noun] : undefined) ?? 'other', shape };
}

/** Kinds that are known beforehand; `recogniseClient` makes up the names of others in the same way. */
export const CLIENT_KINDS: readonly string[] = [
  ...[
    'list',
    'show',
    'boot',
    'interface-list',
    'net-list',
    'network-list',
    'floating-ip-list',
    'hypervisor-list',
    'hypervisor-show',
  ],
  ...[
    'service-list',
    'host-list',
    'secgroup-list',
    'secgroup-list-rules',
    'list-secgroup',
    'flavor-list',
    'image-list',
    'delete',
    'stop',
  ],
  ...['start', 'reboot', 'migration-list', 'instance-action-list', 'keypair-list', 'interface-attach', 'interface-detach'],
]
  .map((verb) => `nova-${verb}`)
  .concat(
    [
      'net',
      'subnet',
      'port',
      'router',
      'floatingip',
      'security-group',
      'security-group-rule',
      'agent',
      'l3-agent',
      'dhcp-agent',
    ].flatMap((noun) => ['list', 'show', 'create', 'update', 'delete'].map((verb) => `neutron-${noun}-${verb}`)),
    ['router-port-list', 'router-interface-add', 'router-interface-delete', 'router-gateway-set', 'router-gateway-clear'].map(
      (verb) => `neutron-${verb}`,
    ),
    ['floatingip-associate', 'floatingip-disassociate', 'l3-agent-list-hosting-router', 'dhcp-agent-list-hosting-net'].map(
      (verb) => `neutron-${verb}`,
    ),
    ['router-list-on-l3-agent', 'net-list-on-dhcp-agent', 'ext-list', 'ext-show', 'lbaas-loadbalancer-show'].map(
      (verb) => `neutron-${verb}`,
    ),
    [
      ...[
        'server',
        'port',
        'network',
        'subnet',
        'router',
        'floating-ip',
        'security-group',
        'security-group-rule',
        'network-agent',
        'project',
      ],
      ...[
        'hypervisor',
        'host',
        'compute-service',
        'image',
        'flavor',
        'volume',
        'loadbalancer',
        'network-segment',
        'network-trunk',
      ],
      ...[
        'address-group',
        'address-scope',
        'subnet-pool',
        'server-group',
        'network-qos-policy',
        'extension',
        'endpoint',
        'service',
        'catalog',
      ],
      ...[
        'keypair',
        'aggregate',
        'availability-zone',
        'network-rbac',
        'user',
        'role',
        'token',
        'ip-availability',
        'network-flavor',
      ],
    ].flatMap((noun) =>
      ['list', 'show', 'create', 'set', 'unset', 'delete', 'add', 'remove'].map((verb) => `openstack-${noun}-${verb}`),
    ),
    // The client's name is all that a table without its command tells.
    ['openstack-show', 'openstack-list'],
  );
