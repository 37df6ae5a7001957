import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseLoggedEvent, type LoggedEvent, type RunEventKind } from '../../../src/protocol/events';

/** Folders of runs below `output`, which the demo leaves at ./runs. */
export function runDirs(folder: string): string[] {
  const output = join(folder, 'runs');
  if (!existsSync(output)) return [];
  return readdirSync(output)
    .map((name) => join(output, name))
    .filter((dir) => existsSync(join(dir, 'events.jsonl')));
}

/** The only run of a folder; there must be exactly one. */
export function onlyRun(folder: string): string {
  const [run, ...more] = runDirs(folder);
  if (run === undefined || more.length > 0) throw new Error(`Expected one run, found ${more.length + (run ? 1 : 0)}.`);
  return run;
}

/** The log of a run as it lies on the disk. */
export function readLog(runDir: string): LoggedEvent[] {
  const lines = readFileSync(join(runDir, 'events.jsonl'), 'utf8').split('\n');
  return lines.map(parseLoggedEvent).filter((event) => event !== undefined);
}

export function eventsOf<Kind extends RunEventKind>(log: readonly LoggedEvent[], kind: Kind) {
  return log.filter((event): event is Extract<LoggedEvent, { kind: Kind }> => event.kind === kind);
}
