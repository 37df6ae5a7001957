import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const own = resolve('.cache/python', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const onCI = Boolean(process.env.CI) && process.env.CI !== 'false';

/** Python with the packages of tools/python/requirements.txt: that of S4S_PYTHON, or the one .ci/run makes. */
export const python: string | undefined = process.env.S4S_PYTHON || (existsSync(own) ? own : undefined);

/** Why tests that need Python are left out; undefined where they run. On CI they always do, and fail without one. */
export const noPython =
  python === undefined && !onCI
    ? 'no Python: set S4S_PYTHON to one with the packages of tools/python/requirements.txt, or run .ci/run'
    : undefined;

/** What a script prints on standard output. */
export async function runPython(script: string, ...args: string[]): Promise<string> {
  if (python === undefined) throw new Error('There is no .cache/python and no S4S_PYTHON; .ci/run makes the first.');
  const { stdout } = await promisify(execFile)(python, [resolve(script), ...args], { maxBuffer: 1 << 24 });
  return stdout;
}
