import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

/** What a program said. */
export interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  /** The switch did not answer at all: it ended, in an assertion of its own for instance. */
  readonly gone?: true;
}

/** A private Open vSwitch with the dummy datapath: no kernel module, no device, no network. */
export interface Switch {
  readonly folder: string;
  /** `ovs-vsctl ARGS`. */
  readonly vsctl: (args: readonly string[]) => Promise<Said>;
  /** `ovs-ofctl ARGS`, with what it reads from its standard input. */
  readonly ofctl: (args: readonly string[], input?: string) => Promise<Said>;
  /** `ovs-appctl ARGS`, asked over the daemon's own socket: a thousand times cheaper than the program. */
  readonly appctl: (args: readonly string[]) => Promise<Said>;
  readonly stop: () => Promise<void>;
}

const SHARE = '/usr/share/openvswitch';

/** Starts ovsdb-server and ovs-vswitchd in a new folder. Throws where Open vSwitch is not installed. */
export async function startSwitch(): Promise<Switch> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'packet-walk-oracle-'));
  const env = {
    ...process.env,
    OVS_RUNDIR: folder,
    OVS_LOGDIR: folder,
    OVS_DBDIR: folder,
    OVS_SYSCONFDIR: folder,
    OVS_PKGDATADIR: SHARE,
    LC_ALL: 'C',
  };
  const db = path.join(folder, 'db.sock');
  const sync = (program: string, args: readonly string[]): void => {
    execFileSync(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const daemon = (name: string): readonly string[] => [
    ...['--detach', '--no-chdir', `--pidfile=${path.join(folder, `${name}.pid`)}`],
    ...[`--log-file=${path.join(folder, `${name}.log`)}`, '-vconsole:off', '-vfile:warn'],
  ];
  const run = (program: string, args: readonly string[], input?: string): Promise<Said> =>
    new Promise((resolve) => {
      const child = execFile(program, args, { env, maxBuffer: 1 << 28 }, (error, out, err) => {
        resolve({ status: error ? (typeof error.code === 'number' ? error.code : 127) : 0, out, err });
      });
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input ?? '');
    });
  const stop = async (): Promise<void> => {
    for (const name of ['ovs-vswitchd', 'ovsdb-server']) await endByPidFile(path.join(folder, `${name}.pid`));
    fs.rmSync(folder, { recursive: true, force: true });
  };
  try {
    sync('ovsdb-tool', ['create', path.join(folder, 'conf.db'), path.join(SHARE, 'vswitch.ovsschema')]);
    sync('ovsdb-server', [path.join(folder, 'conf.db'), ...daemon('ovsdb-server'), `--remote=punix:${db}`]);
    sync('ovs-vsctl', [`--db=unix:${db}`, '--no-wait', 'init']);
    sync('ovs-vswitchd', [`unix:${db}`, ...daemon('ovs-vswitchd'), '--enable-dummy=system']);
    const pid = fs.readFileSync(path.join(folder, 'ovs-vswitchd.pid'), 'utf8').trim();
    const control = path.join(folder, `ovs-vswitchd.${pid}.ctl`);
    return {
      folder,
      vsctl: (args) => run('ovs-vsctl', [`--db=unix:${db}`, '--timeout=20', ...args]),
      ofctl: (args, input) => run('ovs-ofctl', ['--timeout=20', ...args], input),
      appctl: ([method = '', ...params]) => ask(control, method, params),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One request over the control socket, which speaks JSON-RPC. */
function ask(control: string, method: string, params: readonly string[]): Promise<Said> {
  return new Promise((resolve) => {
    const socket = net.connect(control);
    let text = '';
    const failed = (err: string): void => {
      clearTimeout(timer);
      resolve({ status: 1, out: '', err, gone: true });
      socket.destroy();
    };
    const timer = setTimeout(() => failed(`${method}: no answer for 20 seconds`), 20_000);
    socket.setEncoding('utf8');
    socket.on('error', (error) => failed(error.message));
    socket.on('end', () => failed(`${method}: the switch closed the connection`));
    socket.on('data', (chunk: string) => {
      text += chunk;
      let reply: { result?: unknown; error?: unknown };
      try {
        reply = JSON.parse(text) as typeof reply;
      } catch {
        return;
      }
      clearTimeout(timer);
      socket.removeAllListeners('end');
      socket.end();
      const error = reply.error === null || reply.error === undefined ? '' : String(reply.error);
      resolve({ status: error === '' ? 0 : 2, out: reply.result === null ? '' : String(reply.result ?? ''), err: error });
    });
    socket.write(JSON.stringify({ id: 0, method, params }));
  });
}

async function endByPidFile(file: string): Promise<void> {
  if (!fs.existsSync(file)) return;
  const pid = Number(fs.readFileSync(file, 'utf8').trim());
  if (!Number.isInteger(pid) || pid <= 1) return;
  // Without an init that reaps it, a process that has ended stays as a zombie.
  const alive = (): boolean => {
    try {
      return !/^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  };
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    return;
  }
  for (let n = 0; n < 150 && alive(); n++) await new Promise((resolve) => setTimeout(resolve, 20));
  if (alive()) process.kill(pid, 'SIGKILL');
}

/** Whether Open vSwitch is installed here. */
export function switchInstalled(): boolean {
  return (
    fs.existsSync(path.join(SHARE, 'vswitch.ovsschema')) &&
    ['ovs-vswitchd', 'ovsdb-server'].every((name) => fs.existsSync(`/usr/sbin/${name}`))
  );
}
