import { diffusersFiles } from './diffusers/files';
import type { ExportFile } from './export-file';
import type { SolverFile } from './solver-file';

/**
 * What a learned solver can leave as. Each writer gives all files of its folder; the first has a name that no other
 * program writes, so that the folder is known again.
 *
 * Writers throw a RangeError when a table cannot be written in their format.
 */
export const exportFormats = {
  diffusers: diffusersFiles,
} as const satisfies Readonly<Record<string, (file: SolverFile) => readonly ExportFile[]>>;

export type ExportFormat = keyof typeof exportFormats;
