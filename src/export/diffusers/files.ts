import type { ExportFile } from '../export-file';
import type { SolverFile } from '../solver-file';
import { diffusersReadme } from './readme';
import scheduler from './s4s_scheduler.py?raw';
import { schedulerConfig } from './scheduler-config';

/**
 * The folder that a diffusers pipeline loads a learned solver from.
 *
 * @throws RangeError for a table that a scheduler cannot run
 */
export function diffusersFiles(file: SolverFile): readonly ExportFile[] {
  return [
    { name: 's4s_scheduler.py', text: scheduler },
    { name: 'scheduler_config.json', text: `${JSON.stringify(schedulerConfig(file), null, 2)}\n` },
    { name: 'README.md', text: diffusersReadme(file) },
  ];
}
