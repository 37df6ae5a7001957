import { describe, expect, test } from 'vitest';
import { checkSolverYaml, referencedFiles } from './check';
import type { DiagnosticCode } from './diagnostic';
import { edited, validYaml } from './fixtures';

const check = (text: string) => checkSolverYaml(text, { baseDir: '/project' });
const minimal = `version: 1
model:
  path: m.onnx
  prediction_type: epsilon
  noise_schedule: { type: cosine }
  sample_shape: [1, 8, 8]
`;

const labelKeys = 'class_labels: [0, 1, 2]\n    guidance_scale: 2.0\n    unconditional_label: 10';

const studentKeys = `  family: lms
  order: 3
  num_inference_steps: [4, 5]
  init: { solver: dpmpp, order: 3, timestep_spacing: logsnr }
`;

const scaledLinear = 'type: scaled_linear, beta_start: 0.00085, beta_end: 0.012, num_train_timesteps: 1000';

/** Passage of the valid file, what stands there instead, and the one diagnostic: code, underlined text, words of the message. */
const cases: readonly [string, string, DiagnosticCode, string, RegExp][] = [
  // the YAML itself
  ['device: auto', 'device: auto\ndevice: cpu', 'duplicate-key', 'device', /given twice/],
  ['device: auto', 'device: *nowhere', 'yaml-syntax', '*nowhere', /no anchor/],
  ['device: auto', 'device: auto\n---\na: 1', 'yaml-syntax', '---', /one document/],
  // keys
  ['device: auto', 'devise: auto', 'unknown-key', 'devise', /did you mean device/],
  ['order: 3, num', 'ordre: 3, num', 'unknown-key', 'ordre', /did you mean order/],
  ['  sample_shape: [4, 64, 64]\n', '', 'missing-key', 'model', /sample_shape is missing/],
  ['version: 1\n', '', 'missing-key', 'model', /version is missing/],
  ['type: scaled_linear, ', '', 'missing-key', 'noise_schedule', /type is missing/],
  [', beta_end: 0.012', '', 'missing-key', 'noise_schedule', /beta_end is missing/],
  ['class_labels: [0, 1, 2]', 'prompts: a\n    class_labels: [0, 1, 2]', 'wrong-type', 'a', /prompts must be a list/],
  [
    'class_labels: [0, 1, 2]',
    'tensors: { y: 3 }\n    class_labels: [0, 1, 2]',
    'wrong-type',
    '3',
    /tensors\.y must be text/,
  ],
  [
    'class_labels: [0, 1, 2]',
    'tensors: y.npy\n    class_labels: [0, 1, 2]',
    'wrong-type',
    'y.npy',
    /a block of names, each with text/,
  ],
  [
    'num_train_timesteps: 1000',
    'num_train_timesteps: 1000, sigma_max: 8',
    'unknown-key',
    'sigma_max',
    /known keys are/,
  ],
  // values
  ['samples: 64', 'samples: many', 'wrong-type', 'many', /whole number from 1/],
  ['samples: 64', 'samples: "64"', 'wrong-type', '"64"', /whole number/],
  ['samples: 64', 'samples: 6.5', 'wrong-type', '6.5', /whole number/],
  ['samples: 64', 'samples: 0', 'out-of-range', '0', /from 1/],
  ['samples: 64', 'samples: .nan', 'wrong-type', '.nan', /whole number/],
  ['validation_samples: 64', 'validation_samples: 3', 'out-of-range', '3', /from 8/],
  ['minutes: 10', 'minutes: -1', 'out-of-range', '-1', /above 0/],
  ['[4, 64, 64]', '[4, 64, x]', 'wrong-type', 'x', /sample_shape\[2\]/],
  ['[4, 64, 64]', '[]', 'out-of-range', '[]', /1 to 5 entries/],
  ['[4, 64, 64]', '4', 'wrong-type', '4', /a list/],
  ['version: 1', 'version: 2', 'unknown-value', '2', /another release/],
  ['epsilon', 'epsilom', 'unknown-value', 'epsilom', /one of epsilon/],
  ['scaled_linear', 'scaled', 'unknown-value', 'scaled', /one of linear, scaled_linear/],
  ['device: auto', 'device: gpu', 'unknown-value', 'gpu', /one of auto, cpu/],
  ['device: auto', 'device:', 'wrong-type', 'device', /has no value/],
  ['relax_radius: auto', 'relax_radius: 3e3', 'out-of-range', '3e3', /from 0 to 1000/],
  ['batch_size: auto', 'batch_size: big', 'unknown-value', 'big', /auto or a whole number/],
  ['init: { solver: dpmpp', 'init: { solver: dpmp', 'unknown-value', 'dpmp', /one of ddim, dpmpp/],
  [
    'init: { solver: dpmpp, order: 3, timestep_spacing: logsnr }',
    'init: best',
    'unknown-value',
    'best',
    /auto or a block/,
  ],
  ['distance: l2', 'distance: lpips', 'conflict', 'lpips', /needs objective\.network/],
  ['family: lms', 'family: single', 'unknown-value', 'single', /one of lms, pc, ss/],
  ['method: s4s-alt', 'method: dpm', 'unknown-value', 'dpm', /one of table, s4s, s4s-alt, ld3/],
  // relations
  ['  order: 3\n', '  order: 6\n', 'conflict', '6', /larger than student.num_inference_steps \(4\)/],
  ['num_inference_steps: 20', 'num_inference_steps: 5', 'conflict', '5', /greater than the student's 5/],
  ['solver: unipc, order: 3', 'solver: heun, order: 3', 'conflict', 'order: 3', /always of order 2/],
  ['solver: unipc, order: 3', 'solver: dpmpp, order: 4', 'conflict', 'order: 4', /goes up to 3/],
  ['[4, 5]', '[5, 4]', 'list-order', '[5, 4]', /ascending/],
  ['[4, 5]', '[4, 4, 5]', 'list-order', '[4, 4, 5]', /repeats/],
  ['beta_end: 0.012', 'beta_end: 0.0001', 'conflict', '0.00085', /smaller than beta_end/],
  ['    unconditional_label: 10\n', '', 'conflict', 'guidance_scale: 2.0', /needs unconditional_label/],
  ['[0, 1, 2]', '[]', 'conflict', 'guidance_scale: 2.0', /needs class_labels/],
  ['    guidance', '    prompts: [a]\n    guidance', 'conflict', 'prompts: [a]', /class_labels and prompts are given/],
  ['    guidance', '    negative_prompt: b\n    guidance', 'unused-key', 'negative_prompt: b', /without prompts/],
  [labelKeys, 'prompts: [a]\n    negative_prompt: b', 'unused-key', 'negative_prompt: b', /with guidance_scale 1/],
  [
    labelKeys,
    'tensors: { y: a.npy }\n    guidance_scale: 3',
    'conflict',
    'guidance_scale: 3',
    /unconditional_tensors for y/,
  ],
  [
    labelKeys,
    'tensors: { y: a.npy }\n    unconditional_tensors: { y: b.npy, z: c.npy }\n    guidance_scale: 3',
    'unused-key',
    'z: c.npy',
    /tensors has no z/,
  ],
  ['epsilon', 'edm', 'conflict', 'edm', /belongs to noise_schedule type edm/],
  ['epsilon', 'flow_prediction', 'conflict', 'flow_prediction', /type flow/],
  ['1000 }', '1000, rescale_betas_zero_snr: yes }', 'wrong-type', 'yes', /must be true or false/],
  [scaledLinear, 'type: trained_betas, betas: [0.1, 1]', 'out-of-range', '1', /betas\[1\] must be a number above 0/],
  [scaledLinear, 'type: trained_betas, betas: [0.1]', 'out-of-range', '[0.1]', /2 to 10000 entries/],
  [scaledLinear, 'type: vp, beta_min: 20', 'conflict', '20', /smaller than beta_max \(20\)/],
  [scaledLinear, 'type: vp_cosine, t_max: 0.001', 'conflict', '0.001', /smaller than t_max \(0\.001\)/],
  ['guidance_scale: 2.0', 'guidance_scale: 2.0\n    guidance_interval: [3]', 'out-of-range', '[3]', /with 2 entries/],
  [
    'guidance_scale: 2.0',
    'guidance_scale: 2.0\n    guidance_interval: [5, 0.3]',
    'conflict',
    '[5, 0.3]',
    /lower to the upper/,
  ],
  [
    'guidance_scale: 2.0',
    'guidance_scale: 1\n    guidance_interval: [0.3, 5]',
    'unused-key',
    'guidance_interval: [0.3, 5]',
    /with guidance_scale 1/,
  ],
  [
    'guidance_scale: 2.0',
    'guidance_scale: 1\n    guidance_rescale: 0.7',
    'unused-key',
    'guidance_rescale: 0.7',
    /with guidance_scale 1/,
  ],
  // what is learned
  [
    '  order: 3\n  num_inference_steps: [4, 5]',
    '  order: 5\n  num_inference_steps: 8',
    'conflict',
    '5',
    /goes up to 4/,
  ],
  ['s4s-alt\n  family: lms\n  order: 3', 'ld3\n  order: 2', 'unused-key', 'order: 2', /method ld3 has no order/],
  ['s4s-alt\n  family: lms', 'dyweight\n  family: pc', 'unused-key', 'family: pc', /only s4s and s4s-alt have fam/],
  [
    'family: lms',
    'family: lms\n  consistent_rows: true',
    'unused-key',
    'consistent_rows: true',
    /constrains the method table/,
  ],
  [`s4s-alt\n${studentKeys}`, 'dode\n  num_inference_steps: 1\n', 'conflict', '1', /needs at least 2/],
  [`s4s-alt\n${studentKeys}`, 'ld3\n  init: { solver: heun }\n', 'conflict', 'heun', /use ddim, dpmpp, ipndm, unipc/],
  [
    `s4s-alt\n${studentKeys}`,
    'amed\n  init: { solver: ddim }\n',
    'conflict',
    'ddim',
    /cannot start from ddim; use heun/,
  ],
  ['solver: dpmpp, order: 3', 'solver: heun', 'conflict', 'heun', /s4s-alt with family lms cannot start from heun/],
];

describe('one mistake gives one diagnostic with its range', () => {
  test.each(cases)('%j as %j', (passage, wrong, code, underlined, words) => {
    const text = edited(passage, wrong);
    const { diagnostics } = check(text);
    const shown = diagnostics.map(({ code, start, end }) => [code, text.slice(start, end)]);
    expect(shown).toEqual([[code, underlined]]);
    expect(diagnostics[0]?.message).toMatch(words);
  });
});

describe('valid files', () => {
  test('the example of every key has no diagnostics', () => {
    expect(check(validYaml).diagnostics).toEqual([]);
  });

  test('a minimal file gets its defaults', () => {
    const { config, diagnostics } = check(minimal);
    expect(diagnostics).toEqual([]);
    expect(config).toMatchObject({
      model: { path: '/project/m.onnx', conditioning: { class_labels: [], guidance_scale: 1 } },
      teacher: { solver: 'unipc', order: 3, num_inference_steps: 20, timestep_spacing: 'logsnr' },
      student: { method: 'table', family: 'lms', order: 3, num_inference_steps: [5], init: 'auto' },
      training: { optimizer: 'gauss_newton', iterations: 12, budget: { minutes: 10, evaluations: null } },
      output: '/project/runs',
    });
  });

  test('defaults follow the other keys', () => {
    const { config } = check(`${minimal}student: { method: dode, num_inference_steps: 2, init: { solver: heun } }\n`);
    expect(config?.training).toMatchObject({ optimizer: 'gauss_newton', iterations: 12 });
    expect(config?.student).toMatchObject({ order: 2, init: { solver: 'heun', order: 2, timestep_spacing: 'logsnr' } });
    expect(check(`${minimal}student: { method: ld3 }\n`).config?.training.iterations).toBe(24);
    const adam = `${minimal}training: { optimizer: adam }\nstudent: { method: ld3 }\n`;
    expect(check(adam).config?.training.iterations).toBe(300);
  });

  test('an unsorted list is only a warning and is used sorted', () => {
    const { config, diagnostics } = check(edited('[4, 5]', '[5, 4, 5]'));
    expect(diagnostics.map((diagnostic) => diagnostic.severity)).toEqual(['warning']);
    expect(config?.student.num_inference_steps).toEqual([4, 5]);
  });

  test('aliases are values', () => {
    const { config } = check(edited('samples: 64, validation_samples: 64', 'samples: &n 32, validation_samples: *n'));
    expect(config?.training).toMatchObject({ samples: 32, validation_samples: 32 });
  });
});

test('an error has no config', () => {
  expect(check(edited('samples: 64', 'samples: x')).config).toBeUndefined();
});

test('several mistakes are all found, also beside a syntax error', () => {
  const text = edited(
    'device: auto',
    'device: gpu\nevaluation: { samples: 64',
    edited('epsilon', 'noise', edited('[4, 5]', '[4, 99]')),
  );
  const codes = check(text).diagnostics.map(({ code, start, end }) => `${code} ${text.slice(start, end)}`);
  expect(codes).toContain('unknown-value noise');
  expect(codes).toContain('out-of-range 99');
  expect(codes).toContain('unknown-value gpu');
  expect(codes.some((code) => code.startsWith('yaml-syntax'))).toBe(true);
});

test('a conflict points at its other half', () => {
  const text = edited('  order: 3\n', '  order: 6\n');
  const related = check(text).diagnostics[0]?.related?.[0];
  expect(text.slice(related?.start, related?.end)).toBe('num_inference_steps: [4, 5]');
});

test('sigma_min must be below sigma_max', () => {
  const text = minimal.replace('{ type: cosine }', '{ type: edm, sigma_min: 90 }');
  const { diagnostics } = check(text);
  expect(diagnostics.map(({ code, start, end }) => [code, text.slice(start, end)])).toEqual([['conflict', '90']]);
});

test('v_prediction belongs to schedules that preserve the variance', () => {
  const text = minimal.replace('epsilon', 'v_prediction').replace('cosine', 'flow');
  expect(check(text).diagnostics.map(({ message }) => message)).toEqual([
    expect.stringMatching(/v_prediction belongs to a variance-preserving noise_schedule, not type flow/),
  ]);
});

describe('a start without signal', () => {
  const silent = minimal.replace('epsilon', 'v_prediction').replace('cosine', 'cosine, rescale_betas_zero_snr: true');
  const shown = (text: string) => check(text).diagnostics.map(({ start, end }) => text.slice(start, end));

  test('takes the spacing that it can, and asks for it where another is written', () => {
    expect(check(silent).config?.teacher.timestep_spacing).toBe('uniform');
    const text = `${silent}student: { init: { solver: ddim } }\n`;
    expect(check(text).config?.student.init).toMatchObject({ timestep_spacing: 'uniform' });
    const { diagnostics } = check(`${silent}teacher: { timestep_spacing: karras }\n`);
    expect(diagnostics.map(({ code, fix }) => [code, fix?.newText])).toEqual([['conflict', 'uniform']]);
  });

  test('rules out the noise as prediction, and solvers that divide by the signal', () => {
    expect(shown(silent.replace('v_prediction', 'epsilon'))).toEqual(['epsilon']);
    const text = `${silent}teacher: { solver: heun }\nstudent: { init: { solver: dpm, timestep_spacing: logsnr } }\n`;
    expect(shown(text)).toEqual(['heun', 'dpm', 'logsnr']);
    expect(check(text.replace(': true', ': false')).diagnostics).toEqual([]);
  });

  test('rules out methods that divide by it, and single steps', () => {
    const student = (keys: string) => shown(`${silent}student: { ${keys} }\n`);
    for (const method of ['ld3', 'gs', 'dyweight', 'dode', 'amed']) {
      expect(student(`method: ${method}`)).toEqual([method]);
    }
    expect(student('method: s4s, family: ss')).toEqual(['ss']);
    for (const keys of ['method: table', 'method: bns', 'method: neural_solver', 'method: s4s-alt, family: pc']) {
      expect(student(keys)).toEqual([]);
    }
  });
});

describe('quick fixes', () => {
  const fixes: readonly [string, string][] = [
    ['devise: auto', 'device: auto'],
    ['device: gpu', 'device: webgpu'],
    ['device: CPU', 'device: cpu'],
  ];
  test.each(fixes)('%s becomes %s', (wrong, right) => {
    expect(fixAll(edited('device: auto', wrong))).toBe(edited('device: auto', right));
  });

  test.each([
    ['samples: 64, val', 'samples: "64", val', 'samples: 64, val'],
    ['samples: 64, val', 'samples: 0, val', 'samples: 1, val'],
    ['[4, 5]', '[5, 4, 5]', '[4, 5]'],
    [
      'guidance_scale',
      'guidance_interval: [5, 1]\n    guidance_scale',
      'guidance_interval: [1, 5]\n    guidance_scale',
    ],
    ['  order: 3\n', '  order: 9\n', '  order: 8\n'],
  ])('%j as %j becomes %j', (passage, wrong, right) => {
    const text = edited(passage, wrong);
    expect(applyFirst(text)).toBe(edited(passage, right));
  });

  test('a missing key is added at its place', () => {
    expect(check(fixAll(validYaml.replace('version: 1\n', ''))).diagnostics).toEqual([]);
    expect(check(fixAll('# to be written\n')).diagnostics).toEqual([]);
    expect(fixAll('version: 1\n')).toMatch(/^model:\n {2}path: .\/model.onnx\n/);
    expect(check(fixAll('version: 1\n')).diagnostics).toEqual([]);
  });

  function applyFirst(text: string): string {
    const fix = check(text).diagnostics.find((diagnostic) => diagnostic.fix !== undefined)?.fix;
    if (fix === undefined) throw new Error('no fix offered');
    return text.slice(0, fix.start) + fix.newText + text.slice(fix.end);
  }

  function fixAll(text: string): string {
    let current = text;
    for (let i = 0; i < 5 && check(current).diagnostics.length > 0; i++) current = applyFirst(current);
    return current;
  }
});

describe('hostile files end in one sentence', () => {
  test('an alias bomb', () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) =>
        `l${i}: &l${i} [${Array(9)
          .fill(i === 0 ? 'x' : `*l${i - 1}`)
          .join(', ')}]`,
    );
    const text = `${levels.join('\n')}\n`;
    const { diagnostics, config } = check(text);
    expect(config).toBeUndefined();
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toEqual(['too-many-aliases']);
    expect(diagnostics[0]?.message).toMatch(/write the values out/);
  });

  test.each([
    ['too long', `# ${'x'.repeat(300_000)}`],
    ['too deep', `a: ${'['.repeat(100)}${']'.repeat(100)}`],
    ['deep enough to use up the stack', '['.repeat(100_000)],
  ])('%s', (_, text) => {
    const { diagnostics, config } = check(text);
    expect(config).toBeUndefined();
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toEqual(['file-too-large']);
  });

  test('an empty file, and one that is not a block of keys', () => {
    expect(check('').diagnostics.map((diagnostic) => diagnostic.code)).toEqual(['missing-key']);
    expect(check('- 1\n').diagnostics.map((diagnostic) => diagnostic.code)).toEqual(['wrong-type']);
  });

  test('keys with a special meaning in JavaScript are unknown keys', () => {
    const codes = check(`${minimal}__proto__: { device: cpu }\nconstructor: 1\n`).diagnostics.map(
      (found) => found.code,
    );
    expect(codes).toEqual(['unknown-key', 'unknown-key']);
  });
});

describe('files that the text names', () => {
  const text = `${validYaml}evaluation: { classifier: ./c.onnx, feature_statistics: ./s.json }\n`;

  test('are listed, also when the rest has errors', () => {
    const broken = text.replace('device: auto', 'device: [');
    expect(referencedFiles(broken, '/project').model).toBe('/project/unet.onnx');
    expect(referencedFiles(broken, '/project').output).toBe('/project/runs');
    expect(referencedFiles('output: out', '/project').output).toBe('/project/out');
    expect(referencedFiles(text, '/project').others).toEqual(['/project/c.onnx', '/project/s.json']);
    const tensors = edited(labelKeys, 'tensors: { y: y.npy }\n    unconditional_tensors: { y: n.npy }', broken);
    expect(referencedFiles(tensors, '/project').tensors).toEqual(['/project/y.npy', '/project/n.npy']);
  });

  test('are missed where they stand', () => {
    const { diagnostics } = checkSolverYaml(text, { baseDir: '/project', missingFiles: ['/project/s.json'] });
    expect(diagnostics.map(({ code, start, end }) => [code, text.slice(start, end)])).toEqual([
      ['file-missing', './s.json'],
    ]);
    const tensors = edited(labelKeys, 'tensors: { y: y.npy }');
    const found = checkSolverYaml(tensors, { baseDir: '/project', missingFiles: ['/project/y.npy'] }).diagnostics;
    expect(found.map(({ code, start, end }) => [code, tensors.slice(start, end)])).toEqual([['file-missing', 'y.npy']]);
  });
});
