// Draws the icon and takes the README's pictures.
//   node scripts/pictures.mjs [--icon]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { takePictures } from '../test/host/pictures.mjs';
import { chromiumArguments } from '../test/host/quiet-settings.mjs';
import { example } from './example.mjs';
import { ensureChromium, ensureHost, root } from './host.mjs';

const images = path.join(root, 'images');
const chromiumPath = ensureChromium();
await drawIcon();
if (!process.argv.includes('--icon')) {
  execFileSync(process.execPath, [path.join(root, 'scripts/build.mjs')], { cwd: root, stdio: 'inherit' });
  for (const [name, theme] of [
    ['dark', 'Default Dark Modern'],
    ['light', 'Default Light Modern'],
  ]) {
    const file = path.join(root, example.file);
    await takePictures({
      hostDir: ensureHost(),
      chromiumPath,
      extension: root,
      folder: path.dirname(file),
      file,
      out: images,
      theme,
      steps: (tools) => show(name, tools),
    });
  }
}

/** What a person does: opens the example, points at a flow, traces a packet. */
async function show(name, { page, shot, command, trace }) {
  await page.locator('.statusbar-item', { hasText: 'Packet Walk capture' }).waitFor({ timeout: 60_000 });
  await command('Packet Walk: Focus on Walk View');
  await page.locator('.monaco-list-row', { hasText: 'compute01' }).first().waitFor({ timeout: 60_000 });
  // Room for the tree: a wider side bar, and less of it for the captures.
  const sidebar = await page.locator('.part.sidebar').boundingBox();
  await drag(page, { x: sidebar.x + sidebar.width, y: 500 }, { x: sidebar.x + sidebar.width + 110, y: 500 });
  const captures = await page.locator('.pane-header', { hasText: 'Captures' }).boundingBox();
  await drag(page, { x: captures.x + 200, y: captures.y }, { x: captures.x + 200, y: 640 });

  await goTo(page, /priority=\d+,in_port=\d+ actions=resubmit/, 'table=');
  await showHover(page);
  await shot(`hover-${name}`);

  await trace([example.from, example.to, 'ICMP', 'Any length', 'request and its reply']);
  await page.locator('.pane-body .monaco-list-row', { hasText: 'Leaves at' }).first().waitFor();
  await goTo(page, /dump-flows br-tun/, 'dump');
  await page.mouse.move(900, 600);
  await page.waitForTimeout(800);
  await shot(`trace-${name}`);
}

/** Asks for the hover again where a cursor that is still moving closed the first one. */
async function showHover(page) {
  const hover = page.locator('.monaco-hover:not(.hidden) .hover-contents').first();
  for (let tries = 0; tries < 5; tries++) {
    await page.waitForTimeout(800);
    await page.keyboard.press('Control+k');
    await page.keyboard.press('Control+i');
    const shown = await hover.waitFor({ timeout: 4000 }).then(
      () => true,
      () => false,
    );
    await page.waitForTimeout(500);
    if (shown && (await hover.isVisible())) return;
  }
  throw new Error('no hover came up');
}

async function drag(page, from, to) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
  await page.mouse.move(900, 600);
}

/** Puts the cursor on a text in the first line of the example that matches, in the middle of the editor. */
async function goTo(page, line, text) {
  const lines = fs.readFileSync(path.join(root, example.file), 'utf8').split('\n');
  const number = lines.findIndex((each) => line.test(each));
  if (number < 0) throw new Error(`the example has no line like ${line}`);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+1');
  await page.keyboard.press('Control+g');
  await page.locator('.quick-input-widget input').first().waitFor();
  await page.keyboard.insertText(`${number + 1}:${lines[number].indexOf(text) + 2}`);
  await page.waitForTimeout(300);
  await page.keyboard.press('Enter');
  await page.waitForTimeout(500);
}

async function drawIcon() {
  const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments });
  const page = await browser.newPage({ viewport: { width: 256, height: 256 } });
  await page.setContent(
    `<style>body{margin:0}svg{display:block}</style>${fs.readFileSync(path.join(images, 'icon.svg'), 'utf8')}`,
  );
  await page.screenshot({ path: path.join(images, 'icon.png'), omitBackground: true });
  await browser.close();
}
