import { describe, expect, it } from 'vitest';
import { checkSolverYaml } from '../config/check';
import { maxOrder, needSignal, startsOfMethod, usesFamily } from '../config/defaults';
import type { SolverName } from '../config/resolved';
import { noiseSchedule } from '../diffusion';
import { methodFamilies, methodNames } from '../learn/methods';
import { familyNamed } from '../solvers/catalogue';
import { classicTables } from './classics';
import { firstTaken, methodLabel, startsOf } from './student';
import { UserError } from './user-error';
import { tinyYaml } from '../../test/support/tiny-run';

const edm = 'type: edm, sigma_min: 0.01, sigma_max: 20';
const silent = 'type: cosine, rescale_betas_zero_snr: true';

function contextOf(student: string, schedule = edm) {
  const { config, diagnostics } = checkSolverYaml(tinyYaml({ student, schedule }), { baseDir: '/' });
  if (!config) throw new Error(diagnostics.map(({ message }) => message).join(' '));
  return { config, model: { schedule: noiseSchedule(config.model.noise_schedule) } };
}

/** A ranking in the order of the list, but for one solver that is best. */
function ranking(context: ReturnType<typeof contextOf>, nfe: number, best: string) {
  const all = classicTables(context.model.schedule, nfe).map(({ solver, spacing }) => ({
    solver,
    spacing,
  }));
  return all.sort((a, b) => Number(b.solver === best) - Number(a.solver === best));
}

describe('methodLabel', () => {
  it.each([
    ['method: table', 'S4S table'],
    ['method: s4s', 'S4S lms-3'],
    ['method: s4s-alt, family: pc, order: 2', 'S4S-Alt pc-2'],
    ['method: dyweight, order: 2', 'DyWeight-2'],
    ['method: gs', 'GS'],
    ['method: bns', 'BNS'],
    ['method: dode', 'D-ODE'],
    ['method: neural_solver', 'NeuralSolver'],
    ['method: amed', 'AMED'],
    ['method: ld3', 'LD3 · UniPC-3'],
  ])('{ %s } is %s', (student, label) => {
    expect(methodLabel(contextOf(student).config, { solver: 'UniPC-3' })).toBe(label);
  });

  it('of LD3 says no solver before there is one', () => {
    expect(methodLabel(contextOf('method: ld3').config)).toBe('LD3');
  });
});

describe('the start', () => {
  const startOf = (student: string, nfe: number, best: string): string => {
    const context = contextOf(`num_inference_steps: ${nfe}, ${student}`);
    const { start, parameterisation } = firstTaken(context, startsOf(context, ranking(context, nfe, best), nfe));
    expect(parameterisation.table(parameterisation.initial).nfe).toBe(nfe);
    return start.solver;
  };

  it.each([
    // Any start, members, and the solver that is kept.
    ['method: table', 'Heun', 'Heun'],
    ['method: s4s', 'UniPC-2', 'UniPC-2'],
    ['method: s4s, order: 2', 'DPM-Solver++ 3M', 'DDIM'],
    ['method: s4s-alt, family: ss, order: 2', 'Heun', 'Heun'],
    ['method: ld3', 'UniPC-3', 'UniPC-3'],
    ['method: ld3', 'Heun', 'DDIM'],
    ['method: bns', 'iPNDM-3', 'iPNDM-3'],
    // Methods with a solver of their own prefer its grid.
    ['method: gs', 'UniPC-3', 'DPM-Solver++ 3M'],
    ['method: dyweight', 'UniPC-3', 'iPNDM-3'],
    ['method: neural_solver', 'UniPC-3', 'DDIM'],
    ['method: dode', 'Heun', 'Heun'],
    ['method: amed', 'UniPC-3', 'Heun'],
  ])('of { %s } where %s is best is %s', (student, best, start) => {
    expect(startOf(student, 6, best)).toBe(start);
  });

  it('is the one that student.init names', () => {
    expect(startOf('method: gs, init: { solver: ddim, timestep_spacing: karras }', 4, 'UniPC-3')).toBe('DDIM');
  });

  it('says what it needs where that cannot be', () => {
    const failure = (student: string, schedule?: string): UserError => {
      const context = contextOf(student, schedule);
      const nfe = context.config.student.num_inference_steps[0]!;
      try {
        firstTaken(context, startsOf(context, ranking(context, nfe, ''), nfe));
      } catch (error) {
        if (error instanceof UserError) return error;
      }
      throw new Error('Nothing was thrown.');
    };
    const member = failure('method: s4s, order: 2, num_inference_steps: 4, init: { solver: unipc, order: 3 }');
    expect([member.code, member.message]).toEqual([
      'start-not-in-family',
      'S4S lms-2 cannot start from UniPC-3 · logsnr at 4 evaluations; it needs a multistep solver of order 2 or less, such as ddim or dpmpp. Set student.init to auto or to one of these, or use method table, which takes any start.',
    ]);
    const odd = failure('method: dode, num_inference_steps: 5, init: { solver: heun }');
    expect(odd.message).toMatch(/^D-ODE cannot start from Heun · logsnr at 5 evaluations; it needs a solver of one/);
  });
});

/** What solver.yaml refuses and what the methods do not take have to be the same. */
describe('the rules of solver.yaml', () => {
  const families = methodNames.flatMap((method) =>
    (usesFamily(method) ? methodFamilies : (['lms'] as const)).map((family) => [method, family] as const),
  );

  it.each(families)('allow for %s (%s) the starts that it takes', (method, family) => {
    const solvers: readonly SolverName[] = startsOfMethod('table');
    const taken = solvers.filter((solver) =>
      [4, 5, 6].some((nfe) =>
        familyNamed(solver).orders.some((order) => {
          if (order > maxOrder(solver)) return false;
          const context = contextOf('method: table');
          const student = { ...context.config.student, method, family, order: 4, init: 'auto' } as const;
          const chosen = { ...context, config: { student } };
          const init = { solver, order, timestep_spacing: 'logsnr' } as const;
          const starts = startsOf({ ...chosen, config: { student: { ...student, init } } }, [], nfe);
          try {
            return firstTaken(chosen, starts).start.choice.solver === solver;
          } catch (error) {
            if (error instanceof UserError) return false;
            throw error;
          }
        }),
      ),
    );
    expect(new Set(taken)).toEqual(new Set(startsOfMethod(method, family)));
  });

  it('refuse without signal the methods that then find no start', () => {
    for (const [method, family] of families) {
      const context = contextOf('method: table, num_inference_steps: 4', silent);
      const student = { ...context.config.student, method, family };
      const chosen = { ...context, config: { student } };
      const find = () => firstTaken(chosen, startsOf(chosen, ranking(context, 4, ''), 4));
      if (needSignal.methods.includes(method) || (usesFamily(method) && family === 'ss')) {
        expect(find).toThrow('leaves no signal at its start');
      } else expect(find().parameterisation.size).toBeGreaterThan(0);
    }
  });
});
