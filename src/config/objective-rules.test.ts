import { describe, expect, test } from 'vitest';
import { checkSolverYaml } from './check';
import type { ModelFacts } from './facts';
import { edited } from './fixtures';

const objective = 'objective: { distance: l2, relax_radius: auto }';
const training = 'optimizer: adam, ';

function check(keys: string, optimizer = training) {
  const text = edited(training, optimizer, edited(objective, `objective: { ${keys} }`));
  const { diagnostics, config } = checkSolverYaml(text, { baseDir: '/project' });
  const found = diagnostics.map(({ code, severity, message, start, end, fix }) => ({
    code,
    severity,
    at: text.slice(start, end),
    message,
    fix: fix?.newText,
  }));
  return { found, config };
}

describe('objective', () => {
  test('takes its files relative to the solver.yaml', () => {
    const { found, config } = check(
      'distance: features, network: ./vgg.onnx, sample_weights: w.npy, network_range: unit',
    );
    expect(found).toEqual([]);
    expect(config?.objective).toEqual({
      distance: 'features',
      huber_c: 'auto',
      network: '/project/vgg.onnx',
      network_output: null,
      network_range: 'unit',
      network_size: null,
      space: 'sample',
      sample_weights: '/project/w.npy',
      trajectory_weight: 0,
      relax_radius: 'auto',
    });
  });

  test.each(['features', 'lpips'])('%s needs a network', (distance) => {
    expect(check(`distance: ${distance}`).found).toEqual([
      {
        code: 'conflict',
        severity: 'error',
        at: distance,
        fix: 'l2',
        message: expect.stringMatching(
          `^objective.distance ${distance} needs objective.network, the ONNX file`,
        ) as string,
      },
    ]);
  });

  test('keys that the distance does not read are said to have no effect', () => {
    const keys = 'network: ./a.onnx, network_output: x, network_range: unit, network_size: 224, huber_c: 1';
    const { found, config } = check(keys);
    expect(config).toBeDefined();
    expect(found.map(({ code, severity, at }) => [code, severity, at])).toEqual(
      keys.split(', ').map((pair) => ['unused-key', 'warning', pair]),
    );
    expect(check('distance: pseudo_huber, huber_c: 1').found).toEqual([]);
    expect(check(`distance: features, ${keys.replace(', huber_c: 1', '')}`).found).toEqual([]);
  });

  test('lpips is learned with adam, by default and only', () => {
    const lpips = 'distance: lpips, network: ./lpips.onnx';
    expect(check(lpips, '').config?.training).toMatchObject({ optimizer: 'adam', iterations: 300 });
    expect(check(lpips).found).toEqual([]);
    expect(check('distance: l1', '').config?.training.optimizer).toBe('gauss_newton');
    expect(check(lpips, 'optimizer: gauss_newton, ').found).toEqual([
      {
        code: 'conflict',
        severity: 'error',
        at: 'gauss_newton',
        fix: 'adam',
        message:
          'training.optimizer gauss_newton needs a distance that is a sum of squares, and lpips is only a number; use adam, or the distance features.',
      },
    ]);
  });

  test('decoded images need a decoder', () => {
    const text = edited(objective, 'objective: { space: decoded }');
    const inputs = [
      { name: 'sample', dtype: 'float32', shape: ['batch', 4, 64, 64] },
      { name: 'timestep', dtype: 'float32', shape: ['batch'] },
      { name: 'class_labels', dtype: 'int64', shape: ['batch'] },
    ];
    const outputs = [{ name: 'out', dtype: 'float32', shape: ['batch', 4, 64, 64] }];
    const facts = { kind: 'header', path: '/project/unet.onnx', inputs, outputs } satisfies ModelFacts;
    const found = (model: ModelFacts) => {
      const { diagnostics } = checkSolverYaml(text, { baseDir: '/project', model });
      return diagnostics.map(({ code, start, end, fix }) => [code, text.slice(start, end), fix?.newText]);
    };
    const folder = { textEncoders: [], scheduler: null };
    expect(found(facts)).toEqual([['conflict', 'decoded', 'sample']]);
    expect(found({ ...facts, folder: { ...folder, hasDecoder: false } })).toEqual([['conflict', 'decoded', 'sample']]);
    expect(found({ ...facts, folder: { ...folder, hasDecoder: true } })).toEqual([]);
  });

  test('files that are missing are missed where they stand', () => {
    const text = edited(objective, 'objective: { distance: lpips, network: ./l.onnx, sample_weights: ./w.npy }');
    const missingFiles = ['/project/l.onnx', '/project/w.npy'];
    const { diagnostics } = checkSolverYaml(text, { baseDir: '/project', missingFiles });
    expect(diagnostics.map(({ code, start, end }) => [code, text.slice(start, end)])).toEqual([
      ['file-missing', './l.onnx'],
      ['file-missing', './w.npy'],
    ]);
  });
});
