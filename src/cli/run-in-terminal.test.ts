import { afterEach, expect, it, vi } from 'vitest';
import { runJob } from '../jobs/run';
import { runInTerminal } from './run-in-terminal';

vi.mock('../jobs/run', () => ({ runJob: vi.fn() }));

const order = { task: 'learn', configPath: '/a/solver.yaml', runDir: '/a/my runs/one', resume: false } as const;
const cancelled = { status: 'cancelled', message: 'Stopped.', report: null, error: null } as const;

afterEach(() => vi.restoreAllMocks());

function heard(): string[] {
  const lines: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  return lines;
}

it('stops gently at the first Ctrl-C and at once at the second', async () => {
  const lines = heard();
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => {
    throw new Error('exit');
  });
  let stop: (() => void) | undefined;
  vi.mocked(runJob).mockImplementation((_order, _onEvent, signal) => {
    // A device that does not answer: the run does not end by itself.
    expect(signal.aborted).toBe(false);
    return new Promise((done) => (stop = () => done(cancelled)));
  });
  const ended = runInTerminal(order, {});
  process.emit('SIGINT');
  expect(vi.mocked(runJob).mock.calls[0]?.[2].aborted).toBe(true);
  expect(lines.join('')).toContain('press Ctrl-C again to stop at once');
  expect(exit).not.toHaveBeenCalled();
  expect(() => process.emit('SIGINT')).toThrow('exit');
  expect(exit).toHaveBeenCalledWith(130);
  stop?.();
  expect(await ended).toBe(130);
});

it('says how to go on, with a path the shell takes, and leaves no listeners', async () => {
  const before = ['SIGINT', 'SIGTERM'].map((signal) => process.listenerCount(signal));
  const lines = heard();
  vi.mocked(runJob).mockResolvedValue(cancelled);
  expect(await runInTerminal(order, {})).toBe(130);
  expect(lines.join('')).toContain('Resume with: s4s learn --resume "/a/my runs/one"\n');
  expect(['SIGINT', 'SIGTERM'].map((signal) => process.listenerCount(signal))).toEqual(before);
});
