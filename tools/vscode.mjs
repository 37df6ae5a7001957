// npm run vscode: opens a real VS Code with this extension and a copy of the demo folder.
// With `code` on the PATH that VS Code is used; otherwise code-server, a VS Code for the browser (Linux, macOS),
// at port 8321 or the one that PORT names.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { copyDemo } from './lib/demo.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { fail, root, run, runOrThrow, say, which } from './lib/process.mjs';

const folder = join(root, '.s4s/vscode-demo');
const home = join(root, '.s4s/code-server');

async function desktop(code) {
  await runOrThrow(process.execPath, ['tools/build.mjs']);
  say(`opening ${folder} in VS Code`);
  await runOrThrow(code, ['--new-window', `--extensionDevelopmentPath=${root}`, folder], {
    shell: process.platform === 'win32',
  });
}

async function browser() {
  const { installCodeServer } = await import('./code-server.mjs');
  const { makeVsix } = await import('./lib/package.mjs');
  const [node, ...entry] = await installCodeServer();
  const dirs = ['--user-data-dir', join(home, 'user'), '--extensions-dir', join(home, 'extensions')];
  const config = ['--config', join(home, 'config.yaml'), '--auth', 'none', ...dirs];
  await runOrThrow(node, [...entry, ...config, '--force', '--install-extension', await makeVsix()]);
  const port = process.env.PORT ?? '8321';
  say(`open http://127.0.0.1:${port}/?folder=${encodeURI(folder)} in a browser; stop with Ctrl-C`);
  const quiet = ['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust'];
  return run(node, [...entry, ...config, ...quiet, '--bind-addr', `127.0.0.1:${port}`, folder]);
}

try {
  await ensureInstalled();
  // The copy is made once, so that what was changed and learned in it stays.
  if (!existsSync(folder)) await copyDemo(folder);
  const code = which('code');
  process.exitCode = await (code ? desktop(code) : browser());
} catch (error) {
  fail(error.message);
}
