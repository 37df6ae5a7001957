import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { test as base } from '@playwright/test';
import { Workbench } from './workbench';

const root = resolve(__dirname, '../../..');

/** Quiet and predictable, but nothing that our extension sees differently from a user's editor. */
const settings = {
  'workbench.startupEditor': 'none',
  // A spinning icon keeps a browser without a GPU busy drawing, at the cost of the run it reports on.
  'workbench.reduceMotion': 'on',
  'workbench.tips.enabled': false,
  'files.autoSave': 'off',
  'extensions.ignoreRecommendations': true,
  'telemetry.telemetryLevel': 'off',
};

function environment(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run these tests with "npm test -- e2e".`);
  return value;
}

/** A running code-server with the packaged extension installed. */
export interface Editor {
  readonly url: string;
  /** Everything the editor's server has printed. */
  readonly log: () => string;
}

async function startEditor(home: string): Promise<Editor & { stop: () => Promise<void> }> {
  const [program, ...entry] = JSON.parse(environment('S4S_EDITOR')) as [string, ...string[]];
  const userDir = join(home, 'user');
  mkdirSync(join(userDir, 'User'), { recursive: true });
  writeFileSync(join(userDir, 'User/settings.json'), JSON.stringify(settings));
  const args = [...entry, '--config', join(home, 'config.yaml'), '--auth', 'none'];
  args.push('--user-data-dir', userDir, '--extensions-dir', join(home, 'extensions'));

  const install = spawnSync(program, [...args, '--install-extension', environment('S4S_VSIX')], { encoding: 'utf8' });
  if (install.status !== 0) throw new Error(`The extension could not be installed: ${install.stdout}${install.stderr}`);

  const quiet = ['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust'];
  const server = spawn(program, [...args, ...quiet, '--bind-addr', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const url = await new Promise<string>((found, failed) => {
    const read = (chunk: Buffer): void => {
      log += chunk.toString();
      const match = /listening on (http:\/\/\S+)/.exec(log);
      if (match?.[1]) found(match[1].replace(/\/$/, ''));
    };
    server.stdout.on('data', read);
    server.stderr.on('data', read);
    server.on('error', failed);
    server.on('exit', (code) => failed(new Error(`code-server ended with exit code ${code}:\n${log}`)));
  });
  const stop = (): Promise<void> =>
    new Promise((ended) => {
      server.removeAllListeners('exit');
      server.on('exit', () => ended());
      server.kill();
    });
  return { url, log: () => log, stop };
}

interface TestFixtures {
  /** A folder of this test alone that holds a copy of the demo. */
  readonly folder: string;
  readonly workbench: Workbench;
}

export const test = base.extend<TestFixtures, { editor: Editor }>({
  editor: [
    async ({}, use) => {
      const home = mkdtempSync(join(tmpdir(), 's4s-editor-'));
      const editor = await startEditor(home);
      await use(editor);
      await editor.stop();
      rmSync(home, { recursive: true, force: true });
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 's4s-folder-'));
    cpSync(join(root, 'media/demo'), folder, { recursive: true, filter: (source) => basename(source) !== 'runs' });
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
  workbench: async ({ editor, page, folder }, use, info) => {
    const pictures = join(root, 'test-results/screenshots');
    mkdirSync(pictures, { recursive: true });
    await use(new Workbench(page, editor, folder, pictures));
    if (info.status !== info.expectedStatus) await info.attach('editor log', { body: editor.log() });
  },
});

export { expect } from '@playwright/test';
