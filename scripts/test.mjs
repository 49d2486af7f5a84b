// Runs the tests: build, types, unit tests, tests in a real editor. The last line is "N passed, N failed".
//   node scripts/test.mjs [--unit | --editor]
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { downloadReachable, ensureChromium, ensureHost, hasDisplay, root } from './host.mjs';

const only = process.argv[2];
const results = { passed: 0, failed: 0 };
const add = (what, { passed, failed }) => {
  results.passed += passed;
  results.failed += failed;
  console.log(`${what}: ${passed} passed, ${failed} failed`);
};
/** A part that cannot run is a failure, not a part left out. */
const part = async (what, run) => {
  try {
    add(what, await run());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    add(what, { passed: 0, failed: 1 });
  }
};

function build() {
  execFileSync(process.execPath, [path.join(root, 'scripts/build.mjs')], { cwd: root, stdio: 'inherit' });
}

function types() {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: root, stdio: 'inherit' });
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1 };
}

function unit() {
  const folder = path.join(root, 'dist/test/unit');
  const files = fs.existsSync(folder) ? fs.readdirSync(folder, { recursive: true }).filter((f) => f.endsWith('.test.js')) : [];
  if (files.length === 0) throw new Error('There are no unit tests to run.');
  const tap = path.join(root, 'dist/test/unit.tap');
  const { status } = spawnSync(
    process.execPath,
    [
      '--enable-source-maps',
      '--test',
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...['--test-reporter=tap', `--test-reporter-destination=${tap}`],
      ...files.map((f) => path.join(folder, f)),
    ],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(fs.readFileSync(tap, 'utf8'))?.[1] ?? Number.NaN);
  const passed = count('pass');
  const failed = count('fail') + count('cancelled');
  if (Number.isNaN(passed + failed)) throw new Error('The unit tests ended without a result.');
  return { passed, failed: status !== 0 && failed === 0 ? 1 : failed };
}

async function editor() {
  const { runTests } = await import('@vscode/test-electron');
  const tests = path.join(root, 'dist/test/editor/run.js');
  const counts = path.join(root, 'dist/test/editor/results.json');
  if (!fs.existsSync(tests)) throw new Error('There are no editor tests to run.');
  fs.rmSync(counts, { force: true });

  const given = process.env.VSCODE_TEST_EXECUTABLE;
  const standIn = !given && (!hasDisplay() || !(await downloadReachable()));
  if (standIn) {
    process.env.VSCODE_WEB_HOST = ensureHost();
    process.env.CHROMIUM = ensureChromium();
  }
  const executable = standIn ? path.join(root, 'test/host/vscode-web-host.mjs') : given;
  if (standIn) fs.chmodSync(executable, 0o755);
  // The tests write into the folder that they open.
  const workspace = path.join(root, 'dist/test/workspace');
  fs.cpSync(path.join(root, 'test/fixtures/editor'), workspace, { recursive: true });
  fs.copyFileSync(path.join(root, 'test/fixtures/article-outputs.txt'), path.join(workspace, 'two-hosts.txt'));
  let code;
  try {
    code = await runTests({
      ...(executable ? { vscodeExecutablePath: executable } : {}),
      extensionDevelopmentPath: root,
      extensionTestsPath: tests,
      launchArgs: [workspace, '--disable-extensions', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    code = 1;
  }
  if (!fs.existsSync(counts)) throw new Error('The editor tests did not run.');
  const { passed, failed } = JSON.parse(fs.readFileSync(counts, 'utf8'));
  if (passed + failed === 0) throw new Error('There were no editor tests.');
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

build();
if (only === undefined) await part('types', types);
if (only !== '--editor') await part('unit tests', unit);
if (only !== '--unit') await part('editor tests', editor);
console.log(`${results.passed} passed, ${results.failed} failed`);
process.exit(results.failed === 0 && results.passed > 0 ? 0 : 1);
