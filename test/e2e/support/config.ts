import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, parseDocument } from 'yaml';

/** Values of solver.yaml, by section. */
export type Changes = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Little of everything, so that a whole run takes well under a minute on two cores. */
export const small = {
  teacher: { num_inference_steps: 10 },
  student: { num_inference_steps: [4] },
  training: { samples: 16, validation_samples: 16, iterations: 2 },
  evaluation: { samples: 16 },
  preview: { samples: 8, every_seconds: 1 },
} satisfies Changes;

/** Changes the solver.yaml of a folder and keeps everything else in it, comments included. Returns the new text. */
export function changeConfig(folder: string, ...changes: readonly Changes[]): string {
  const file = join(folder, 'solver.yaml');
  const document = parseDocument(readFileSync(file, 'utf8'));
  for (const [section, values] of changes.flatMap((change) => Object.entries(change))) {
    for (const [key, value] of Object.entries(values)) {
      if (!isMap(document.get(section))) document.set(section, document.createNode({}));
      document.setIn([section, key], value);
    }
  }
  const text = document.toString({ lineWidth: 0 });
  writeFileSync(file, text);
  return text;
}
