import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunReport } from '../../src/protocol/report';
import { changeConfig, small } from './support/config';
import { expect, test } from './support/editor';
import { look } from './support/pixels';
import { eventsOf, onlyRun, readLog } from './support/runs';

test('Learn Solver runs to its end and the panel shows curves, table and three grids', async ({
  workbench,
  folder,
}) => {
  changeConfig(folder, small);
  await workbench.open();
  await workbench.openFile('solver.yaml');
  await workbench.command('S4S Studio: Learn Solver');

  const { panel } = workbench;
  await expect(panel.getByTestId('progress')).toBeVisible({ timeout: 60_000 });
  await workbench.picture('3-learning');
  await expect(panel.getByTestId('phase')).toContainText(/done/i, { timeout: 300_000 });

  expect((await look(panel.getByTestId('loss-chart'))).coloured).toBeGreaterThan(50);
  expect((await look(panel.getByTestId('heat-map'))).contrast).toBeGreaterThan(5);
  for (const which of ['teacher', 'learned', 'classic']) {
    const picture = panel.getByTestId(`preview-${which}`);
    await expect(picture).toBeVisible();
    const { contrast, width, height } = await look(picture);
    expect(contrast, `contrast of the ${which} grid`).toBeGreaterThan(20);
    expect(Math.min(width, height), `smaller side of the ${which} grid`).toBeGreaterThan(30);
  }
  await expect(panel.getByTestId('results')).toBeVisible();
  await expect(workbench.lenses.filter({ hasText: 'Learn Solver' })).toBeVisible();
  await panel.getByTestId('phase').scrollIntoViewIfNeeded();
  await workbench.picture('4-learned');

  const runDir = onlyRun(folder);
  const report = JSON.parse(readFileSync(join(runDir, 'report.json'), 'utf8')) as RunReport;
  expect(report.results.some((row) => row.learned && row.nfe === 4)).toBe(true);
  expect(existsSync(join(runDir, 'solver.json'))).toBe(true);
  const log = readLog(runDir);
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index));
  expect(eventsOf(log, 'finished').map((event) => event.status)).toEqual(['done']);
});
