import { gaussNewtonSamples } from '../learn/learn';
import { emphases } from '../learn/path-times';
import { warmStartNoises } from '../learn/warm-start';
import { classicTables } from './classics';
import { neighbourStarts } from './neighbour-starts';
import type { RunContext } from './run-context';
import { startsAreFitted } from './student';
import { floorSamples } from './teacher-floor';

/** Rough costs of a run in model evaluations, for the progress bar. */
export function planStages({ config, meter, teacher, model }: RunContext): void {
  const { samples, validation_samples: validation, seeds, iterations, optimizer } = config.training;
  const nfes = config.student.num_inference_steps;
  const test = config.evaluation.samples;
  const steps = teacher.table.nfe;
  meter.plan('teacher', null, (seeds * samples + validation + test + 2 * Math.min(floorSamples, test)) * steps);
  nfes.forEach((nfe, i) => {
    const starts = classicTables(model.schedule, nfe).length + (i === 0 ? 1 : 1 + neighbourStarts);
    const others = i === 0 ? 1 : 1 + neighbourStarts;
    const noises = Math.min(samples, warmStartNoises);
    const onPath = startsAreFitted(config) ? (emphases.length + others) * (noises + validation) : 0;
    const dode = config.student.method === 'dode' ? others * (11 * noises + validation) : 0;
    meter.plan('baselines', nfe, (starts * validation + onPath + dode) * nfe);
    const tangents = (nfe * (nfe + 1) * (nfe + 2)) / 6 + nfe * nfe;
    const batch = adamBatch(config.training.batch_size);
    const perNoise = tangents + 8 * nfe;
    const step = (iteration: number): number =>
      optimizer === 'adam' ? 3 * nfe * batch : gaussNewtonSamples(samples, iteration) * perNoise + validation * nfe;
    const all = Array.from({ length: iterations }, (_, iteration) => step(iteration));
    const ends = 2 * (samples + validation) * nfe;
    meter.plan('learn', nfe, seeds * (ends + all.reduce((sum, cost) => sum + cost)));
  });
  for (const nfe of nfes) {
    meter.plan('evaluate', nfe, (classicTables(model.schedule, nfe).length + seeds) * test * nfe);
  }
}

/** Samples of a minibatch of Adam. */
export function adamBatch(batchSize: number | 'auto'): number {
  return batchSize === 'auto' ? 16 : batchSize;
}
