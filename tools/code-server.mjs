// Installs the test editor (code-server, a VS Code that runs in a browser) into .cache/code-server.
//
// Its own install script wants to download a ripgrep binary and rebuilds everything; here only npm packages are fetched,
// the few native modules it needs are compiled, and the system's ripgrep is used. Running it again does nothing.
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { codeServer, entry, home, nodeVersion, readyFile, version } from './lib/code-server.mjs';
import { fail, npm, runOrThrow, say, which } from './lib/process.mjs';

const packageDir = join(home, 'node_modules/code-server');
const vscodeDir = join(packageDir, 'lib/vscode');
const quiet = ['--no-fund', '--no-audit', '--loglevel=error'];

/**
 * Node 20 with its headers: the running one, or else the one that npm offers as a package. Native modules are compiled
 * for the Node that code-server will run in.
 */
async function node20() {
  const prefix = dirname(dirname(process.execPath));
  if (process.versions.node.startsWith('20.') && existsSync(join(prefix, 'include/node/node_version.h'))) {
    return { node: process.execPath, prefix };
  }
  const name = `node-${process.platform}-${process.arch}`;
  const dir = join(home, 'node_modules', name);
  if (!existsSync(join(dir, 'bin/node'))) {
    say(`fetching Node ${nodeVersion} with its headers (npm package ${name})`);
    await npm(['install', '--ignore-scripts', ...quiet, `${name}@${nodeVersion}`], { cwd: home });
  }
  return { node: join(dir, 'bin/node'), prefix: dir };
}

async function compile(names, cwd, { node, prefix }) {
  say(`compiling ${names.join(', ')} (about a minute)`);
  const env = {
    ...process.env,
    npm_config_nodedir: prefix,
    npm_config_ignore_scripts: 'false',
    npm_config_build_from_source: 'true', // no download of ready-made binaries
    npm_config_yes: 'true', // one of them runs node-gyp through npx, which would ask
    PATH: dirname(node) + delimiter + process.env.PATH,
  };
  await npm(['rebuild', ...quiet, ...names], { cwd, env });
}

export async function installCodeServer() {
  const present = codeServer();
  if (present) return present;
  if (process.platform === 'win32') throw new Error('The test editor (code-server) runs on Linux and macOS only.');
  const ripgrep = which('rg');
  if (!ripgrep) throw new Error('ripgrep is missing; install it (Debian, Ubuntu: apt-get install ripgrep).');

  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
  say(`fetching code-server ${version}`);
  await npm(['install', '--ignore-scripts', ...quiet, `code-server@${version}`], { cwd: home });
  for (const cwd of [vscodeDir, join(vscodeDir, 'extensions')]) {
    await npm(['install', '--ignore-scripts', '--omit=dev', ...quiet], { cwd });
  }

  const node = await node20();
  await compile(['node-pty', 'kerberos', '@vscode/spdlog', 'native-watchdog', '@parcel/watcher'], vscodeDir, node);
  await compile(['argon2'], home, node);

  link(ripgrep, join(vscodeDir, 'node_modules/@vscode/ripgrep/bin/rg'));
  link('node_modules', join(vscodeDir, 'node_modules.asar'));
  await runOrThrow(node.node, [entry, '--config', join(home, 'config.yaml'), '--version']);
  writeFileSync(readyFile, JSON.stringify({ version, node: node.node }));
  return codeServer();
}

function link(target, path) {
  rmSync(path, { force: true, recursive: true });
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await installCodeServer().catch((error) =>
    fail(
      `The test editor could not be installed: ${error.message} ` +
        'It needs a C++ compiler, python3, ripgrep and, on Debian or Ubuntu, ' +
        'libkrb5-dev libx11-dev libxkbfile-dev libsecret-1-dev.',
    ),
  );
  say('the test editor is ready');
}
