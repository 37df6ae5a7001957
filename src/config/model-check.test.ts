import { describe, expect, test } from 'vitest';
import { checkSolverYaml } from './check';
import { readModelFacts } from './facts';
import type { ModelFacts, TensorFacts } from './facts';
import { edited, validYaml } from './fixtures';
import { findPorts } from './ports';
import type { PortFact } from './ports';

const sample: PortFact = { name: 'sample', dtype: 'float32', shape: ['batch', 4, 64, 64] };
const timestep: PortFact = { name: 'timestep', dtype: 'float32', shape: ['batch'] };
const labels: PortFact = { name: 'class_labels', dtype: 'int64', shape: ['batch'] };
const output: PortFact = { name: 'out_sample', dtype: 'float32', shape: ['batch', 4, 64, 64] };

const header = (inputs: readonly PortFact[], outputs: readonly PortFact[] = [output]): ModelFacts => ({
  kind: 'header',
  path: '/project/unet.onnx',
  inputs,
  outputs,
});

function shown(text: string, model: ModelFacts): [string, string][] {
  const { diagnostics } = checkSolverYaml(text, { baseDir: '/project', model });
  return diagnostics.map(({ code, start, end }) => [code, text.slice(start, end)]);
}

test('a model that fits has no diagnostics', () => {
  expect(shown(validYaml, header([sample, timestep, labels]))).toEqual([]);
});

const withoutLabels = edited(
  `  conditioning:
    class_labels: [0, 1, 2]
    guidance_scale: 2.0
    unconditional_label: 10
`,
  '',
);

const cases: readonly [string, string, ModelFacts, string, string][] = [
  ['missing', validYaml, { kind: 'missing', path: '/x' }, 'model-missing', './unet.onnx'],
  ['torn', validYaml, { kind: 'unreadable', path: '/x', message: 'Torn.' }, 'model-unreadable', './unet.onnx'],
  [
    'another size',
    edited('[4, 64, 64]', '[4, 32, 32]'),
    header([sample, timestep, labels], []),
    'model-input',
    '[4, 32, 32]',
  ],
  ['another rank', edited('[4, 64, 64]', '[4096]'), header([sample, timestep, labels], []), 'model-input', '[4096]'],
  ['no sample input', validYaml, header([timestep, labels]), 'model-input', '[4, 64, 64]'],
  ['no time input', validYaml, header([sample, labels]), 'model-input', './unet.onnx'],
  ['no label input', validYaml, header([sample, timestep]), 'model-input', 'class_labels: [0, 1, 2]'],
  ['labels wanted', withoutLabels, header([sample, timestep, labels]), 'model-input', 'model'],
  [
    'a fixed batch',
    validYaml,
    header([{ ...sample, shape: [1, 4, 64, 64] }, timestep, labels]),
    'model-input',
    './unet.onnx',
  ],
  [
    'whole-number samples',
    validYaml,
    header([{ ...sample, dtype: 'int64' }, timestep, labels]),
    'model-input',
    './unet.onnx',
  ],
  [
    'an input nobody fills',
    validYaml,
    header([sample, timestep, labels, { name: 'encoder_hidden_states', dtype: 'float32', shape: ['batch', 77, 768] }]),
    'model-input',
    'conditioning',
  ],
  [
    'a name that is not there',
    edited('  conditioning:', '  inputs: { sample: latent_in }\n  conditioning:'),
    header([sample, timestep, labels]),
    'model-input',
    'latent_in',
  ],
  [
    'twice the channels',
    validYaml,
    header([sample, timestep, labels], [{ ...output, shape: ['batch', 8, 64, 64] }]),
    'model-output',
    '[4, 64, 64]',
  ],
];

test.each(cases)('%s', (_, text, model, code, underlined) => {
  expect(shown(text, model)).toEqual([[code, underlined]]);
});

test('the shape of the model is offered as a fix', () => {
  const text = edited('[4, 64, 64]', '[4, 32, 32]');
  const { diagnostics } = checkSolverYaml(text, { baseDir: '/project', model: header([sample, timestep, labels], []) });
  expect(diagnostics[0]?.fix?.newText).toBe('[4, 64, 64]');
});

describe('inputs are found', () => {
  const shape = [1, 8, 8];
  const x: PortFact = { name: 'arg0', dtype: 'float16', shape: [null, 1, 8, 8] };
  const t: PortFact = { name: 'arg1', dtype: 'float32', shape: [null] };
  const y: PortFact = { name: 'arg2', dtype: 'int64', shape: [null] };

  test('by type and rank when the names say nothing', () => {
    expect(findPorts([y, t, x], shape)).toEqual({ sample: x, timestep: t, class_labels: y, others: [] });
  });

  test('by name when several would fit', () => {
    const extra: PortFact = { name: 'mask', dtype: 'float32', shape: [null, 1, 8, 8] };
    const named = { ...x, name: 'latents' };
    expect(findPorts([extra, named, t], shape)).toEqual({ sample: named, timestep: t, others: [extra] });
  });

  test('by the given name first', () => {
    const other: PortFact = { name: 'other', dtype: 'float32', shape: [null, 1, 8, 8] };
    const named = { ...x, name: 'sample' };
    expect(findPorts([named, other, t], shape, { sample: 'other' }).sample).toBe(other);
  });

  test('a lone label input is not taken for the time', () => {
    expect(findPorts([x, y], shape)).toEqual({ sample: x, class_labels: y, others: [] });
  });
});

const states: PortFact = { name: 'encoder_hidden_states', dtype: 'float32', shape: ['batch', 'sequence', 768] };

/** The network of Stable Diffusion in a folder with text encoders of these widths. */
const inFolder = (
  widths: readonly (number | null)[],
  inputs = [sample, timestep, states],
  hasTokenizer = true,
): ModelFacts => ({
  ...(header(inputs) as Extract<ModelFacts, { kind: 'header' }>),
  folder: { textEncoders: widths.map((width) => ({ width, hasTokenizer })), scheduler: null, hasDecoder: false },
});

const conditioned = (keys: string) =>
  withoutLabels.replace('  sample_shape', `  conditioning: { ${keys} }\n  sample_shape`);

describe('prompts', () => {
  const prompts = conditioned("prompts: [a cat], guidance_scale: 5, negative_prompt: ''");

  test('fill the inputs of Stable Diffusion, and of SDXL with two text encoders', () => {
    expect(shown(prompts, inFolder([768]))).toEqual([]);
    expect(shown(prompts, inFolder([null]))).toEqual([]);
    const xl = [sample, timestep, { ...states, shape: ['batch', 'sequence', 2048] }];
    const more = ['text_embeds', 'time_ids'].map((name): PortFact => ({ name, dtype: 'float32', shape: null }));
    expect(shown(prompts, inFolder([768, 1280], [...xl, ...more]))).toEqual([]);
  });

  test.each<[string, ModelFacts, string, RegExp]>([
    ['need a folder', header([sample, timestep, states]), 'prompts', /model\.path is a single file/],
    ['need a text encoder', inFolder([]), 'prompts', /need text_encoder\/model\.onnx/],
    ['need a tokenizer', inFolder([768], undefined, false), 'prompts', /need tokenizer\/tokenizer\.json/],
    ['need an input for them', inFolder([768], [sample, timestep]), 'prompts', /has no input encoder_hidden_states/],
    ['need their own text encoder', inFolder([1024]), 'prompts', /gives 1024 numbers a token.*do not belong/],
  ])('%s', (_, facts, underlined, words) => {
    const found = checkSolverYaml(prompts, { baseDir: '/project', model: facts }).diagnostics;
    const [first] = found.filter(({ start, end }) => prompts.slice(start, end) === underlined);
    expect(first?.code).toBe('model-input');
    expect(first?.message).toMatch(words);
  });

  test('are proposed where nothing fills the text input', () => {
    const message = (facts: ModelFacts) =>
      checkSolverYaml(withoutLabels, { baseDir: '/project', model: facts }).diagnostics.map((found) => found.message);
    expect(message(inFolder([768]))).toEqual([
      'The model has an input encoder_hidden_states (float32[batch, sequence, 768]) that nothing fills (sample takes the sample, timestep takes the time); give it a file under model.conditioning.tensors, or list model.conditioning.prompts.',
    ]);
    expect(message(header([sample, timestep, states]))).toEqual([
      expect.stringMatching(/or list prompts and make model\.path the folder/),
    ]);
  });
});

describe('tensor files', () => {
  const text = conditioned(
    'tensors: { encoder_hidden_states: a.npy }, unconditional_tensors: { encoder_hidden_states: b.npy }, guidance_scale: 5',
  );
  const stored = (a: TensorFacts, b: TensorFacts) => {
    const tensors = new Map(Object.entries({ '/project/a.npy': a, '/project/b.npy': b }));
    const model = header([sample, timestep, states]);
    return checkSolverYaml(text, { baseDir: '/project', model, tensors }).diagnostics;
  };
  const rows = (...shape: number[]): TensorFacts => ({ dtype: 'float32', shape });

  test('that fit have no diagnostics', () => {
    expect(stored(rows(3, 77, 768), rows(3, 77, 768))).toEqual([]);
    expect(stored(rows(3, 77, 768), rows(1, 77, 768))).toEqual([]);
  });

  test.each([
    [
      'another width',
      rows(3, 77, 1024),
      rows(1, 77, 768),
      'a.npy',
      /float32\[3, 77, 1024\], and encoder_hidden_states/,
    ],
    ['another rank', rows(77, 768), rows(1, 77, 768), 'a.npy', /one row of that shape/],
    ['no rows', rows(0, 77, 768), rows(1, 77, 768), 'a.npy', /one row of that shape/],
    ['another count', rows(3, 77, 768), rows(2, 77, 768), 'b.npy', /has 2 rows, but .* has 3/],
    ['torn', { problem: 'a.npy is torn.' }, rows(1, 77, 768), 'a.npy', /^a\.npy is torn\.$/],
  ])('%s', (_, a, b, underlined, words) => {
    const [first] = stored(a, b);
    expect(first?.code).toBe('tensor-file');
    expect(text.slice(first?.start, first?.end)).toBe(underlined);
    expect(first?.message).toMatch(words);
  });

  test('for an input that the model does not have', () => {
    const wrong = conditioned('tensors: { hidden: a.npy }');
    const tensors = new Map([['/project/a.npy', rows(3, 77, 768)]]);
    const { diagnostics } = checkSolverYaml(wrong, { baseDir: '/project', model: header([sample, timestep]), tensors });
    expect(diagnostics.map(({ code, start, end }) => [code, wrong.slice(start, end)])).toEqual([
      ['model-input', 'hidden'],
    ]);
  });
});

describe("the folder's scheduler", () => {
  const facts = (scheduler: Record<string, unknown>): ModelFacts => ({
    ...(header([sample, timestep, labels]) as Extract<ModelFacts, { kind: 'header' }>),
    folder: { textEncoders: [], scheduler, hasDecoder: false },
  });
  const betas = { beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012, num_train_timesteps: 1000 };

  test.each<[string, Record<string, unknown>, string[]]>([
    ['that agrees', betas, []],
    ['of another prediction', { ...betas, prediction_type: 'v_prediction' }, ['epsilon']],
    ['of other betas', { ...betas, beta_end: 0.02 }, ['0.012']],
    ['of another kind', { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3 }, ['epsilon', 'scaled_linear']],
    ['of another end', { ...betas, rescale_betas_zero_snr: true }, ['noise_schedule']],
    ['of betas one by one', { ...betas, trained_betas: [0.1, 0.2] }, ['scaled_linear']],
    ['without betas one by one', { ...betas, trained_betas: null }, []],
    ['of a kind that we have no word for', { beta_schedule: 'sigmoid' }, []],
  ])('%s', (_, scheduler, underlined) => {
    const { diagnostics, config } = checkSolverYaml(validYaml, { baseDir: '/project', model: facts(scheduler) });
    expect(diagnostics.map(({ start, end }) => validYaml.slice(start, end))).toEqual(underlined);
    expect(diagnostics.every(({ code, severity }) => code === 'model-scheduler' && severity === 'warning')).toBe(true);
    expect(config).toBeDefined();
  });

  test.each<[string, number[], RegExp[]]>([
    ['that agree but for float32', [Math.fround(0.1), Math.fround(0.2)], []],
    ['of which one differs', [0.1, 0.25], [/betas\[1\] is 0\.2, but trained_betas has 0\.25 in/]],
    ['of another number', [0.1, 0.2, 0.3], [/betas has 2 entries, but trained_betas has 3 in/]],
  ])('betas one by one %s', (_, trained_betas, messages) => {
    const text = validYaml.replace(/type: scaled_linear.*1000/, 'type: trained_betas, betas: [0.1, 0.2]');
    const { diagnostics } = checkSolverYaml(text, { baseDir: '/project', model: facts({ trained_betas }) });
    expect(diagnostics.map(({ message }) => message)).toEqual(
      messages.map((words): unknown => expect.stringMatching(words)),
    );
    expect(diagnostics.every(({ severity }) => severity === 'warning')).toBe(true);
  });

  test('offers its value', () => {
    const model = facts({ ...betas, prediction_type: 'v_prediction' });
    const { diagnostics } = checkSolverYaml(validYaml, { baseDir: '/project', model });
    expect(diagnostics[0]?.fix?.newText).toBe('v_prediction');
  });
});

describe('facts about the file', () => {
  const parse = () => ({ inputs: [sample], outputs: [output] });
  const read = () => Promise.resolve(new Uint8Array());
  const openFolder = () => Promise.reject(new Error('No folder here.'));
  const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));

  test.each([
    ['ENOENT', 'missing', ''],
    ['EACCES', 'unreadable', 'permission denied'],
    ['EIO', 'unreadable', 'EIO'],
  ])('%s', async (code, kind, words) => {
    const facts = await readModelFacts('/m.onnx', { read: failing(code), parse, openFolder });
    expect(facts).toMatchObject({ kind, path: '/m.onnx' });
    expect(facts.kind === 'unreadable' ? facts.message : '').toContain(words);
  });

  test('a folder is opened', async () => {
    const readParts = (path: string) => (path === '/m' ? failing('EISDIR')() : read());
    const reader = { read: readParts, parse, openFolder };
    expect(await readModelFacts('/m', reader)).toEqual({ kind: 'unreadable', path: '/m', message: 'No folder here.' });
    const encoder = { name: 'last_hidden_state', dtype: 'float32', shape: ['batch', 'sequence', 768] };
    const facts = await readModelFacts('/m', {
      read: readParts,
      parse: (_, path) => (path === '/m/text' ? { inputs: [], outputs: [encoder] } : parse()),
      openFolder: async () => ({
        denoiser: '/m/unet',
        textEncoders: [{ model: '/m/text', hasTokenizer: true }],
        scheduler: null,
        vaeDecoder: null,
      }),
    });
    const folder = { textEncoders: [{ width: 768, hasTokenizer: true }], scheduler: null, hasDecoder: false };
    expect(facts).toEqual({ kind: 'header', path: '/m/unet', inputs: [sample], outputs: [output], folder });
  });

  test('a torn file keeps the sentence of the reader', async () => {
    const torn = () => {
      throw new Error('m.onnx ends in the middle.');
    };
    const facts = await readModelFacts('/m.onnx', { read, parse: torn, openFolder });
    expect(facts).toEqual({ kind: 'unreadable', path: '/m.onnx', message: 'm.onnx ends in the middle.' });
  });

  test('a readable one gives its ports', async () => {
    const facts = await readModelFacts('/m.onnx', { read, parse, openFolder });
    expect(facts).toEqual({ kind: 'header', path: '/m.onnx', inputs: [sample], outputs: [output] });
  });
});
