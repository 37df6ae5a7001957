import { describe, expect, it } from 'vitest';
import type { RunReport } from '../protocol/report';
import type { RunInfo } from '../protocol/server';
import { pageHtml } from './page-html';
import type { KnownRun, ProgressEvent } from './runs';
import { resultText, statusText } from './status-text';

const info: RunInfo = {
  runDir: '/runs/1',
  configPath: '/solver.yaml',
  task: 'learn',
  state: 'running',
  resumable: false,
  pid: 1,
  message: '',
};
const progress: ProgressEvent = {
  kind: 'progress',
  phase: 'learn',
  nfe: 5,
  fraction: 0.426,
  etaMs: 58_000,
  message: 'Iteration 12',
  seq: 9,
  at: 0,
};
const row = { spacing: 'uniform', fd: null, accuracy: null } as const;
const report: RunReport = {
  teacher: {
    solver: 'UniPC-3',
    num_inference_steps: 20,
    self_mse: 1e-4,
    self_mse_ci95: null,
    accuracy: null,
    fd: null,
  },
  solvers: [],
  results: [
    { ...row, nfe: 5, solver: 'table', learned: true, mse: 0.0065, mse_ci95: [0.006, 0.007] },
    { ...row, nfe: 5, solver: 'DDIM', learned: false, mse: 0.02665, mse_ci95: [0.02, 0.03] },
  ],
};
const known = (change: Partial<RunInfo>, rest: Partial<KnownRun> = {}): KnownRun => ({
  info: { ...info, ...change },
  progress: null,
  report: null,
  ...rest,
});

describe('status bar', () => {
  it('says what goes on, how far it is and how long it takes', () => {
    expect(statusText(known({}, { progress }))).toEqual({
      text: '$(sync~spin) S4S: learning 5 NFE, 42 %, 1 min left',
      tooltip: 'Iteration 12',
      error: false,
    });
    expect(statusText(known({})).text).toBe('$(sync~spin) S4S: starting');
    expect(statusText(known({ state: 'stopping' }, { progress })).text).toBe('$(sync~spin) S4S: stopping');
  });

  it('says what came out', () => {
    expect(statusText(known({ state: 'done' }, { report })).text).toBe('$(check) S4S: 5 NFE, mse 0.0065 (4.1× better)');
    expect(statusText(known({ state: 'done', task: 'preview' })).text).toBe('$(check) S4S: samples ready');
    expect(statusText(known({ state: 'cancelled' })).text).toBe('$(debug-pause) S4S: stopped');
  });

  it('asks for attention only when something broke', () => {
    const states = ['done', 'cancelled', 'interrupted', 'failed', 'crashed'] as const;
    expect(states.filter((state) => statusText(known({ state })).error)).toEqual(['failed', 'crashed']);
  });

  it('sums several solvers up, and says nothing of none', () => {
    const second = { ...row, nfe: 8, solver: 'table', learned: true, mse: 0.001, mse_ci95: [0.001, 0.001] } as const;
    expect(resultText({ ...report, results: [...report.results, second] })).toBe('2 solvers, up to 4.1× better');
    expect(resultText({ ...report, results: [] })).toBeUndefined();
  });
});

describe('panel page', () => {
  const html = pageHtml({
    cspSource: 'https://files',
    nonce: 'n0nce',
    script: 'https://files/a.js',
    style: 'https://files/a.css',
  });

  it('may run one script and reach nothing else', () => {
    expect(html).toContain(
      "default-src 'none'; script-src 'nonce-n0nce'; style-src https://files; img-src https://files",
    );
    expect(html).not.toMatch(/unsafe-|style=|\son\w+=/);
    expect(html.match(/<script/g)).toHaveLength(1);
  });
});
