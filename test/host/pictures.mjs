// Opens the extension in a real VS Code workbench, lets a script drive it as a person would, and keeps pictures of it.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumArguments } from './quiet-settings.mjs';
import { pageAddress, startServer } from './server.mjs';

/**
 * `steps` gets Playwright's `page`, `shot(name)`, which writes name.png into `out`, and `command(title)`, which runs a
 * command from the palette, and `trace(answers)`, which asks for a packet's walk and answers what it is asked; `server` is what runs (`pid` leads its process group). What the window looked like when a step failed is kept as failed.png.
 */
export async function takePictures({ hostDir, chromiumPath, extension, folder, file, out, theme, settings = {}, steps }) {
  fs.mkdirSync(out, { recursive: true });
  const server = await startServer({
    hostDir,
    settings: { 'workbench.colorTheme': theme, 'window.commandCenter': false, 'editor.minimap.enabled': false, ...settings },
    args: ['--enable-smoke-test-driver'],
  });
  let browser;
  let page;
  try {
    browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(pageAddress({ port: server.port, extension, folder, file }));
    await page.waitForSelector('.monaco-workbench', { timeout: 60_000 });
    const shot = (name) => page.screenshot({ path: path.join(out, `${name}.png`) });
    const command = async (title) => {
      await page.keyboard.press('F1');
      await page.locator('.quick-input-widget input').first().waitFor();
      await page.keyboard.insertText(title);
      await page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first().waitFor();
      await page.keyboard.press('Enter');
    };
    const trace = async (answers) => {
      await command('Packet Walk: Trace Packet');
      for (const answer of answers) {
        await page.locator('.quick-input-widget input').first().waitFor();
        await page.waitForTimeout(300);
        await page.keyboard.insertText(answer);
        await page.locator('.quick-input-list .monaco-list-row').first().waitFor();
        await page.waitForTimeout(300);
        await page.keyboard.press('Enter');
        await page.waitForTimeout(500);
      }
    };
    await steps({ page, shot, command, trace, server });
  } catch (error) {
    await page?.screenshot({ path: path.join(out, 'failed.png') });
    throw error;
  } finally {
    await browser?.close();
    await server.stop();
  }
}
