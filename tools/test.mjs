// npm test [-- unit|page|e2e ...] [-- options for the runner]
//   unit  unit, property and integration tests (vitest)
//   page  the built page in Chromium (Playwright)
//   e2e   the packaged extension in a real VS Code, driven in Chromium (Playwright)
// All three without arguments. Ends with the line "N passed, M failed" and exit code 0 if nothing failed.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { codeServer } from './lib/code-server.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { root, run, runOrThrow, say } from './lib/process.mjs';

const results = join(root, 'test-results');
const onCI = Boolean(process.env.CI) && process.env.CI !== 'false';
const names = ['unit', 'page', 'e2e'];
const given = process.argv.slice(2);
const named = names.filter((name) => given.includes(name));
const options = given.filter((argument) => !names.includes(argument));
const suites = { unit, page, e2e };
const total = { passed: 0, failed: 0 };

/** Runs one command-line tool of a package in node_modules with this Node. */
const runTool = (script, args, env = {}) =>
  run(process.execPath, [join(root, 'node_modules', script), ...args, ...options], {
    env: { ...process.env, ...env },
  });

/** Adds a suite's numbers. A runner that fails without naming a failed test (no tests, a broken file) counts as one failure. */
function count(suite, exitCode, passed, failed) {
  total.passed += passed;
  total.failed += failed;
  if (exitCode !== 0 && failed === 0) {
    say(`the ${suite} suite ended with exit code ${exitCode} although no single test failed`);
    total.failed += 1;
  }
}

function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

async function unit() {
  const file = join(results, 'unit.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const code = await runTool('vitest/vitest.mjs', ['run', ...reporters]);
  const report = readReport(file);
  count('unit', code, report?.numPassedTests ?? 0, report?.numFailedTests ?? 0);
}

async function playwright(suite, env) {
  const file = join(results, `${suite}.json`);
  const code = await runTool(
    '@playwright/test/cli.js',
    ['test', '--config', `test/${suite}`, '--reporter=list,json', '--output', join(results, suite)],
    { ...env, PLAYWRIGHT_JSON_OUTPUT_FILE: file },
  );
  const stats = readReport(file)?.stats ?? { expected: 0, flaky: 0, unexpected: 0 };
  count(suite, code, stats.expected + stats.flaky, stats.unexpected);
}

/** Says that a suite did not run and what would make it run; on CI that is a failure. */
function leaveOut(suite, missing, remedy) {
  say(`LEFT OUT: the ${suite} suite, because ${missing}. To enable it: ${remedy}.`);
  if (onCI || named.includes(suite)) total.failed += 1;
}

async function chromium(suite) {
  const { findChromium } = await import('./lib/chromium.mjs');
  const found = await findChromium();
  if (!found) {
    leaveOut(
      suite,
      'there is no Chromium or Chrome',
      'install one (Debian, Ubuntu: apt-get install chromium; anywhere: npx playwright install chromium) ' +
        'or set S4S_CHROMIUM to its path',
    );
  }
  return found;
}

async function page() {
  const browser = await chromium('page');
  if (browser) await playwright('page', { S4S_CHROMIUM: browser });
}

async function e2e() {
  const browser = await chromium('e2e');
  if (!browser) return;
  const editor = codeServer();
  if (!editor) {
    leaveOut('e2e', 'the test editor is not installed', 'node tools/code-server.mjs (once, about two minutes)');
    return;
  }
  const { makeVsix } = await import('./lib/package.mjs');
  const vsix = await makeVsix();
  await playwright('e2e', { S4S_CHROMIUM: browser, S4S_VSIX: vsix, S4S_EDITOR: JSON.stringify(editor) });
}

async function main() {
  await ensureInstalled();
  say('building');
  await runOrThrow(process.execPath, ['tools/build.mjs']);
  mkdirSync(results, { recursive: true });
  for (const name of named.length > 0 ? named : names) {
    const start = Date.now();
    rmSync(join(results, `${name}.json`), { force: true });
    say(`running the ${name} suite`);
    try {
      await suites[name]();
    } catch (error) {
      say(`the ${name} suite could not run: ${error.message}`);
      total.failed += 1;
    }
    say(`the ${name} suite took ${Math.round((Date.now() - start) / 1000)} s`);
  }
}

try {
  await main();
} catch (error) {
  say(error.message);
  total.failed += 1;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
