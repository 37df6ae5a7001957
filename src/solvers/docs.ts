import { gridNames, type GridName } from '../diffusion/grids';
import { families, type SolverFamily } from './catalogue';
import { code, markdownTable, replaceBetween } from './markdown';

/**
 * docs/solvers.md with its tables made again from the catalogue and the grids; the rest of the page is written by hand.
 *
 * @throws RangeError when the page has lost the comments a table stands between
 */
export function solversDocText(page: string): string {
  const path = 'docs/solvers.md';
  return replaceBetween(replaceBetween(page, path, 'solvers', solverTable()), path, 'grids', gridTable());
}

function solverTable(): string {
  return markdownTable(
    ['name', 'method', 'order', 'variants, the default first', 'order of a run', 'evaluations', 'source'],
    families.map((family) => [
      code(family.name),
      family.title,
      range(family.orders),
      family.variants.map(code).join(', ') || 'one',
      accuracies(family),
      family.evaluations,
      family.source,
    ]),
  );
}

function range(orders: readonly number[]): string {
  const [low, high] = [orders[0], orders.at(-1)];
  return low === high ? String(low) : `${low} to ${high}`;
}

/** The order of accuracy for each order; variants that differ from the default one follow it. */
function accuracies({ orders, variants, accuracy }: SolverFamily): string {
  const of = (variant: string): string => orders.map((order) => accuracy(order, variant)).join(', ');
  const usual = of(variants[0] ?? '');
  const others = variants.filter((variant) => of(variant) !== usual);
  return [usual, ...others.map((variant) => `${code(variant)}: ${of(variant)}`)].join('; ');
}

const grids: Readonly<Record<GridName, string>> = {
  uniform: 'even in time; on a flow schedule in time before its shift',
  quadratic: 'even in the square root of time (DPM-Solver’s and UniPC’s form)',
  logsnr: 'even in λ',
  karras: 'even in (σ/α)^(1/7)',
  exponential: '`logsnr` under k-diffusion’s name',
  beta: 'quantiles of the beta distribution (0.6, 0.6) in time',
  beta_sigma: 'the same in σ/α, as diffusers has it',
  cosine: 'even in the angle atan(σ/α), the KL-optimal grid of “Align Your Steps”',
  leading: 'diffusers’ `leading` timesteps of its multistep schedulers, then the schedule’s end',
  linspace: 'the same for `linspace`',
  trailing: 'the same for `trailing`',
  ays_sd15: '“Align Your Steps” for Stable Diffusion 1.5, log-linear between its ten steps',
  ays_sdxl: 'the same for SDXL',
  ays_deepfloyd: 'the same for DeepFloyd’s first stage',
  ays_svd: 'the same for Stable Video Diffusion',
};

function gridTable(): string {
  return markdownTable(
    ['name', 'points'],
    gridNames.map((name) => [code(name), grids[name]]),
  );
}
