import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runBuiltCli } from '../support/built-cli';
import { demoSolverFile } from '../support/solver-file';
import { expectSentence } from '../support/tiny-run';

let run: string;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), 's4s-export-'));
  copyFileSync('test/data/export/demo-solver.json', join(run, 'solver.json'));
});
afterEach(() => rmSync(run, { recursive: true, force: true }));

const names = ['README.md', 's4s_scheduler.py', 'scheduler_config.json'];
const exportTo = (...args: string[]) => runBuiltCli(['export', ...args, '--format', 'diffusers']);

interface Config {
  readonly tables: readonly { readonly num_inference_steps: number; readonly timesteps: readonly number[] }[];
}
const configIn = (folder: string): Config =>
  JSON.parse(readFileSync(join(folder, 'scheduler_config.json'), 'utf8')) as Config;
const countsIn = (folder: string): number[] => configIn(folder).tables.map((table) => table.num_inference_steps);

describe('s4s export', () => {
  it('writes the folder of a run, and writes it again over an older one', async () => {
    const folder = join(run, 'export/diffusers');
    const first = await exportTo(run);
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout.split('\n')[0]).toBe('Solvers of 3, 5 evaluations for diffusers');
    expect(readdirSync(folder).sort()).toEqual(names);
    expect(countsIn(folder)).toEqual([3, 5]);

    // What Python and a process that was killed may have left there.
    mkdirSync(join(folder, '__pycache__'));
    writeFileSync(join(folder, 'README.md.4711.tmp'), 'half');
    const second = await exportTo(join(run, 'solver.json'), '--nfe', '5', '--json');
    expect([second.code, second.stderr]).toEqual([0, '']);
    expect(JSON.parse(second.stdout)).toEqual({
      format: 'diffusers',
      nfe: [5],
      folder,
      files: ['s4s_scheduler.py', 'scheduler_config.json', 'README.md'].map((name) => join(folder, name)),
    });
    expect(countsIn(folder)).toEqual([5]);
  });

  it('leaves a folder alone that holds anything else', async () => {
    const out = join(run, 'scheduler');
    mkdirSync(out);
    writeFileSync(join(out, 'scheduler_config.json'), '{ "_class_name": "PNDMScheduler" }');
    const { code, stderr } = await exportTo(run, '--out', out);
    expect(code).toBe(2);
    expectSentence(stderr.trim());
    expect(stderr).toContain('there is scheduler_config.json in it, and nothing is overwritten');
    expect(readFileSync(join(out, 'scheduler_config.json'), 'utf8')).toContain('PNDMScheduler');
    expect(readdirSync(out)).toEqual(['scheduler_config.json']);

    rmSync(join(out, 'scheduler_config.json'));
    expect((await exportTo(run, '--out', out)).code).toBe(0);
    writeFileSync(join(out, 'notes.txt'), 'mine');
    expect((await exportTo(run, '--out', out)).stderr).toContain('there is notes.txt in it');
    const file = await exportTo(run, '--out', join(out, 'notes.txt'));
    expect([file.code, file.stderr]).toEqual([2, `${join(out, 'notes.txt')} is a file; name a folder with --out.\n`]);
  });

  const broken = demoSolverFile();
  it.each<[string, string | null, string[], string]>([
    ['a run without a solver', null, [], 'has no solver.json: it is no run folder, or its run has not come so far'],
    ['a torn file', JSON.stringify(broken).slice(0, 900), [], 'it is not JSON, or only a part of it'],
    ['a newer version', JSON.stringify({ ...broken, version: 99 }), [], 'it is of version 99'],
    ['a run that was stopped early', JSON.stringify({ ...broken, solvers: [] }), [], 'holds no solvers'],
    ['a number of evaluations that is not in it', JSON.stringify(broken), ['--nfe', '3,4'], 'it has 3, 5.'],
    [
      'a table for each element',
      JSON.stringify({
        ...broken,
        solvers: [{ ...broken.solvers[0]!, table: { ...broken.solvers[0]!.table, offset: [0, 0, 0, 0] } }],
      }),
      [],
      'cannot be exported for diffusers: The table of 3 evaluations has weights for each element',
    ],
  ])('says what is wrong with %s', async (_, text, args, sentence) => {
    if (text === null) rmSync(join(run, 'solver.json'));
    else writeFileSync(join(run, 'solver.json'), text);
    const { code, stderr } = await exportTo(run, ...args);
    expect(code).toBe(2);
    expectSentence(stderr.trim());
    expect(stderr).toContain(sentence);
    expect(existsSync(join(run, 'export'))).toBe(false);
  });

  it('refuses a folder that is not there and a format that it has not', async () => {
    const missing = await exportTo(join(run, 'nowhere'));
    expect([missing.code, missing.stderr.trim()]).toEqual([
      2,
      `${join(run, 'nowhere')} does not exist; name a run folder or its solver.json.`,
    ]);
    const unknown = await runBuiltCli(['export', run, '--format', 'webui']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('Allowed choices are diffusers');
  });

  it('hands a network with an integer timestep the whole times that it was learned at', async () => {
    const yaml = join(run, 'solver.yaml');
    writeFileSync(
      yaml,
      `version: 1
model:
  path: ${resolve('test/data/onnx/cond_unet2d.onnx')}
  prediction_type: epsilon
  noise_schedule: { type: scaled_linear, beta_start: 0.00085, beta_end: 0.012 }
  sample_shape: [4, 8, 8]
  conditioning: { tensors: { encoder_hidden_states: ${resolve('test/data/sd-tiny/prompt_embeds.npy')} } }
teacher: { num_inference_steps: 6 }
student: { method: table, num_inference_steps: 3 }
training: { samples: 8, validation_samples: 8, iterations: 1 }
evaluation: { samples: 8 }
preview: { samples: 1 }
device: cpu
`,
    );
    const learned = join(run, 'learned');
    const { code, stderr } = await runBuiltCli(['learn', yaml, '--out', learned]);
    expect(code, stderr).toBe(0);
    expect((await exportTo(learned)).code).toBe(0);
    const { timesteps } = configIn(join(learned, 'export/diffusers')).tables[0]!;
    expect(timesteps.every(Number.isInteger)).toBe(true);
    const solver = JSON.parse(readFileSync(join(learned, 'solver.json'), 'utf8')) as ReturnType<typeof demoSolverFile>;
    solver.solvers[0]!.table.times.forEach((time, k) => expect(Math.abs(time - timesteps[k]!)).toBeLessThan(0.5001));
    expect(solver.solvers[0]!.table.times.every(Number.isInteger)).toBe(false);
  });
});
