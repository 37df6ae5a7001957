import { describe, expect, it } from 'vitest';
import { edm, noiseSchedule, rectifiedFlow } from '../diffusion';
import type { NoiseSchedule, PredictionType } from '../diffusion';
import { classicTable } from '../solvers/registry';
import { rowOffset } from '../solvers/table';
import type { SolverTable } from '../solvers/table';
import { networkTable } from './network-table';
import type { SolverModel } from './read-solver-file';

const vp = noiseSchedule({ type: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012, num_train_timesteps: 1000 });
const flow = rectifiedFlow(1, 1000);
const ve = edm(0.002, 80);

function model(schedule: NoiseSchedule, predictionType: PredictionType, integerTimestep = false): SolverModel {
  return { schedule, predictionType, integerTimestep, parameters: { type: 'edm', sigma_min: 0.002, sigma_max: 80 } };
}

const tableOf = (schedule: NoiseSchedule): SolverTable =>
  classicTable(schedule, { solver: 'dpmpp', order: 2, timestep_spacing: 'logsnr' }, 4);

describe('networkTable', () => {
  it.each<[PredictionType, NoiseSchedule]>([
    ['epsilon', vp],
    ['v_prediction', vp],
    ['sample', ve],
    ['edm', ve],
    ['flow_prediction', flow],
  ])('makes the clean sample of what a perfect %s network returns', (type, schedule) => {
    const table = tableOf(schedule);
    const exported = networkTable(model(schedule, type), table);
    const [x0, eps] = [0.7, -1.3];
    table.times.forEach((t, k) => {
      const { alpha, sigma } = schedule.at(t);
      const y = alpha * x0 + sigma * eps;
      const total = Math.sqrt(sigma ** 2 + 0.25);
      const output = {
        epsilon: eps,
        sample: x0,
        v_prediction: alpha * eps - sigma * x0,
        flow_prediction: eps - x0,
        edm: ((x0 - (0.25 / total ** 2) * y) * total) / (0.5 * sigma),
      }[type];
      expect(exported.cSkip[k]! * y + exported.cOut[k]! * output).toBeCloseTo(x0, 10);
      expect(exported.cIn[k]).toBeCloseTo(type === 'edm' ? 1 / total : 1, 12);
      expect(exported.timesteps[k]).toBeCloseTo(type === 'edm' ? Math.log(sigma) / 4 : t, 12);
      expect([exported.alphas[k], exported.sigmas[k]]).toEqual([alpha, sigma]);
    });
    expect(exported.start).toEqual(Array.from(table.start.subarray(1)));
    expect(exported.weights.map((row) => row.length)).toEqual([1, 2, 3, 4]);
    expect(exported.weights[3]![1]).toBe(table.weights[rowOffset(3) + 1]);
  });

  it('gives a network of whole times the time it was asked at: rounded in float32, halves to even', () => {
    const table: SolverTable = { ...tableOf(vp), times: Float64Array.from([998.6, 500.5, 401.5, 2.5 + 1e-9]) };
    expect(networkTable(model(vp, 'epsilon', true), table).timesteps).toEqual([999, 500, 402, 2]);
    expect(networkTable(model(vp, 'epsilon'), table).timesteps).toEqual(Array.from(table.times));
  });

  const plain = tableOf(ve);
  it.each<[string, Partial<SolverTable>, string]>([
    ['weights for each element', { width: 2 }, 'weights for each element of a sample (DPM-Solver-v3)'],
    ['constants', { offset: new Float64Array(5) }, 'only tables with one number an entry can be exported'],
    ['another space', { space: 'vp' }, 'is in vp space, but its noise schedule is in ve space'],
    [
      'a start that is not x_T',
      { start: plain.start.map((s, k) => (k === 0 ? 0.5 : s)) },
      'starts at 0.5 times the start noise',
    ],
  ])('refuses %s', (_, change, sentence) => {
    expect(() => networkTable(model(ve, 'sample'), { ...plain, ...change })).toThrow(sentence);
  });

  it('refuses to ask for the noise where there is nothing else', () => {
    const parameters = { type: 'cosine', num_train_timesteps: 1000, rescale_betas_zero_snr: true } as const;
    const schedule = noiseSchedule(parameters);
    const table = classicTable(schedule, { solver: 'ddim', order: 1, timestep_spacing: 'uniform' }, 3);
    expect(() => networkTable(model(schedule, 'epsilon'), table)).toThrow(
      'at time 999, where a network with prediction_type epsilon says nothing',
    );
    expect(networkTable(model(schedule, 'v_prediction'), table).cOut[0]).toBeCloseTo(-1, 12);
  });
});
