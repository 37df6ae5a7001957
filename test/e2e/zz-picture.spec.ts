import { copyFileSync } from 'node:fs';
import { expect, test } from './support/editor';
test.use({ viewport: { width: 1500, height: 1640 } });
test.setTimeout(1_000_000);
test('picture', async ({ workbench, page }) => {
  await workbench.open();
  await workbench.openFile('solver.yaml');
  await workbench.command('S4S Studio: Learn Solver');
  await expect(workbench.panel.getByTestId('phase')).toContainText(/done/i, { timeout: 900_000 });
  await workbench.command('View: Close Primary Side Bar').catch(() => undefined);
  await page.waitForTimeout(1000);
  await workbench.picture('readme-window');
  await page.locator('iframe.webview.ready').first().screenshot({ path: '/tmp/pic/panel.png' });
  copyFileSync('/tmp/pic/panel.png', '/tmp/pic/panel-copy.png');
});
