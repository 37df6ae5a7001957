// Running other programs from the tools, the same way on Linux, macOS and Windows.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Says what happens next, on its own line. */
export function say(line) {
  process.stdout.write(`» ${line}\n`);
}

/** Ends the program with one sentence on stderr. */
export function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

/** Runs a program with this terminal's output; resolves to its exit code (128 or more: ended by a signal). */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal === null ? code : 128));
  });
}

/** The same, but throws when the exit code is not 0. */
export async function runOrThrow(command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) throw new Error(`"${[command, ...args].join(' ')}" ended with exit code ${code}.`);
}

/** npm belongs to the Node that runs us, unless `node` names another one. On Windows npm is a script that needs a shell. */
export function npm(args, options = {}) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('npm-cli.js')) return runOrThrow(process.execPath, [cli, ...args], options);
  return runOrThrow('npm', args, { shell: process.platform === 'win32', ...options });
}

/** Full path of the first of these programs that is on the PATH, or undefined. */
export function which(...names) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      for (const ending of endings) {
        const file = join(folder, name + ending);
        try {
          accessSync(file, constants.X_OK);
          return file;
        } catch {
          // not here; look on
        }
      }
    }
  }
  return undefined;
}
