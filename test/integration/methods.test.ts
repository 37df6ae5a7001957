import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ofKind, TinyProject } from '../support/tiny-run';

let tiny: TinyProject;
beforeAll(() => {
  tiny = new TinyProject();
});
afterAll(() => {
  rmSync(tiny.folder, { recursive: true, force: true });
});

/** Method and family, its label in the report, and the arXiv number that the file cites. */
const methods: readonly (readonly [student: string, label: RegExp, paper: string])[] = [
  ['method: table', /^S4S table$/, '2403.01329'],
  ['method: table, consistent_rows: true, monotone_times: true', /^S4S table$/, '2403.01329'],
  ...(['s4s', 's4s-alt'] as const).flatMap((method) =>
    (['lms', 'pc', 'ss'] as const).map(
      (family) =>
        [
          `method: ${method}, family: ${family}, order: 2`,
          new RegExp(`^${method === 's4s' ? 'S4S' : 'S4S-Alt'} ${family}-2$`),
          '2502.17423',
        ] as const,
    ),
  ),
  ['method: ld3', /^LD3 · /, '2405.15506'],
  ['method: gs', /^GS$/, '2510.17699'],
  ['method: bns', /^BNS$/, '2403.01329'],
  ['method: dyweight', /^DyWeight-3$/, '2603.11607'],
  ['method: dode', /^D-ODE$/, '2309.16421'],
  ['method: neural_solver', /^NeuralSolver$/, '2505.21114'],
  ['method: amed', /^AMED$/, '2312.00094'],
];

describe('a run learns with', () => {
  it.each(methods)('{ %s }', async (student, label, paper) => {
    const name = student.replace(/\W+/g, '-');
    tiny.write({
      // Two blocks, coefficients and times, take a turn each.
      student: `${student}, num_inference_steps: [3, 4]`,
      training: 'iterations: 2',
      objective: 'relax_radius: 0',
    });
    const { status } = await tiny.run(name);
    expect(status).toBe('done');
    const events = tiny.events(name);
    const steps = ofKind(events, 'step').filter(({ iteration }) => iteration > 0);
    for (const nfe of [3, 4]) expect(steps.some((step) => step.nfe === nfe && step.accepted)).toBe(true);
    for (const { trainLoss } of steps) expect(trainLoss).toBeGreaterThan(0);

    const file = JSON.parse(tiny.read(name, 'solver.json')) as {
      cite: string[];
      solvers: { nfe: number; learned: boolean; method: string; table: { start: number[] } }[];
    };
    expect(file.cite[0]).toBeDefined();
    expect(file.cite.join(' ')).toContain(paper);
    expect(file.solvers.map(({ nfe }) => nfe)).toEqual([3, 4]);
    for (const solver of file.solvers) expect(solver.method).toMatch(solver.learned ? label : /^classic$/);
    const shown = ofKind(events, 'table').filter(({ learned }) => learned);
    for (const event of shown) expect(event.label).toMatch(label);
  });
});
