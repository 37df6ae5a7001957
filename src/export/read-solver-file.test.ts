import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseSolverFile, solverModel } from './read-solver-file';
import { SOLVER_FILE_VERSION, solverFileText } from './solver-file';
import type { SolverFile } from './solver-file';

const text = readFileSync('test/data/export/demo-solver.json', 'utf8');

/** The stored file with one value replaced, or without it. */
function changed(path: string, value?: unknown): string {
  const file = JSON.parse(text) as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop()!;
  const parent = keys.reduce((at, key) => at[key] as Record<string, unknown>, file);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return JSON.stringify(file);
}

describe('parseSolverFile', () => {
  it('gives back what was written', () => {
    expect(solverFileText(parseSolverFile(text))).toBe(text);
  });

  it.each<[string, unknown, string]>([
    ['version', SOLVER_FILE_VERSION + 1, 'update S4S Studio'],
    ['version', 'one', '"version" is not a number'],
    ['name', undefined, '"name" is missing'],
    ['model', [], '"model" is not an object'],
    ['model.sha256', undefined, '"model.sha256" is missing'],
    ['solvers', {}, '"solvers" is not a list'],
    ['solvers.1.table', undefined, '"solvers[1].table" is missing'],
    ['solvers.0.table.times.1', null, '"solvers[0].table.times[1]" is not a number'],
    ['solvers.0.table.rows.2', 4, '"solvers[0].table.rows[2]" is not a list'],
    ['solvers.0.table.space', 'ddim', '"solvers[0].table.space" is not one of vp, ve, flow'],
    ['solvers.0.test_mse', 'low', '"solvers[0].test_mse" is not a number'],
    ['solvers.0.started_from.spacing', undefined, '"solvers[0].started_from.spacing" is missing'],
    ['cite.0', 2502, '"cite[0]" is not a text'],
    ['teacher.num_inference_steps', undefined, '"teacher.num_inference_steps" is missing'],
  ])('says what is wrong with %s = %j', (path, value, sentence) => {
    expect(() => parseSolverFile(changed(path, value))).toThrow(sentence);
  });

  it.each([text.slice(0, 2000), '', 'null', '[]', '{}'])('refuses %.20j', (damaged) => {
    expect(() => parseSolverFile(damaged)).toThrow(RangeError);
  });

  it('reads a run that was stopped before its tables were measured', () => {
    const file = parseSolverFile(changed('solvers.0.test_mse_ci95', null));
    expect(file.solvers[0]!.test_mse_ci95).toBeNull();
  });
});

describe('solverModel', () => {
  const modelOf = (path: string, value?: unknown) => solverModel(JSON.parse(changed(path, value)) as SolverFile);

  it('makes the schedule', () => {
    const { schedule, predictionType, integerTimestep } = solverModel(parseSolverFile(text));
    expect([schedule.space, schedule.tMax, predictionType, integerTimestep]).toEqual(['ve', 80, 'sample', false]);
    expect(modelOf('model.integer_timestep', true).integerTimestep).toBe(true);
  });

  it.each<[string, unknown, string]>([
    ['model.prediction_type', 'score', '"model.prediction_type" is not one of epsilon, sample'],
    ['model.noise_schedule.type', 'sigmoid', '"model.noise_schedule.type" is not one of linear'],
    ['model.noise_schedule', { type: 'vp', beta_max: 20 }, '"model.noise_schedule.beta_min" is missing'],
    [
      'model.noise_schedule',
      { type: 'trained_betas', betas: ['0.1'] },
      '"model.noise_schedule.betas[0]" is not a number',
    ],
    ['model.noise_schedule.sigma_min', -1, '0 < sigma_min'],
  ])('says what is wrong with %s = %j', (path, value, sentence) => {
    expect(() => modelOf(path, value)).toThrow(sentence);
  });
});
