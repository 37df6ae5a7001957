// The bundled demo folder, copied to where people (or tests) may change it and learn in it.
import { cp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { root } from './process.mjs';

/** Copies media/demo without the runs that somebody may have made in it. */
export function copyDemo(folder) {
  const filter = (source) => basename(source) !== 'runs';
  return cp(join(root, 'media/demo'), folder, { recursive: true, filter });
}
