import { expect, it } from 'vitest';
import { parseLoggedEvent } from './events';

const at = { seq: 4, at: 1 };
const read = (event: object): unknown => parseLoggedEvent(JSON.stringify({ ...event, ...at }));

it('fills in what logs of version 1 did not say', () => {
  const step = { kind: 'step', nfe: 5, iteration: 1, trainLoss: 0.2, evaluations: 9, accepted: true };
  expect(read(step)).toEqual({ ...step, ...at, seed: 0, noiseShift: null });
  expect(read({ kind: 'run-started', version: 1 })).toMatchObject({ seeds: 1, loss: 'mse' });
  const teacher = { solver: 'UniPC-3', num_inference_steps: 20, self_mse: 0.1, accuracy: null, fd: null };
  const finished = { kind: 'finished', status: 'done', message: 'Done.', report: { teacher, results: [] } };
  expect(read(finished)).toMatchObject({ report: { teacher: { ...teacher, self_mse_ci95: null }, solvers: [] } });
  expect(read({ ...finished, report: null })).toMatchObject({ report: null });
});

it('changes nothing that today’s logs say', () => {
  const events = [
    { kind: 'run-started', version: 2, seeds: 3, loss: 'LPIPS' },
    { kind: 'step', nfe: 5, seed: 2, iteration: 1, noiseShift: { mean: 0.1, largest: 0.2 } },
    { kind: 'checkpoint', file: 'checkpoint.json', nfe: 5, seed: 1, iteration: 3 },
    { kind: 'teacher-floor', mse: 0.1, ci95: [0.05, 0.2], samples: 64 },
  ];
  for (const event of events) expect(read(event)).toEqual({ ...event, ...at });
});

it('passes over torn lines and kinds it does not know', () => {
  expect(parseLoggedEvent('{"kind":"step","se')).toBeUndefined();
  expect(read({ kind: 'from-the-future' })).toBeUndefined();
});
