// Measures in the real editor what a person waits for in a dump of 100,000 flows: opens it, scrolls, hovers and traces, looks for a
// complaint that something does not respond, and reads how much memory the extension host and the language server take.
//   node scripts/editor-measure.mjs [FLOWS]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { takePictures } from '../test/host/pictures.mjs';
import { keep, table } from './bench/lib/measure.mjs';
import { neutronTables } from './bench/lib/neutron.mjs';
import { ensureChromium, ensureHost, root } from './host.mjs';

const flows = Number(process.argv[2] ?? 100_000);
const MOST_MEMORY = 700;
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'packet-walk-large-'));
const file = path.join(work, 'large.capture.txt');
/** A machine behind the switch, so that there is a packet to walk. */
const guest = `root@vm1:~# ip address
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc fq_codel state UP group default qlen 1000
    link/ether fa:16:3e:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.1/16 brd 10.0.255.255 scope global eth0
       valid_lft forever preferred_lft forever
root@vm1:~# ip route
10.0.0.0/16 dev eth0 proto kernel scope link src 10.0.0.1
root@vm1:~# ip neigh
10.0.0.21 dev eth0 lladdr fa:16:3e:00:00:15 REACHABLE

`;
const text = guest + neutronTables(flows).capture;
const firstFlow = text.slice(0, text.indexOf(' cookie=')).split('\n').length;
fs.writeFileSync(file, text);

/** Resident memory in MB of the extension host and the language server: processes of the server's group by their command lines. */
function memory(group) {
  const found = { extensionHost: 0, languageServer: 0 };
  for (const line of execFileSync('ps', ['-eo', 'pgid=,rss=,args='], { encoding: 'utf8' }).split('\n')) {
    const [, pgid, rss, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    if (Number(pgid) !== group) continue;
    if (/type=extensionHost/.test(args)) found.extensionHost = Math.max(found.extensionHost, Number(rss) / 1024);
    if (/server\/dist\/server\.js/.test(args)) found.languageServer = Math.max(found.languageServer, Number(rss) / 1024);
  }
  return found;
}

const times = {};
const timed = async (name, run) => {
  const start = Number(process.hrtime.bigint()) / 1e6;
  await run();
  times[name] = Number(process.hrtime.bigint()) / 1e6 - start;
};
let used;
let complaints = 0;
try {
  await takePictures({
    hostDir: ensureHost(),
    chromiumPath: ensureChromium(),
    extension: root,
    folder: work,
    file,
    out: path.join(root, 'dist/bench/editor'),
    theme: 'Default Dark Modern',
    // In a browser the editor asks before it opens more than 10 MB.
    settings: { 'workbench.editorLargeFileConfirmation': 1024 },
    steps: async ({ page, shot, command, trace, server }) => {
      const goTo = async (line, column) => {
        await page.keyboard.press('Control+1');
        await page.keyboard.press('Control+g');
        await page.locator('.quick-input-widget input').first().waitFor();
        await page.keyboard.insertText(`${line}:${column}`);
        await page.waitForTimeout(200);
        await page.keyboard.press('Enter');
        await page.waitForTimeout(300);
      };
      const hover = async () => {
        // A key that comes before the server has started asks nobody: it is pressed again.
        for (let tries = 0; tries < 25; tries++) {
          await page.keyboard.press('Control+k');
          await page.keyboard.press('Control+i');
          const shown = await page
            .locator('.monaco-hover:not(.hidden) .hover-contents', { hasText: /table|flow|priority/i })
            .first()
            .waitFor({ timeout: 1000 })
            .then(
              () => true,
              () => false,
            );
          if (shown) return;
        }
        throw new Error('no hover came up');
      };
      await timed('opened', () =>
        page.locator('.statusbar-item', { hasText: 'Packet Walk capture' }).waitFor({ timeout: 120_000 }),
      );
      await goTo(firstFlow + 3, 10);
      await timed('first hover', hover);
      await page.keyboard.press('Escape');
      for (const part of [0.25, 0.5, 0.75, 0.99]) {
        await goTo(firstFlow + Math.floor(flows * part), 10);
        await page.keyboard.press('PageDown');
        await timed(`hover at ${part * 100} %`, hover);
        await page.keyboard.press('Escape');
      }
      await shot('scrolled');
      await command('Packet Walk: Focus on Captures View');
      await timed('captures', () =>
        page.locator('.pane-body .monaco-list-row', { hasText: 'hv1' }).first().waitFor({ timeout: 60_000 }),
      );
      await timed('traced', async () => {
        // Of its length nothing is typed: the first choice is any.
        await trace(['vm1', '10.0.0.21', 'ICMP', '', 'request']);
        await page.locator('.pane-body .monaco-list-row', { hasText: /table/i }).first().waitFor({ timeout: 60_000 });
      });
      await shot('traced');
      complaints = await page
        .locator('.notification-toast, .notifications-list-container', { hasText: /not respond|unresponsive/i })
        .count();
      used = memory(server.pid);
    },
  });
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
table([['what', 'ms'], ...Object.entries(times).map(([name, ms]) => [name, ms.toFixed(0)])]);
console.log(
  `\nextension host ${used.extensionHost.toFixed(0)} MB, language server ${used.languageServer.toFixed(0)} MB, complaints of not responding: ${complaints}`,
);
keep('editor', { flows, times, ...used, complaints });
if (complaints > 0 || used.extensionHost > MOST_MEMORY || used.extensionHost === 0) {
  console.error(`More than ${MOST_MEMORY} MB in the extension host, no extension host found, or something did not respond.`);
  process.exit(1);
}
