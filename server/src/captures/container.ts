/** A command that a wrapper runs inside a container, a pod or another process's namespaces. */
export interface Inside {
  readonly argv: readonly string[];
  /** The network namespace of what it runs in, by the container's name or as `pid N`; undefined for the machine's own. */
  readonly namespace: string | undefined;
  /** What one types before a command to run it there: `docker exec web`, `nsenter -t 4711 -n`. */
  readonly enter: string | undefined;
}

const RUNTIME = /^(?:docker|docker-compose|podman|nerdctl|crictl|lxc|incus|pct|kubectl|oc|microk8s|k3s|minikube)$/;
/** Options of `docker exec`, `kubectl exec` and the like that take a value. */
const VALUED =
  /^(?:-[uewcnf]|--(?:user|env|env-file|workdir|detach-keys|container|namespace|filename|context|kubeconfig|timeout))$/;

/**
 * Containers that share the network of their machine: the agents and daemons of Open vSwitch, OVN, Neutron and the networks of
 * Kubernetes would have nothing to do in a namespace of their own.
 */
const ON_HOST_NETWORK =
  /^(?:k8s_)?(?:openvswitch|ovs|ovn|ovnkube|kube-ovn|neutron|nova|libvirt|kube-proxy|kube-router|kube-flannel|calico-node|cilium|weave-net|antrea)(?:[_-]|$)/;
/** kind(1) calls the containers that play its nodes CLUSTER-control-plane and CLUSTER-worker: each is a machine of its own. */
const KIND_NODE = /-(?:control-plane|worker)\d*$/;

/** Programs that speak to a daemon or a server, wherever they run. */
const NOT_BOUND = /^(?:ovs-|ovn-|virsh$|nova$|neutron$|openstack$|docker$|podman$|crictl$|kubectl$|oc$)/;

/** What `docker exec NAME …`, `kubectl exec POD -- …`, `lxc exec NAME -- …` run, and where; undefined for other commands. */
export function execCommand(program: string, argv: readonly string[]): Inside | undefined {
  if (!RUNTIME.test(program)) return undefined;
  const at = argv.findIndex((word) => /^(?:exec|rsh|attach|run)$/.test(word));
  if (at < 0) return undefined;
  // What is typed next is typed at the container's own shell.
  if (argv[at] === 'attach') return inside(program, argv, afterOptions(argv.slice(at + 1), VALUED)[0], ['sh']);
  if (argv[at] === 'run') return interactiveRun(program, argv, argv.slice(at + 1));
  const rest = afterOptions(argv.slice(at + 1), VALUED);
  const dashes = argv.indexOf('--');
  // Options may stand behind the name as well: kubectl exec POD -c CONTAINER -- COMMAND.
  const command = dashes > 0 ? argv.slice(dashes + 1) : afterOptions(rest.slice(1), VALUED);
  return inside(program, argv, rest[0], command);
}

/** What runs in a container or pod, with the words that lead there. */
function inside(program: string, argv: readonly string[], name: string | undefined, command: readonly string[]): Inside {
  const namespace = namespaceOf(name);
  if (namespace === undefined || name === undefined) return { argv: command, namespace, enter: undefined };
  const kubernetes = /^(?:kubectl|oc|microk8s|k3s|minikube)$/.test(program);
  const runtime =
    program === 'docker' && argv[1] === 'compose' ? 'docker compose' : kubernetes && program !== 'oc' ? 'kubectl' : program;
  const at = argv.findIndex((word) => word === '-n' || word === '--namespace');
  const of = kubernetes && at > 0 && argv[at + 1] !== undefined ? ` -n ${argv[at + 1]}` : '';
  const dashes = kubernetes || /^(?:lxc|incus|pct)$/.test(program) ? ' --' : '';
  return { argv: command, namespace, enter: `${runtime}${of} exec ${name}${dashes}` };
}

/** `docker run -it --name web busybox`, `kubectl run web -it --image=busybox -- sh`: a shell in a container that has a name. */
function interactiveRun(program: string, whole: readonly string[], argv: readonly string[]): Inside | undefined {
  const flag = (letter: string, name: string) =>
    argv.some((word) => word === name || new RegExp(`^-[a-z]*${letter}[a-z]*$`).test(word));
  if (flag('d', '--detach')) return undefined;
  const alone = /^(?:docker|podman|nerdctl)$/.test(program) ? commandOfRun(argv) : undefined;
  if (alone !== undefined) return alone;
  if (!flag('t', '--tty')) return undefined;
  if (argv.some((word, n) => /^--net(?:work)?(?:=host)?$/.test(word) && (word.endsWith('=host') || argv[n + 1] === 'host')))
    return undefined;
  const at = argv.findIndex((word) => /^--name(?:=|$)/.test(word));
  const given = at < 0 ? undefined : (argv[at]?.split('=')[1] ?? argv[at + 1]);
  const name = given ?? (/^(?:kubectl|oc)$/.test(program) ? argv.find((word) => !word.startsWith('-')) : undefined);
  const last = argv.at(-1) ?? '';
  const shell =
    last.startsWith('-') || /^(?:.*\/)?(?:ba|a)?sh$|^[\w./-]*(?:busybox|alpine|ubuntu|debian|centos|fedora)[\w.:-]*$/.test(last);
  return name === undefined || !shell ? undefined : inside(program, whole, name, ['sh']);
}

/** Options of `docker run` that take a value. */
const RUN_VALUED =
  /^(?:-[vpeuwhlmac]|--(?:name|net|network|network-alias|volume|publish|env|env-file|entrypoint|hostname|cap-add|cap-drop|device|dns|ip|ip6|label|link|log-driver|log-opt|mac-address|memory|mount|pid|ipc|uts|platform|pull|restart|runtime|security-opt|sysctl|tmpfs|ulimit|user|userns|volumes-from|workdir|add-host|cpus|shm-size|stop-signal|cidfile))$/;

/** `docker run --rm alpine ip r`: a command in a container that is made for it, in a network of its own or in another's. */
function commandOfRun(argv: readonly string[]): Inside | undefined {
  const value = (names: RegExp): string | undefined => {
    const at = argv.findIndex((word) => names.test(word.split('=')[0] ?? ''));
    const word = argv[at];
    return word === undefined ? undefined : word.includes('=') ? word.slice(word.indexOf('=') + 1) : argv[at + 1];
  };
  const [image, ...command] = afterOptions(argv, RUN_VALUED);
  const shell = /^(?:.*\/)?(?:ba|a|z)?sh$/.test(command[0] ?? '') && command[1] !== '-c';
  if (image === undefined || command.length === 0 || shell || value(/^--entrypoint$/) !== undefined) return undefined;
  const network = value(/^--net(?:work)?$/);
  if (network === 'host') return { argv: command, namespace: undefined, enter: undefined };
  const namespace = /^container:(.+)$/.exec(network ?? '')?.[1] ?? value(/^--name$/) ?? image;
  return { argv: command, namespace, enter: undefined };
}

/** What `vagrant ssh NODE -c …`, `oc debug node/NODE -- …` and the like run on another machine; undefined for other commands. */
export function remoteCommand(
  program: string,
  argv: readonly string[],
): { readonly host: string; readonly argv: readonly string[] } | undefined {
  const dashes = argv.indexOf('--');
  const behind = dashes > 0 ? argv.slice(dashes + 1) : undefined;
  const to = (host: string | undefined, command: readonly string[] | undefined) =>
    host === undefined || host.startsWith('-') || command === undefined || command.length === 0
      ? undefined
      : { host, argv: command };
  if (/^(?:kubectl|oc)$/.test(program)) {
    const debug = argv.includes('debug') ? argv.find((word) => /^nodes?\//.test(word))?.replace(/^nodes?\//, '') : undefined;
    const shell = argv.indexOf('node-shell');
    return to(debug ?? (shell > 0 ? argv[shell + 1] : undefined), behind);
  }
  if (program === 'vagrant' && argv[1] === 'ssh') {
    const at = argv.findIndex((word) => word === '-c' || word === '--command');
    return to(argv[2], at > 0 ? argv.slice(at + 1, at + 2) : behind);
  }
  if ((program === 'docker-machine' || program === 'juju') && argv[1] === 'ssh') return to(argv[2], behind ?? argv.slice(3));
  if (program === 'multipass' && argv[1] === 'exec') return to(argv[2], behind ?? argv.slice(3));
  if (program === 'limactl' && argv[1] === 'shell') return to(argv[2], behind ?? argv.slice(3));
  if (program === 'minikube' && argv[1] === 'ssh') {
    const at = argv.findIndex((word) => word === '-n' || word === '--node');
    return to(at > 0 ? argv[at + 1] : 'minikube', behind ?? (at > 0 ? argv.slice(at + 2) : argv.slice(2)));
  }
  return undefined;
}

function namespaceOf(name: string | undefined): string | undefined {
  if (name === undefined || name === '--') return undefined;
  const bare = name.replace(/^pods?\//, '');
  return ON_HOST_NETWORK.test(bare) && !KIND_NODE.test(bare) ? undefined : bare;
}

/** `nsenter -t 4711 -n ip a`, `nsenter --net=/run/netns/blue ip a` (nsenter(1)); undefined for other commands. */
export function nsenterCommand(program: string, argv: readonly string[]): Inside | undefined {
  if (program !== 'nsenter') return undefined;
  let pid: string | undefined;
  let net = false;
  let file: string | undefined;
  let n = 1;
  for (; n < argv.length; n++) {
    const word = argv[n] ?? '';
    if (word === '--') {
      n++;
      break;
    }
    if (!word.startsWith('-')) break;
    const [name = '', value] = word.split('=');
    if (name === '--target') pid = value ?? argv[++n];
    else if (name === '--net') [net, file] = [true, value];
    else if (name === '--all') net = true;
    else if (/^--(?:setuid|setgid|wdns)$/.test(name) && value === undefined) n++;
    else if (/^-[a-zA-Z]/.test(word)) {
      // Letters may be put together; -t, -S and -G take a value, -n may have a file attached.
      const letters = /^-([a-zA-Z]*?)(?:([tSG])(.*)|n(\/.*))?$/.exec(word);
      if (/[na]/.test(letters?.[1] ?? '')) net = true;
      if (letters?.[4] !== undefined) [net, file] = [true, letters[4]];
      if (letters?.[2] !== undefined) {
        const given = letters[3] === '' ? argv[++n] : letters[3];
        if (letters[2] === 't') pid = given;
      }
    }
  }
  // Without a command it starts a shell (nsenter(1)).
  const command = n < argv.length ? argv.slice(n) : ['sh'];
  if (!net) return { argv: command, namespace: undefined, enter: undefined };
  const named = /^(?:\/var)?\/run\/(?:docker\/)?netns\/(.+)$/.exec(file ?? '')?.[1];
  const process = /^\/proc\/(\d+)\/ns\/net$/.exec(file ?? '')?.[1] ?? pid;
  const namespace = named ?? (process === undefined || process === '1' ? undefined : `pid ${process}`);
  const enter = process === undefined ? (file === undefined ? undefined : `nsenter --net=${file}`) : `nsenter -t ${process} -n`;
  return { argv: command, namespace, enter: namespace === undefined ? undefined : enter };
}

/** `cat /proc/4711/net/route`: a file as it is in the namespace of that process (proc(5)); undefined for other commands. */
export function procOfProcess(program: string, argv: readonly string[]): Inside | undefined {
  const [, process, file] = (program === 'cat' && /^\/proc\/(\d+)\/(net\/.+)$/.exec(argv[1] ?? '')) || [];
  if (process === undefined || file === undefined) return undefined;
  const isHost = process === '1';
  return {
    argv: ['cat', `/proc/${file}`, ...argv.slice(2)],
    namespace: isHost ? undefined : `pid ${process}`,
    enter: isHost ? undefined : `nsenter -t ${process} -n`,
  };
}

/** `lxc-attach -n NAME -- …`; undefined for other commands. */
export function lxcAttachCommand(program: string, argv: readonly string[]): Inside | undefined {
  if (program !== 'lxc-attach') return undefined;
  const at = argv.findIndex((word) => word === '-n' || word === '--name');
  const dashes = argv.indexOf('--');
  const command = dashes > 0 ? argv.slice(dashes + 1) : afterOptions(argv.slice(1), /^(?:-[nPusf]|--name)$/);
  const name = at < 0 ? undefined : argv[at + 1];
  return { argv: command, namespace: name, enter: name === undefined ? undefined : `lxc-attach -n ${name} --` };
}

/** Whether a program's answer depends on the network namespace that it runs in. */
export function isBoundToNamespace(program: string): boolean {
  return !NOT_BOUND.test(program);
}

/** The words behind leading options. */
export function afterOptions(argv: readonly string[], takesValue: RegExp): string[] {
  let n = 0;
  while (n < argv.length && (argv[n]?.startsWith('-') ?? false) && argv[n] !== '--') n += takesValue.test(argv[n] ?? '') ? 2 : 1;
  return argv.slice(n);
}
