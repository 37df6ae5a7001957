import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { serializeModel } from '../../src/onnx/write';
import { runJob } from '../../src/jobs/run';
import { writeNpy } from '../support/npy';
import { featuresWithoutGradient, imageDistance, imageFeatures } from '../support/tiny-networks';
import { TinyProject, ofKind, readEvents } from '../support/tiny-run';

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A project on the exact denoiser of a mixture in the plane, with networks that look at points of it. */
function project(objective: string, training = 'iterations: 2'): TinyProject {
  const made = new TinyProject({ objective, training });
  folders.push(made.folder);
  writeFileSync(join(made.folder, 'features.onnx'), serializeModel(imageFeatures([2])));
  writeFileSync(join(made.folder, 'lpips.onnx'), serializeModel(imageDistance([2])));
  writeNpy(
    join(made.folder, 'weights.npy'),
    [24],
    Float64Array.from({ length: 24 }, (_, i) => (i < 12 ? 1 : 3)),
  );
  return made;
}

/** Iterations with the validation losses of the start and of the best table. */
async function learned(made: TinyProject): Promise<{ first: number; best: number; shifts: (number | undefined)[] }> {
  const { status, message } = await made.run('a');
  expect([status, message]).toEqual(['done', expect.anything()]);
  const steps = ofKind(made.events('a'), 'step');
  expect(steps.length).toBeGreaterThan(1);
  expect(made.read('a', 'solver.json')).not.toContain(made.folder);
  return {
    first: steps[0]!.validationLoss!,
    best: steps.at(-1)!.bestValidationLoss,
    shifts: steps.map(({ noiseShift }) => noiseShift?.mean),
  };
}

describe('learning by', () => {
  it.each([
    ['l1', 'distance: l1, relax_radius: 0'],
    ['pseudo-Huber', 'distance: pseudo_huber, huber_c: 0.5, relax_radius: 0'],
    ['features', 'distance: features, network: ./features.onnx, network_output: sines, relax_radius: 0'],
  ])('%s goes down with Gauss-Newton', async (_, objective) => {
    const { first, best, shifts } = await learned(project(objective));
    expect(best).toBeLessThan(0.9 * first);
    expect(shifts.at(-1)).toBeUndefined();
  });

  it('features moves noises, too', async () => {
    const { first, best, shifts } = await learned(
      project('distance: features, network: ./features.onnx, relax_radius: 0.02'),
    );
    expect(best).toBeLessThan(first);
    expect(shifts.at(-1)).toBeGreaterThan(0.1);
  });

  it('a network that compares two samples goes down with Adam', async () => {
    const training = 'iterations: 20, ema: 0, learning_rate: 0.01';
    const { first, best } = await learned(project('distance: lpips, network: ./lpips.onnx', training));
    expect(best).toBeLessThan(0.99 * first);
  });

  it('weights learns another table than without, and validates all noises alike', async () => {
    const plain = project('relax_radius: 0');
    const weighted = project('relax_radius: 0, sample_weights: ./weights.npy');
    const [a, b] = [await learned(plain), await learned(weighted)];
    expect(a.first).toBe(b.first);
    expect(plain.solver('a')).not.toBe(weighted.solver('a'));
    const tables = [plain, weighted].map((made) => ofKind(made.events('a'), 'table').at(-1)!.table);
    expect(tables[0]).not.toEqual(tables[1]);
  });

  it('the features of the demo classifier, on the demo model', async () => {
    const folder = mkdtempSync(join(tmpdir(), 's4s-objective-'));
    folders.push(folder);
    for (const file of ['unet.onnx', 'classifier.onnx']) copyFileSync(join('media/demo', file), join(folder, file));
    const path = join(folder, 'solver.yaml');
    writeFileSync(
      path,
      `version: 1
model:
  path: ./unet.onnx
  prediction_type: sample
  noise_schedule: { type: edm, sigma_min: 0.002, sigma_max: 80 }
  sample_shape: [1, 32, 32]
  conditioning: { class_labels: [1, 7] }
teacher: { num_inference_steps: 4 }
student: { method: table, num_inference_steps: 2 }
objective: { distance: features, network: ./classifier.onnx, relax_radius: 0 }
training: { samples: 8, validation_samples: 8, iterations: 2 }
evaluation: { samples: 8 }
preview: { samples: 1 }
device: cpu
`,
    );
    const order = { task: 'learn', configPath: path, runDir: join(folder, 'runs/a'), resume: false } as const;
    expect((await runJob(order, () => {}, new AbortController().signal)).status).toBe('done');
    const steps = ofKind(readEvents(join(folder, 'runs/a/events.jsonl')), 'step');
    expect(steps.at(-1)!.trainLoss).toBeLessThan(0.8 * steps[0]!.trainLoss);
  });
});

describe('decoded images', () => {
  it.each([
    ['l2 by Gauss-Newton', 'distance: l2, relax_radius: 0', 'iterations: 1'],
    [
      'a network of two images by Adam',
      'distance: lpips, network: ./lpips.onnx',
      'iterations: 3, batch_size: 8, learning_rate: 0.001, ema: 0',
    ],
  ])('%s', async (_, objective, training) => {
    const folder = mkdtempSync(join(tmpdir(), 's4s-objective-'));
    folders.push(folder);
    cpSync('test/data/sd-tiny', join(folder, 'sd-tiny'), { recursive: true });
    writeFileSync(join(folder, 'lpips.onnx'), serializeModel(imageDistance([3, 'height', 'width'])));
    const path = join(folder, 'solver.yaml');
    writeFileSync(
      path,
      `version: 1
model:
  path: ./sd-tiny
  prediction_type: epsilon
  noise_schedule: { type: scaled_linear, beta_start: 0.00085, beta_end: 0.012 }
  sample_shape: [4, 8, 8]
  conditioning: { prompts: [a photo of a cat] }
teacher: { num_inference_steps: 6 }
student: { method: table, num_inference_steps: 2 }
objective: { ${objective}, space: decoded }
training: { samples: 8, validation_samples: 8, ${training} }
evaluation: { samples: 8 }
preview: { samples: 1 }
device: cpu
`,
    );
    const order = { task: 'learn', configPath: path, runDir: join(folder, 'runs/a'), resume: false } as const;
    const outcome = await runJob(order, () => {}, new AbortController().signal);
    expect([outcome.status, outcome.message]).toEqual(['done', expect.anything()]);
    const events = readEvents(join(folder, 'runs/a/events.jsonl'));
    // A tiny model's learned solver may come close to its teacher; that is said, and nothing else.
    expect(ofKind(events, 'warning').filter(({ code }) => code !== 'near-teacher')).toEqual([]);
    const steps = ofKind(events, 'step');
    expect(steps.at(-1)!.trainLoss).toBeLessThan(steps[0]!.trainLoss);
  });
});

describe('what cannot be', () => {
  const failure = async (made: TinyProject): Promise<string> => {
    const { status, message } = await made.run('a');
    expect(status).toBe('failed');
    return message;
  };

  it('a network without a gradient is learned through by differences, and by nothing else', async () => {
    const withDet = (keys: string, training?: string): TinyProject => {
      const made = project(`distance: features, network: ./det.onnx, ${keys}`, training);
      writeFileSync(join(made.folder, 'det.onnx'), serializeModel(featuresWithoutGradient()));
      return made;
    };
    expect(await failure(withDet('relax_radius: 0', 'optimizer: adam'))).toMatch(
      /operator Det has no gradient rule.*Set training\.optimizer to gauss_newton, which needs no gradient\.$/,
    );
    expect(await failure(withDet('relax_radius: 1'))).toMatch(
      /operator Det has no gradient rule.*Set objective\.relax_radius to 0: moving noises needs the gradient\.$/,
    );
    const auto = withDet('relax_radius: auto');
    await learned(auto);
    const warnings = ofKind(auto.events('a'), 'warning').filter(({ code }) => code !== 'near-teacher');
    expect(warnings.map(({ code, message }) => [code, message])).toEqual([
      ['no-gradient', expect.stringMatching(/operator Det .*the start noises stay fixed\.$/)],
    ]);
  });

  it('a network for other samples', async () => {
    const made = project('distance: features, network: ./features.onnx');
    writeFileSync(join(made.folder, 'features.onnx'), serializeModel(imageFeatures([3])));
    expect(await failure(made)).toMatch(
      /features\.onnx: the input "image" takes \[batch, 3\], and a sample is \[2\]\.$/,
    );
  });

  it.each([
    [[5], Float64Array.of(1, 1, 1, 1, 1), /holds 5 numbers; give one for each of the 24 training noises\.$/],
    [[24], new Float64Array(24), /holds zeros only; some sample has to count\.$/],
    [
      [24],
      new Float64Array(24).fill(-1),
      /holds a number that is negative, NaN or infinite; weights are 0 or above\.$/,
    ],
  ])('weights %j', async (shape, data, message) => {
    const made = project('sample_weights: ./weights.npy');
    writeNpy(join(made.folder, 'weights.npy'), shape, data);
    expect(await failure(made)).toMatch(message);
  });

  it('decoded samples of a model without a decoder', async () => {
    expect(await failure(project('space: decoded'))).toMatch(/objective\.space decoded needs vae_decoder\/model\.onnx/);
  });
});
