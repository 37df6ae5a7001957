import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noiseSchedule } from '../../src/diffusion';
import type { NoiseScheduleParameters } from '../../src/diffusion';
import { karrasRamp } from '../../src/diffusion/sigma-ramps';
import { diffusersFiles } from '../../src/export/diffusers/files';
import { solverFileText } from '../../src/export/solver-file';
import type { SolverFile } from '../../src/export/solver-file';
import { loadConfig } from '../../src/jobs/load-config';
import { startNoises } from '../../src/jobs/noise';
import { openModel } from '../../src/jobs/open-model';
import { classicTable } from '../../src/solvers/registry';
import { sample } from '../../src/solvers/sampler';
import { tableFromData } from '../../src/solvers/table';
import { noPython, runPython } from '../support/python';
import { demoSolverFile, irregularTable, solverFileOf } from '../support/solver-file';

const scaledLinear: NoiseScheduleParameters = {
  type: 'scaled_linear',
  beta_start: 0.00085,
  beta_end: 0.012,
  num_train_timesteps: 1000,
};
const edm: NoiseScheduleParameters = { type: 'edm', sigma_min: 0.002, sigma_max: 80 };
const flow: NoiseScheduleParameters = { type: 'flow', shift: 1, num_train_timesteps: 1000 };

/** Of each kind of network an irregular table with 4 evaluations, and first order on times that diffusers has too with 5. */
const kinds: readonly [name: string, type: string, NoiseScheduleParameters, times: readonly number[]][] = [
  ['epsilon', 'epsilon', scaledLinear, [801, 601, 401, 201, 1]],
  ['v_prediction', 'v_prediction', scaledLinear, [801, 601, 401, 201, 1]],
  ['sample', 'sample', edm, [70, 20, 5, 1, 0.1]],
  ['flow', 'flow_prediction', flow, [950, 700, 500, 300, 100]],
  ['edm', 'edm', edm, karrasRamp(5, 0.002, 80)],
];

type Figures = Readonly<Record<string, number>>;
type Results = Readonly<Record<string, Readonly<Record<string, never>> & { readonly error?: string }>>;

let folder: string;
let results: Results;

/** What one check found; its Python error fails the test that asks. */
function found<Found>(name: string): Found {
  const result = results[name]!;
  expect(result.error).toBeUndefined();
  return result as unknown as Found;
}

function write(name: string, file: SolverFile): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'solver.json'), solverFileText(file));
  for (const { name: entry, text } of diffusersFiles(file)) writeFileSync(join(folder, name, entry), text);
}

/** The demo model's export, with start noises and our own samples from them beside it. */
async function writeDemo(): Promise<void> {
  const file = demoSolverFile();
  write('demo', file);
  copyFileSync('media/demo/unet.onnx', join(folder, 'demo/unet.onnx'));
  const model = await openModel(
    await loadConfig('media/demo/solver.yaml', [{ key: ['device'], value: 'cpu' }]),
    () => undefined,
  );
  try {
    const xT = startNoises(0, 'sample', 0, 10, 1024, 80);
    writeFileSync(join(folder, 'demo/noise.f32'), xT);
    for (const { nfe, table } of file.solvers) {
      const { states } = await sample(
        model.denoiser,
        tableFromData(table),
        xT,
        Int32Array.from({ length: 10 }, (_, i) => i),
      );
      writeFileSync(join(folder, `demo/samples-${nfe}.f32`), states[nfe]!);
    }
  } finally {
    await model.release();
  }
}

describe.skipIf(noPython)(`the scheduler exported for diffusers${noPython ? ` (${noPython})` : ''}`, () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 's4s-diffusers-'));
    await writeDemo();
    for (const [name, type, parameters, times] of kinds) {
      const first = classicTable(
        noiseSchedule(parameters),
        { solver: 'ddim', order: 1, timestep_spacing: 'uniform' },
        times.length,
        { times, toZero: true },
      );
      write(name, solverFileOf(type, parameters, [irregularTable(parameters, 4), first]));
    }
    results = JSON.parse(await runPython('test/support/diffusers_check.py', folder)) as Results;
  }, 240_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('gives our samples of the demo model through onnxruntime, with guidance outside as pipelines do it', () => {
    const figures = found<Record<string, Figures>>('demo');
    expect(Object.keys(figures)).toEqual(['3', '5']);
    for (const { error, size } of Object.values(figures)) {
      expect(error).toBeLessThan(1e-4);
      expect(size).toBeGreaterThan(0.9);
    }
  });

  it.each(kinds.map(([name, type]) => [type, name]))('runs tables of %s networks as they are defined', (_, name) => {
    const figures = found<Record<string, Figures>>(name);
    expect(Object.keys(figures)).toEqual(['4', '5']);
    for (const { double, single, half, again, size } of Object.values(figures)) {
      expect(size).toBeGreaterThan(0.3);
      expect(again).toBe(0);
      expect(double! / size!).toBeLessThan(1e-12);
      expect(single! / size!).toBeLessThan(1e-4);
      expect(half! / size!).toBeLessThan(0.02);
    }
  });

  it('works in StableDiffusionPipeline, set by hand or as a component of its folder', () => {
    const figures = found<Figures & { refused: string; saved_index: string[]; half_dtype: string }>('stable_diffusion');
    expect(figures.direct! / figures.size!).toBeLessThan(1e-4);
    expect([figures.repeat, figures.loaded, figures.saved_again]).toEqual([0, 0, 0]);
    expect(figures.refused).toContain('trust_remote_code=True');
    expect(figures.saved_index).toEqual(['s4s_scheduler', 'S4SScheduler']);
    expect(figures.half_dtype).toBe('torch.float16');
    expect(figures.half! / figures.size!).toBeLessThan(0.02);
    expect(figures.from_our_config).toBe(0);
  });

  it('agrees with diffusers’ own first-order schedulers on their timesteps', () => {
    const figures = found<Figures>('stable_diffusion');
    expect(figures.ddim! / figures.size!).toBeLessThan(1e-4);
    expect(found<Figures>('v_ddim').ddim).toBeLessThan(1e-4);
    const edmFigures = found<Figures>('edm_euler');
    expect(edmFigures.start).toBe(80);
    expect(edmFigures.euler! / edmFigures.size!).toBeLessThan(1e-4);
    expect(found<Figures>('flux').euler! / found<Figures>('flux').size!).toBeLessThan(1e-4);
  });

  it('works in FluxPipeline, which hands over noise levels of its own', () => {
    const { direct, size } = found<Figures>('flux');
    expect(direct! / size!).toBeLessThan(1e-4);
  });

  it('works in StableDiffusionInpaintPipeline, and says that it cannot start half-way', () => {
    const { kept, new: painted, half_way: halfWay } = found<Figures & { half_way: string }>('inpainting');
    expect(kept).toBeLessThan(1e-4);
    expect(painted).toBeGreaterThan(0.1);
    expect(halfWay).toContain('use strength=1.0');
  });

  it('is saved and loaded, starts anew by itself, and says what is wrong', () => {
    const figures = found<Figures & Record<string, unknown>>('use');
    expect(figures).toMatchObject({
      same_config: true,
      same_samples: 0,
      restarted: 0,
      reset: 0,
      numbers: 0,
      bf16_finite: true,
      length: 1000,
      order: 1,
      timesteps: ['torch.float32', 4],
      tuple: 'tuple',
      other_nfe: 'There is no table with 7 evaluations; num_inference_steps can be 4, 5.',
    });
    expect(figures.add_noise).toBeLessThan(1e-5);
    expect(figures.warnings).toEqual([
      expect.stringContaining('call scale_model_input before the network'),
      expect.stringContaining('noise levels of its own'),
    ]);
    expect(figures.no_tables).toContain('S4SScheduler.from_pretrained(FOLDER)');
    expect(figures.half_way).toContain('use strength=1.0');
    expect(figures.out_of_turn).toContain('is out of turn: evaluation 2 of 4 is at');
    expect(figures.shape).toContain('hand over the other half only');
  });
});
