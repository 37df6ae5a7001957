import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { gridPoint } from '../diffusion/grid-point';
import { karrasRamp } from '../diffusion/sigma-ramps';
import { dpmMultistep } from '../solvers/dpm-multistep';
import type { RecordedTable } from '../solvers/linear-form';
import { lms } from '../solvers/lms';
import { referenceSample } from '../solvers/reference-sampler';
import { exactSolution, referenceFile } from './case';
import { gauss, gmm, networkOutput } from './models';
import { peers } from './peers';
import type { PeerRun, PeerSettings } from './peers/peer';

// Errors of the published programs at 10 to 320 evaluations on the closed-form models: the orders they show, and that our
// tables show the same ones because they make the same errors.
const folder = 'test/data/solvers';
const numbers = z.array(z.number());
const rows = z
  .object({
    rows: z.array(
      z.object({
        solver: z.string(),
        schedule: z.enum(['vp_linear', 'edm']),
        end: z.string(),
        model: z.enum(['gmm', 'gauss']),
        nfe: numbers,
        max_abs_error: numbers,
        observed_order: numbers,
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(`${folder}/order_check.json`, 'utf8'))).rows;
const { x_T: xT, references: stored } = referenceFile.parse(
  JSON.parse(readFileSync(`${folder}/reference.json`, 'utf8')),
);

const references = z.array(exactSolution).parse(stored);

/** The program's run by the name the rows have for it. */
function runOf(solver: string, nfe: number): Pick<PeerRun, 'table' | 'startScale'> {
  const official = /^official (dpmsolver(?:\+\+)?) (multistep|singlestep_fixed) order (\d) logSNR$/.exec(solver);
  if (official) {
    const [, algorithm_type, method, order] = official;
    const params = { steps: nfe, order: Number(order), skip_type: 'logSNR', method, algorithm_type, t_end: 0.001 };
    return peer('LuChengTHU/dpm-solver dpm_solver_pytorch.py', 'vp_linear', params);
  }
  const unipc = /^official UniPC-(\d) (bh\d) \(with corrector\) logSNR$/.exec(solver);
  if (unipc) {
    const [, order, variant] = unipc;
    const algorithm = { algorithm_type: 'data_prediction', variant };
    const params = { steps: nfe, order: Number(order), skip_type: 'logSNR', ...algorithm, t_end: 0.001 };
    return peer('wl-zhao/UniPC uni_pc.py', 'vp_linear', params);
  }
  const toolbox = /^diff-sampler (\w+) \{(?:'(\w+)': ([\d.]+))?\} polynomial rho 7$/.exec(solver);
  if (toolbox) {
    const [, name = '', key, value] = toolbox;
    const steps = name === 'heun_sampler' || name === 'dpm_2_sampler' ? nfe / 2 : nfe;
    const grid = {
      num_steps: steps + 1,
      sigma_min: 0.002,
      sigma_max: 80,
      schedule_type: 'polynomial',
      schedule_rho: 7,
    };
    const mode = name === 'deis_sampler' ? { deis_mode: 'tab' } : {};
    const params = { ...grid, ...mode, ...(key === undefined ? {} : { [key]: Number(value) }) };
    return peer(`zju-pi/diff-sampler solvers.py ${name}`, 'edm', params);
  }
  // k-diffusion appends a step to 0 that these runs leave out.
  const karras = karrasRamp(nfe + 1, 0.002, 80).map((sigma) => gridPoint(sigma, 1, sigma));
  const problem = { grid: karras, prediction: 'data', space: 've' } as const;
  const order = /sample_lms order (\d)/.exec(solver)?.[1];
  const table = order
    ? lms(problem, { order: Number(order) })
    : dpmMultistep(problem, { order: 2, lowerOrderFinal: false });
  return { table, startScale: 80 };
}

function peer(impl: string, schedule: 'vp_linear' | 'edm', params: Record<string, unknown>): PeerRun {
  const settings: PeerSettings =
    schedule === 'edm' ? { schedule, space: 've', pred: 'x0', params } : { schedule, space: 'vp', pred: 'eps', params };
  return peers[impl]!(settings);
}

function errorOf(row: (typeof rows)[number], nfe: number): number {
  const { table, startScale } = runOf(row.solver, nfe);
  const mixture = { gmm, gauss }[row.model];
  const exact = references.find(({ schedule, model }) => schedule === row.schedule && model === row.model)!;
  const end = exact.at.findIndex(({ label }) => label === row.end);
  const samples = exact.x.slice(end * xT.length, (end + 1) * xT.length);
  const level = (table_: RecordedTable, k: number) => table_.calls[k]!;
  let worst = 0;
  for (let i = 0; i < xT.length; i += 2) {
    let k = 0;
    const at = (y: Float64Array): Float64Array => {
      const { alpha, sigma } = level(table, k++);
      return networkOutput(mixture, { prediction: table.prediction, space: 'vp' }, y, alpha, sigma);
    };
    const start = xT.slice(i, i + 2).map((value) => startScale * value);
    referenceSample(at, table, start).forEach((value, d) => {
      worst = Math.max(worst, Math.abs(value - samples[i + d]!));
    });
  }
  return worst;
}

describe('errors against the published programs', () => {
  it.each(rows.map((row) => [`${row.solver} on ${row.model}`, row] as const))('%s', (_, row) => {
    row.nfe.forEach((nfe, i) => {
      const error = row.max_abs_error[i]!;
      expect(Math.abs(errorOf(row, nfe) - error)).toBeLessThan(1e-8 + 1e-6 * error);
    });
  });
});
