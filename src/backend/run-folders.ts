import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RunInfo } from '../protocol';
import { readSummary } from './run-log';
import type { RunSummary } from './run-log';

/** Makes a new folder `<stem>-YYYYMMDD-HHMMSS[-n]` under `output`, which is made too. Throws a sentence for a person. */
export async function makeRunDir(output: string, configPath: string, now: Date): Promise<string> {
  const stem = basename(configPath).replace(/\.ya?ml$/i, '');
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  const name = `${stem}-${date}-${time}`;
  try {
    await mkdir(output, { recursive: true });
    for (let n = 1; ; n++) {
      const path = join(output, n === 1 ? name : `${name}-${n}`);
      try {
        await mkdir(path);
        return path;
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`No run folder can be made in ${output}; choose another output in solver.yaml (${reason}).`, {
      cause: error,
    });
  }
}

export function hasCheckpoint(runDir: string): boolean {
  return existsSync(join(runDir, 'checkpoint.json'));
}

export interface FoundRun {
  readonly info: RunInfo;
  readonly startedAt: number;
}

/** Runs of a solver.yaml that lie in a folder; a folder that is not there holds none. */
export async function findRuns(output: string, configPath: string): Promise<FoundRun[]> {
  const entries = await readdir(output, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(async (entry) => {
        const runDir = join(output, entry.name);
        const summary = await readSummary(runDir);
        return summary?.configPath === configPath
          ? [{ info: infoOf(runDir, summary), startedAt: summary.startedAt }]
          : [];
      }),
  );
  return found.flat();
}

/** What a folder says about its run, when no process of ours is at work in it. */
export function infoOf(runDir: string, { configPath, task, finished }: RunSummary): RunInfo {
  const state = finished?.status ?? 'interrupted';
  const resumable = state !== 'done' && task === 'learn' && hasCheckpoint(runDir);
  const advice = resumable ? 'choose Resume to go on from its last checkpoint' : 'start a new one';
  const message = finished?.message ?? `This run was cut off; ${advice}.`;
  return { runDir, configPath, task, state, resumable, pid: null, message };
}
