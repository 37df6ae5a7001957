import type { WriteStream } from 'node:tty';
import { expect, it } from 'vitest';
import type { LoggedEvent, RunEvent, RunReport, SolverReport } from '../protocol';
import { TerminalView } from './terminal-view';

/** A terminal that keeps its lines as a person would see them, or a plain file. */
class Screen {
  lines = [''];
  constructor(
    readonly isTTY: boolean,
    readonly columns = 60,
  ) {}
  write(text: string): boolean {
    const [first, ...rest] = text.split('\n');
    this.lines.push(this.lines.pop()! + first!, ...rest);
    return true;
  }
  clearLine(): boolean {
    this.lines[this.lines.length - 1] = '';
    return true;
  }
  cursorTo(): boolean {
    return true;
  }
}

let seq = 0;
function show(screen: Screen, ...events: (RunEvent & { at?: number })[]): void {
  const view = new TerminalView(screen as unknown as WriteStream, '/runs/one');
  for (const event of events) view.show({ at: 1e6, ...event, seq: seq++ } satisfies LoggedEvent);
}

const progress = (fraction: number, at = 1e6, message = 'Learning 5 evaluations'): RunEvent & { at: number } => ({
  kind: 'progress',
  phase: 'learn',
  nfe: 5,
  fraction,
  etaMs: 90_000,
  message,
  at,
});
const warning: RunEvent = { kind: 'warning', code: 'x', message: 'Look here.' };

it('keeps one progress bar at the bottom, never wider than the terminal', () => {
  const screen = new Screen(true);
  show(screen, progress(0.25), warning, progress(0.5, 1e6, 'y'.repeat(200)));
  expect(screen.lines).toHaveLength(2);
  expect(screen.lines[0]).toBe('Warning: Look here.');
  expect(screen.lines[1]).toMatch(/^\[#{12}\.{12}\] 50 %, 1 min 30 s left {2}y+$/);
  expect(screen.lines[1]!.length).toBeLessThan(screen.columns);
});

it('prints a line now and then where there is no terminal', () => {
  const screen = new Screen(false);
  show(screen, progress(0.1, 1e6), progress(0.2, 1e6 + 1000), progress(0.3, 1e6 + 5001));
  expect(screen.lines).toEqual([
    ' 10 %, 1 min 30 s left  Learning 5 evaluations',
    ' 30 %, 1 min 30 s left  Learning 5 evaluations',
    '',
  ]);
});

it('tabulates the report: learned rows first, gaps where nothing was measured', () => {
  const row = { nfe: 5, spacing: 'uniform', mse_ci95: [0.1, 0.3], fd: null, accuracy: null } as const;
  const learning = {
    seed: 0,
    validation_mse: 0.11,
    validation_mse_ci95: [0.1, 0.12],
    test_mse: 0.1,
    test_mse_ci95: [0.09, 0.11],
    ended: 'no-clear-gain',
    iterations: 4,
    model_evaluations: 100,
    noise_shift: null,
  } as const;
  const spread = { median: 0.15, min: 0.1, max: 0.2 };
  const solver: SolverReport = {
    nfe: 5,
    learned: true,
    started_from: { solver: 'DDIM', spacing: 'uniform' },
    seed: 0,
    seeds: [learning, { ...learning, seed: 1, test_mse: 0.2 }],
    spread: { validation_mse: spread, test_mse: spread },
  };
  const report: RunReport = {
    teacher: {
      solver: 'UniPC-3 · logsnr',
      num_inference_steps: 20,
      self_mse: 0.001,
      self_mse_ci95: [0.0009, 0.0012],
      accuracy: 0.975,
      fd: 12.345,
    },
    solvers: [solver],
    results: [
      { ...row, solver: 'S4S table', spacing: 'learned', learned: true, mse: 0.1 },
      ...[0.2, 0.3, 0.4, 0.5].map((mse, i) => ({ ...row, solver: `classic ${i}`, learned: false, mse })),
    ],
  };
  const screen = new Screen(true);
  show(screen, progress(0.99), { kind: 'finished', status: 'done', message: 'All well.', report });
  const text = screen.lines.join('\n');
  expect(text).toMatch(/20 +teacher +UniPC-3 · logsnr +0\.00100 \* +0\.000900 to 0\.00120 +12\.35 +97\.5 %/);
  expect(text).toMatch(/5 +> S4S table +learned +0\.100 +0\.100 to 0\.300 +– +–/);
  expect(text).toContain('classic 2');
  expect(text).toContain('5 evaluations, 2 seeds: mse median 0.150, 0.100 to 0.200; seed 1 is kept');
  expect(text).not.toContain('classic 3');
  expect(text).toMatch(/All well\.\nResults: \/runs\/one \(report\.md, solver\.json, samples\)\n$/);
});

it('tells the seeds of a run apart, and why each learning ended', () => {
  const screen = new Screen(false);
  const started = { version: 2, task: 'learn', name: 'one', configPath: '', resumed: false, method: 'table' } as const;
  const step = { nfe: 5, iteration: 3, trainLoss: 0.1, bestValidationLoss: 0.1, noiseShift: null } as const;
  show(
    screen,
    { kind: 'run-started', ...started, teacher: 'UniPC-3', nfes: [5], seeds: 2, loss: 'LPIPS' },
    { kind: 'teacher-floor', mse: 0.001, ci95: [0.0009, 0.0012], samples: 64 },
    { kind: 'start', nfe: 5, solver: 'DDIM', spacing: 'learned at 4', validationLoss: 0.3 },
    { kind: 'step', ...step, seed: 1, validationLoss: 0.2, evaluations: 9, accepted: true },
    {
      kind: 'learning-ended',
      nfe: 5,
      seed: 1,
      reason: 'minutes',
      iteration: 3,
      trainLoss: 0.1,
      validationLoss: 0.2,
      validationCi95: [0.18, 0.23],
    },
  );
  expect(screen.lines.slice(1)).toEqual([
    'Teacher UniPC-3; method table; loss LPIPS; evaluations 5; 2 seeds',
    "The teacher's own error: mse 0.00100 (95 % interval 0.000900 to 0.00120)",
    '  5 evaluations start from DDIM · learned at 4: validation LPIPS 0.300',
    '  5 evaluations (seed 2 of 2), iteration 3: training 0.100, validation 0.200',
    "  5 evaluations (seed 2 of 2) ended because the budget's minutes were used up: validation LPIPS 0.200 (95 % interval 0.180 to 0.230)",
    '',
  ]);
});

it('leaves the words of a failed run to standard error', () => {
  const screen = new Screen(true);
  show(screen, progress(0.5), { kind: 'finished', status: 'failed', message: 'No disk.', report: null });
  expect(screen.lines).toEqual(['']);
});
