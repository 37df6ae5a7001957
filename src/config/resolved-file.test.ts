import { expect, test } from 'vitest';
import { checkSolverYaml } from './check';
import { edited, validYaml } from './fixtures';
import { parseResolved, stringifyResolved } from './resolved-file';

const minimal = `version: 1
model: { path: m.onnx, prediction_type: edm, noise_schedule: { type: edm }, sample_shape: [2] }
teacher: { solver: heun }
student: { init: { solver: ddim }, num_inference_steps: [3, 2] }
`;

test.each([
  ['every key given', validYaml],
  ['defaults only', minimal],
  ['input names', edited('  conditioning:', '  inputs: { sample: x, timestep: t, class_labels: y }\n  conditioning:')],
])('a resolved config survives its file: %s', (_, text) => {
  const { config } = checkSolverYaml(text, { baseDir: '/project' });
  if (config === undefined) throw new Error('the fixture is invalid');
  const file = stringifyResolved(config);
  expect(parseResolved(file)).toEqual(config);
  // It is a solver.yaml too, wherever it lies.
  expect(checkSolverYaml(file, { baseDir: '/elsewhere' })).toEqual({ diagnostics: [], config });
});

test('a damaged file is refused with its first problem', () => {
  const { config } = checkSolverYaml(minimal, { baseDir: '/project' });
  if (config === undefined) throw new Error('the fixture is invalid');
  const torn = stringifyResolved(config).replace('prediction_type: edm', 'prediction_type: ed');
  expect(() => parseResolved(torn)).toThrow(/config.resolved.yaml is damaged: model.prediction_type must be one of/);
  expect(() => parseResolved('')).toThrow(/damaged/);
});
