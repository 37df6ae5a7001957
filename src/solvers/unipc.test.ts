import { describe, expect, it } from 'vitest';
import { edm } from '../diffusion/edm';
import { cleanPoint, gridPoint, type GridPoint } from '../diffusion/grid-point';
import type { TableProblem } from './linear-form';
import { referenceSample } from './reference-sampler';
import { analyticMixture } from './testing/analytic-mixture';
import { unipc, type UnipcOptions } from './unipc';

const orders = [1, 2, 3, 4] as const;
const predictions = ['data', 'noise'] as const;
const variants = ['bh1', 'bh2', 'exact'] as const;
const every = orders.flatMap((order) =>
  predictions.flatMap((prediction) => variants.map((variant) => ({ order, prediction, variant }))),
);

describe('order of accuracy on a Gaussian', () => {
  // A gentle range of noise levels, so that the asymptotic regime begins at few steps.
  const [lambdaFrom, lambdaTo] = [-0.7, 1.6];
  const gauss = { means: [[0.5, -0.3]], std: [0.4, 0.8] };
  const { at } = analyticMixture(edm(0.2, 2), gauss);
  const xT = [1.4, -2.2];
  // x(σ) = μ + √((s² + σ²)/(s² + σ_T²))·(x_T − μ)
  const solution = xT.map((x, i) => {
    const [mean, variance] = [gauss.means[0]![i]!, gauss.std[i]! ** 2];
    return mean + Math.sqrt((variance + Math.exp(-2 * lambdaTo)) / (variance + Math.exp(-2 * lambdaFrom))) * (x - mean);
  });

  /**
   * Even steps in λ, the first of them split into ever shorter ones towards its start, so that the low order of the first
   * steps leaves no error to speak of.
   */
  function grid(steps: number): GridPoint[] {
    const h = (lambdaTo - lambdaFrom) / steps;
    const halvings = 2 * Math.ceil(Math.log2(steps));
    const split = Array.from({ length: halvings }, (_, i) => lambdaFrom + h * 2 ** (i - halvings));
    const even = Array.from({ length: steps }, (_, i) => lambdaFrom + h * (i + 1));
    return [lambdaFrom, ...split, ...even].map((lambda) => gridPoint(Math.exp(-lambda), 1, Math.exp(-lambda)));
  }

  function observedOrder(options: UnipcOptions & { readonly order: number }): number {
    // Enough steps for the regime to be reached, few enough for the errors to stay above rounding.
    const coarse = [200, 64, 40, 24][options.order - 1]!;
    const [far, near] = [coarse, 2 * coarse].map((steps) => {
      const problem: TableProblem = { grid: grid(steps), prediction: 'data', space: 've' };
      const sampled = referenceSample(at, unipc(problem, { ...options, lowerOrderFinal: false }), xT);
      return Math.max(...solution.map((x, i) => Math.abs(x - sampled[i]!)));
    });
    return Math.log2(far! / near!);
  }

  it.each(every)('UniPC-$order $variant on $prediction: p + 1 with the corrector, p without', (choice) => {
    expect(Math.abs(observedOrder(choice) - choice.order - 1)).toBeLessThan(0.25);
    expect(Math.abs(observedOrder({ ...choice, corrector: false }) - choice.order)).toBeLessThan(0.25);
  });

  it.each(orders)('the published vary_coeff of order %d: p without its corrector, 2 or 1 with it', (order) => {
    const variant = 'vary_coeff';
    expect(Math.abs(observedOrder({ order, variant }) - (order === 1 ? 2 : 1))).toBeLessThan(0.25);
    expect(Math.abs(observedOrder({ order, variant, corrector: false }) - order)).toBeLessThan(0.25);
  });
});

/** A point of the VP space; the network's time is λ itself. */
function vpPoint(lambda: number): GridPoint {
  const alpha = 1 / Math.sqrt(1 + Math.exp(-2 * lambda));
  const sigma = 1 / Math.sqrt(1 + Math.exp(2 * lambda));
  return { t: lambda, alpha, sigma, lambda };
}

describe('exactness for predictions that are polynomials in λ', () => {
  const points = [-0.7, -0.3, 0.05, 0.6, 0.8, 1.3, 1.6].map(vpPoint);
  const x0 = 0.8;

  /** ∫ e^{sλ}·λ^degree dλ. */
  function integral(s: number, degree: number, lambda: number): number {
    const lower = degree === 0 ? 0 : degree * integral(s, degree - 1, lambda);
    return (Math.exp(s * lambda) * lambda ** degree - lower) / s;
  }

  /** The error of the corrected state after `n` steps over its scale: a step without error leaves it as it is. */
  function errors(options: UnipcOptions & { readonly order: number }, degree: number): number[] {
    const data = options.prediction === 'data';
    const [kept, driven] = data ? (['sigma', 'alpha'] as const) : (['alpha', 'sigma'] as const);
    const [s, first] = [data ? 1 : -1, points[0]!];
    return points.slice(1).map((end, n) => {
      // A step of no length at the end, because the last step of a run is not corrected.
      const grid = [...points.slice(0, n + 2), end];
      const order = [...Array.from({ length: n + 1 }, () => options.order), 1];
      const table = unipc({ grid, prediction: options.prediction!, space: 'vp' }, { ...options, order });
      const [x] = referenceSample((_, t) => Float64Array.of(t ** degree), table, [x0]);
      // x'/kept' = x/kept ± ∫ e^{±λ}·M dλ, e^{±λ} being driven/kept.
      expect(end[driven] / end[kept]).toBeCloseTo(Math.exp(s * end.lambda), 12);
      const exact = x0 / first[kept] + s * (integral(s, degree, end.lambda) - integral(s, degree, first.lambda));
      return x! / end[kept] - exact;
    });
  }

  /** The largest change of the error in a step that knows all the outputs it can use. */
  function change(options: UnipcOptions & { readonly order: number }, degree: number): number {
    const all = [0, ...errors(options, degree)].slice(options.order - 1);
    return Math.max(...all.slice(1).map((error, n) => Math.abs(error - all[n]!)));
  }

  it.each(every)('UniPC-$order $variant on $prediction', ({ order, prediction, variant }) => {
    // A single difference has the weight B(h)/2 in bh1 and bh2, which is exact for constants alone.
    const degree = (outputs: number): number => (outputs === 2 && variant !== 'exact' ? 0 : outputs - 1);
    for (const corrector of [true, false]) {
      const options = { order, prediction, variant, corrector };
      const claimed = degree(corrector ? order + 1 : order);
      for (let d = 0; d <= claimed; d++) expect(change(options, d)).toBeLessThan(1e-12);
      expect(change(options, claimed + 1)).toBeGreaterThan(1e-6);
    }
  });
});

describe('constant predictions', () => {
  const inner = [-2, -0.4, 0.3, 1.1, 2.5, 3].map(vpPoint);
  const pureNoise: GridPoint = { t: -9, alpha: 0, sigma: 1, lambda: -Infinity };
  const grids: [string, GridPoint[]][] = [
    ['between', inner],
    ['to σ = 0', [...inner, cleanPoint]],
    ['from α = 0 to σ = 0', [pureNoise, ...inner, cleanPoint]],
  ];
  const [data, noise] = [0.7, -1.3];

  it.each(grids.flatMap(([name, grid]) => orders.map((order): [string, number, GridPoint[]] => [name, order, grid])))(
    '%s, order %d',
    (_, order, grid) => {
      for (const variant of ['bh1', 'bh2', 'exact', 'vary_coeff'] as const) {
        for (const prediction of predictions) {
          const [from, to] = [grid[0]!, grid.at(-1)!];
          if (variant === 'bh1' && grid !== inner) continue;
          if (prediction === 'noise' && from.alpha === 0) continue;
          for (const lowerOrderFinal of [true, false]) {
            const options = { order, variant, prediction, lowerOrderFinal };
            const table = unipc({ grid, prediction, space: 'vp' }, options);
            const start = [from.alpha * data + from.sigma * noise];
            const [x] = referenceSample(() => Float64Array.of(prediction === 'data' ? data : noise), table, start);
            expect(x).toBeCloseTo(to.alpha * data + to.sigma * noise, 12);
          }
        }
      }
    },
  );

  it('starts at α = 0 as where α goes to 0', () => {
    const nearly = { t: -9, alpha: 1e-200, sigma: 1, lambda: Math.log(1e-200) };
    const [limit, near] = [pureNoise, nearly].map((first) =>
      unipc({ grid: [first, ...inner], prediction: 'data', space: 'vp' }, { order: 3 }),
    );
    limit!.weights.forEach((weight, i) => {
      // The outermost output fades like 1/λ.
      expect(Math.abs(weight - near!.weights[i]!)).toBeLessThan(0.01);
    });
  });
});

describe('settings', () => {
  const grid = [-2, -0.4, 0.3, 1.1, 2.5].map(vpPoint);
  const table = (options: UnipcOptions, points = grid) =>
    unipc({ grid: points, prediction: 'data', space: 'vp' }, options);

  it('leaves the corrector out of single steps', () => {
    expect(table({ order: 3, corrector: { except: [] } })).toEqual(table({ order: 3 }));
    expect(table({ order: 3, corrector: { except: [0, 1, 2] } })).toEqual(table({ order: 3, corrector: false }));
    // Without the first step's, y_1 goes on as predicted: y_2 then has y_1's part of x_T and D_0 in it.
    const { start } = table({ order: 1, corrector: { except: [0] } });
    const ratio = grid[2]!.sigma / grid[1]!.sigma;
    expect(start[2]).toBeCloseTo(ratio * start[1]!, 14);
  });

  it('takes an order for each step', () => {
    expect(table({ order: [1, 2, 2, 1] })).toEqual(table({ order: 3 }));
    expect(table({ order: [3, 3, 3, 3] })).toEqual(table({ order: 3, lowerOrderFinal: false }));
    expect(() => table({ order: [1, 2] })).toThrow('UniPC needs an order for each of its 4 steps, got 2.');
    expect(() => table({ order: 5 })).toThrow('UniPC has orders 1 to 4, got 5.');
  });

  it('says what to do where weights are infinite', () => {
    const pureNoise: GridPoint = { t: -9, alpha: 0, sigma: 1, lambda: -Infinity };
    expect(() => table({ order: 2, variant: 'bh1' }, [...grid, cleanPoint])).toThrow('use bh2, or end at sigma_min');
    expect(() => table({ order: 2, variant: 'bh1' }, [pureNoise, ...grid])).toThrow('use bh2');
    expect(() => table({ order: 2, prediction: 'noise' }, [pureNoise, ...grid])).toThrow('use data prediction');
  });
});
