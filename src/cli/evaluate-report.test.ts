import { describe, expect, it } from 'vitest';
import type { Evaluation, EvaluationRow } from '../jobs/evaluation-file';
import { evaluationChart } from './evaluate-chart';
import { evaluationLines, evaluationMarkdown } from './evaluate-report';

const quality = (mse: number): NonNullable<EvaluationRow['quality']> => ({
  mse,
  mse_ci95: [0.8 * mse, 1.2 * mse],
  psnr: mse === 0 ? null : 20,
  psnr_ci95: mse === 0 ? null : [19, 21],
  sliced_wasserstein: mse,
  sliced_wasserstein_ci95: [0, 2 * mse],
  fd: null,
  fd_ci95: null,
  accuracy: null,
  accuracy_ci95: null,
  errors: [mse, mse],
});

const row = (nfe: number, name: string, mse: number | null, learned = false): EvaluationRow => ({
  nfe,
  names: [name],
  learned,
  table: `${name} ${nfe}`,
  quality: mse === null ? null : quality(mse),
  comparison: learned ? { best_classic: 'solver 0', ratio: 0.5, ratio_ci95: [0.4, 0.6] } : null,
});

const evaluation = (results: EvaluationRow[]): Evaluation => ({
  version: 1,
  key: {
    model: '0123456789abcdef',
    settings: '',
    teacher: 't',
    seed: 3,
    samples: 2,
    classifier: null,
    feature_statistics: null,
    device: 'cpu',
  },
  teacher: {
    solver: 'UniPC-3 · logsnr',
    num_inference_steps: 20,
    peak: 2,
    quality: { fd: null, fd_ci95: null, accuracy: null, accuracy_ci95: null },
    fd_bias: null,
    floor: quality(0.001),
  },
  results,
});

describe('evaluation.md', () => {
  it('states the floor, marks what is near it, and keeps foreign names from being Markdown', () => {
    const text = evaluationMarkdown(
      evaluation([row(5, 'a|<b> (run_1)', 0.0015, true), row(5, 'solver 0', 0.003), row(5, 'wild', null)]),
    );
    expect(text).toContain('**Floor: mse 0.00100 (0.000800 to 0.00120)**');
    expect(text).toContain('| **a\\|\\<b\\> (run\\_1)** | 0.00150 (0.00120 to 0.00180) † | 0.500 (0.400 to 0.600) |');
    expect(text).toContain('| solver 0 | 0.00300 (0.00240 to 0.00360) |  |');
    expect(text).toContain('| wild | NaN or infinity |  |  |  |');
    expect(text).not.toContain('Fréchet');
  });

  it('has a short form of the best classic and every learned table', () => {
    const rows = [row(5, 'mine', 0.0015, true), row(5, 'solver 0', 0.003), row(5, 'solver 1', 0.004)];
    expect(evaluationLines(evaluation(rows))).toEqual([
      '  5 evaluations  mine: mse 0.00150 (0.00120 to 0.00180), 0.500 (0.400 to 0.600) of solver 0',
      '  5 evaluations  solver 0: mse 0.00300 (0.00240 to 0.00360)',
      'The teacher against itself at twice the steps: mse 0.00100',
    ]);
  });
});

describe('pareto.svg', () => {
  const classics = Array.from({ length: 9 }, (_, i) => [
    row(4, `solver ${i}`, 0.02 + i / 100),
    row(5, `solver ${i}`, 0.01 + i / 100),
  ]).flat();

  it('names few solvers, and of many the learned ones and the best classic', () => {
    const few = evaluationChart(evaluation(classics.slice(0, 6)));
    for (const name of ['solver 0', 'solver 1', 'solver 2']) expect(few).toContain(`>${name}</text>`);
    const many = evaluationChart(evaluation([...classics, row(5, 'a & <b>', 0.005, true)]));
    expect(many).toContain('>a &amp; &lt;b&gt;</text>');
    expect(many).toContain('>best classic solver (by mean squared error) at each number of evaluations</text>');
    expect(many).not.toContain('>solver 0</text>');
    expect(many.match(/<polyline class="other"/g)).toHaveLength(9);
  });

  it('puts smaller errors lower, a decade as far as another', () => {
    const svg = evaluationChart(evaluation([row(3, 'a', 1), row(4, 'a', 0.1), row(5, 'a', 0.01)]));
    const [, points] = /<polyline [^>]*points="([^"]+)"/.exec(svg)!;
    const heights = points!.split(' ').map((point) => Number(point.split(',')[1]));
    expect(heights[1]).toBeGreaterThan(heights[0]!);
    expect(heights[2]! - heights[1]!).toBeCloseTo(heights[1]! - heights[0]!, 0);
  });

  it.each([
    ['nothing', []],
    ['errors of zero and diverged samples', [row(3, 'a', 0), row(3, 'b', null)]],
  ])('can be drawn of %s', (_, rows) => {
    expect(evaluationChart(evaluation(rows))).not.toMatch(/NaN|Infinity|undefined/);
  });
});
