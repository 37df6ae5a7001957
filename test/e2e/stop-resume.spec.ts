import { changeConfig, small } from './support/config';
import { expect, test } from './support/editor';
import { look } from './support/pixels';
import { eventsOf, onlyRun, readLog, runDirs } from './support/runs';

/** Long enough to be stopped in the middle, short enough to be finished afterwards. */
const longer = { training: { samples: 32, validation_samples: 16, iterations: 6 } };

test('a run is stopped, resumed to its end, and its panel comes back after a reload', async ({ workbench, folder }) => {
  changeConfig(folder, small, longer);
  await workbench.open();
  await workbench.openFile('solver.yaml');
  await workbench.command('S4S Studio: Learn Solver');

  const { panel } = workbench;
  await expect.poll(() => runDirs(folder).length, { timeout: 60_000 }).toBe(1);
  const runDir = onlyRun(folder);
  const iterations = (): number[] => eventsOf(readLog(runDir), 'step').map((event) => event.iteration);
  await expect.poll(() => Math.max(-1, ...iterations()), { timeout: 300_000 }).toBeGreaterThan(0);
  await panel.getByTestId('stop').click();
  await expect(panel.getByTestId('phase')).toContainText(/stopped/i, { timeout: 60_000 });
  await expect(workbench.lenses.filter({ hasText: 'Resume' })).toBeVisible();
  await workbench.picture('5-stopped');
  const stopped = readLog(runDir);
  expect(eventsOf(stopped, 'finished').map((event) => event.status)).toEqual(['cancelled']);
  const before = Math.max(...iterations());

  await panel.getByTestId('resume').click();
  await expect(panel.getByTestId('phase')).toContainText(/done/i, { timeout: 300_000 });
  await expect(workbench.lenses.filter({ hasText: 'Learn Solver' })).toBeVisible();
  await workbench.picture('6-resumed');
  const log = readLog(runDir);
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index));
  expect(eventsOf(log, 'run-started').map((event) => event.resumed)).toEqual([false, true]);
  expect(eventsOf(log, 'finished').map((event) => event.status)).toEqual(['cancelled', 'done']);
  const after = eventsOf(log.slice(stopped.length), 'step').map((event) => event.iteration);
  expect(Math.min(...after), 'first iteration after resuming').toBeGreaterThan(before);
  expect(runDirs(folder)).toEqual([runDir]);

  await workbench.reload();
  await expect(panel.getByTestId('phase')).toContainText(/done/i, { timeout: 60_000 });
  expect((await look(panel.getByTestId('loss-chart'))).coloured).toBeGreaterThan(50);
  for (const which of ['teacher', 'learned', 'classic']) {
    expect((await look(panel.getByTestId(`preview-${which}`))).contrast).toBeGreaterThan(20);
  }
  await workbench.picture('7-reloaded');
});
