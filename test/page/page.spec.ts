import { AxeBuilder } from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';
import { endReasons } from '../../src/protocol/wording';
import { events, expect, run, seedEvents, test, type Theme } from './fake-window';

const done = { state: 'done', pid: null, message: 'Two solvers learned.' } as const;

/** The log up to the middle of the second solver. */
const halfway = events.slice(
  0,
  events.findIndex((event) => event.kind === 'step' && event.nfe === 5 && event.iteration === 12),
);

/** The log of several seeds up to the middle of the second one of the second solver. */
const secondSeed = seedEvents.slice(
  0,
  seedEvents.findIndex(
    (event) => event.kind === 'step' && event.nfe === 5 && event.seed === 1 && event.iteration === 5,
  ),
);

test('says that there is no run yet, and starts one', async ({ window }) => {
  await window.load();
  await window.post({ kind: 'hydrate', run: null, runBase: '', events: [] });
  await window.page.getByRole('button', { name: 'Learn Solver' }).click();
  expect(await window.sent()).toContainEqual({ kind: 'learn' });
});

test('draws a run that is going on, and follows it event by event', async ({ window }) => {
  const { page } = window;
  await window.load();
  await window.hydrate(halfway);
  await expect(page.getByTestId('phase')).toHaveText('learning 5 NFE');
  await expect(page.getByTestId('eta')).toContainText('s left');
  await expect(page.getByTestId('device')).toHaveText('cpu instead of webgpu');
  await expect(page.getByTestId('warnings')).toContainText('no adapter answered');
  await expect(page.getByTestId('results')).toBeHidden();
  const before = await page.getByTestId('progress').getAttribute('value');
  const drawn = await curvePixels(page);
  expect(drawn.learned, 'validation curve').toBeGreaterThan(100);
  expect(drawn.classic, 'line of the best classic solver').toBeGreaterThan(100);

  for (const event of events.slice(halfway.length)) await window.post({ kind: 'event', event });
  await window.post({ kind: 'run', run: { ...run, ...done } });
  await expect(page.getByTestId('phase')).toHaveText('done');
  expect(Number(await page.getByTestId('progress').getAttribute('value'))).toBeGreaterThan(Number(before));
  await expect(page.getByTestId('results').locator('tr.learned')).toContainText('0.0065');
  await expect(page.getByTestId('headline')).toContainText('4.1× better');
});

test('draws several seeds above the teacher’s own error, and tells them apart', async ({ window }) => {
  const { page } = window;
  await window.load();
  await window.hydrate(secondSeed);
  const notes = page.getByTestId('learning-notes').getByRole('listitem');
  await expect(notes).toHaveText([
    'Learning starts from UniPC-2 on times learned at 4 evaluations, at 0.017 on validation noises.',
    'Drawn in full: seed 1, the best of 2 so far on validation noises. Faint: the others.',
    /^Training noises moved by 32\s% of the radius they may move within on average, at most by 100\s%\.$/,
    `Seed 1 ended after 11 iterations, because ${endReasons['no-clear-gain']}.`,
  ]);
  const drawn = await curvePixels(page);
  expect(drawn.floor, 'line of the teacher’s own error').toBeGreaterThan(100);
  expect(drawn.learned, 'validation of the best seed').toBeGreaterThan(100);
  expect(drawn.faint, 'validation of the other seed').toBeGreaterThan(20);
  await expect(page.getByTestId('loss-chart')).toHaveAccessibleName(/The teacher’s own error is 0\.0041\.$/);

  for (const event of seedEvents.slice(secondSeed.length)) await window.post({ kind: 'event', event });
  await window.post({ kind: 'run', run: { ...run, ...done } });
  await expect(notes.nth(1)).toContainText('seed 3, the best of 3 on validation noises.');
  await expect(page.getByTestId('warnings')).toContainText('too few noises to learn from. Raise training.samples to');
  const seeds = page.getByTestId('seeds');
  await expect(seeds).toContainText('seed 3, the best on validation noises, is kept');
  await expect(seeds).toContainText('median 0.0074, from 0.0067 to 0.0087');
  await seeds.getByText('Seeds', { exact: true }).click();
  await expect(seeds.locator('tbody tr')).toHaveCount(3);
  await expect(seeds.locator('tr.learned')).toContainText('kept');
  await expect(page.getByText(/differs from itself .* by 0\.0040 \(95 % interval 0\.0038 to 0\.0043\)/)).toBeVisible();
});

test('calls the loss by its name, and holds the teacher’s own error against no loss but mse', async ({ window }) => {
  const { page } = window;
  await window.load();
  const chart = page.getByTestId('loss-chart');
  await window.hydrate(secondSeed);
  await expect(page.getByRole('heading', { name: 'Loss (mse)' })).toBeVisible();
  await window.hydrate(secondSeed.map((event) => (event.kind === 'run-started' ? { ...event, loss: 'LPIPS' } : event)));
  await expect(page.getByRole('heading', { name: 'Loss (LPIPS)' })).toBeVisible();
  await expect(chart).not.toHaveAccessibleName(/teacher’s own error/);
  expect((await curvePixels(page)).floor).toBe(0);
});

test('says of an older run only what its log says', async ({ window }) => {
  const { page } = window;
  await window.load();
  await window.hydrate(events, done);
  await expect(page.getByTestId('results')).toBeVisible();
  await expect(page.getByTestId('learning-notes')).toBeHidden();
  await expect(page.getByTestId('seeds')).toBeHidden();
  expect(await curvePixels(page)).toMatchObject({ floor: 0, faint: 0 });
});

test('waits calmly for what is not there yet', async ({ window }, info) => {
  const { page } = window;
  await window.load();
  await window.hydrate(events.slice(0, 5));
  await expect(page.getByText('The curves appear when learning starts.')).toBeVisible();
  await expect(page.getByText('not drawn yet')).toHaveCount(3);
  await page.screenshot({ path: info.outputPath('waiting.png'), fullPage: true });
  const firstBaseline = events.findIndex((event) => event.kind === 'baseline');
  for (const event of events.slice(5, firstBaseline + 1)) await window.post({ kind: 'event', event });
  await expect.poll(async () => (await curvePixels(page)).classic, 'line of the first baseline').toBeGreaterThan(100);
});

test('stops, resumes and opens the report', async ({ window }) => {
  const { page } = window;
  await window.load();
  await window.hydrate(halfway);
  await page.getByTestId('stop').click();
  await window.post({ kind: 'run', run: { ...run, state: 'stopping' } });
  await expect(page.getByTestId('stop')).toBeDisabled();
  await window.post({
    kind: 'run',
    run: { ...run, state: 'cancelled', resumable: true, pid: null, message: 'Stopped.' },
  });
  await page.getByTestId('resume').click();
  await window.hydrate(events, done);
  await expect(page.getByTestId('resume')).toBeHidden();
  await page.getByTestId('report').click();
  const kinds = (await window.sent()).map(({ kind }) => kind);
  expect(kinds).toEqual(['ready', 'stop', 'resume', 'open-report']);
});

test('shows the learned table, its classic start and the change', async ({ window }) => {
  const { page } = window;
  await window.load();
  await window.hydrate(events, done);
  const table = page.getByTestId('heat-map');
  await expect(table.locator('tbody tr')).toHaveCount(5);
  await expect(table.locator('tbody td:not(.blank)')).toHaveCount(5 + 15);
  const learned = await table.innerText();
  await page.getByRole('button', { name: 'Classic start' }).click();
  await expect(table).not.toHaveText(learned, { useInnerText: true });
  await page.getByRole('button', { name: 'Change' }).click();
  await expect(table.locator('tfoot td').nth(1)).toHaveText('0');
  const colours = await table
    .locator('tbody td:not(.blank)')
    .evaluateAll((cells) => cells.map((cell) => getComputedStyle(cell).backgroundColor));
  expect(new Set(colours).size, 'different shades').toBeGreaterThan(8);
});

test('shows three grids with something in them', async ({ window }) => {
  const { page } = window;
  await window.load();
  await window.hydrate(events, done);
  for (const which of ['teacher', 'learned', 'classic']) {
    const grid = page.getByTestId(`preview-${which}`);
    await expect(grid).toHaveAttribute('alt', /16 samples in 4 rows of 4/);
    await expect.poll(() => greyLevels(grid), which).toBeGreaterThan(20);
  }
});

test('switches between solvers with the mouse and the keyboard', async ({ window }) => {
  const { page } = window;
  await window.load();
  await window.hydrate(events, done);
  const four = page.getByRole('tab', { name: /^4 NFE/ });
  const five = page.getByRole('tab', { name: /^5 NFE/ });
  await expect(five).toHaveAttribute('aria-selected', 'true');
  await four.click();
  await expect(page.getByTestId('heat-map').locator('tbody tr')).toHaveCount(4);
  await page.keyboard.press('ArrowRight');
  await expect(five).toBeFocused();
  await expect(page.getByTestId('heat-map').locator('tbody tr')).toHaveCount(5);
});

test('is the same after a reload, and ignores events it has drawn', async ({ window }) => {
  const { page } = window;
  await window.load();
  await window.hydrate(halfway);
  await page.getByRole('tab', { name: /^4 NFE/ }).click();
  const numbers = page.getByRole('region', { name: 'Loss per iteration' });
  await page.getByText('Numbers').click();
  await expect(numbers).toBeVisible();
  const before = await page.locator('main').innerText();
  await window.load();
  await window.hydrate(halfway);
  for (const event of halfway.slice(-20)) await window.post({ kind: 'event', event });
  await page.getByText('Numbers').click();
  await expect(numbers).toBeVisible();
  expect(await page.locator('main').innerText()).toBe(before);
  const kept = await page.evaluate(() => JSON.parse(sessionStorage.getItem('state') ?? '{}') as unknown);
  expect(kept).toMatchObject({ version: 1, runDir: run.runDir, configPath: run.configPath, nfe: 4 });
});

test('draws its curves again in the colours of another theme', async ({ window }) => {
  const { page } = window;
  await window.load('dark');
  await window.hydrate(events, done);
  expect((await curvePixels(page)).learned).toBeGreaterThan(100);
  await window.setTheme('light');
  await expect.poll(async () => (await curvePixels(page)).learned).toBeGreaterThan(100);
});

for (const theme of ['dark', 'light', 'high-contrast', 'high-contrast-light'] satisfies Theme[]) {
  test(`has no serious accessibility problem in ${theme}`, async ({ window }, info) => {
    const { page } = window;
    await window.load(theme);
    for (const [name, shown, change] of [
      ['running', halfway, {}],
      ['done', events, done],
      ['seeds', seedEvents, done],
    ] as const) {
      await window.hydrate(shown, change);
      await expect(page.getByTestId('preview-classic')).toBeVisible();
      if (name === 'seeds') await page.getByText('Seeds', { exact: true }).click();
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
      await page.screenshot({ path: info.outputPath(`${theme}-${name}.png`), fullPage: true });
    }
  });
}

for (const width of [400, 800, 1400]) {
  test(`fits ${width} pixels without scrolling sideways`, async ({ window }, info) => {
    const { page } = window;
    await page.setViewportSize({ width, height: 900 });
    await window.load();
    await window.hydrate(seedEvents, done);
    await page.getByText('Seeds', { exact: true }).click();
    await expect(page.getByTestId('preview-classic')).toBeVisible();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - globalThis.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await page.screenshot({ path: info.outputPath(`${width}.png`), fullPage: true });
  });
}

/** How many pixels of the chart have (about) the colours of its lines. */
function curvePixels(page: Page): Promise<Record<'learned' | 'classic' | 'floor' | 'faint', number>> {
  return page
    .getByTestId('loss-chart')
    .locator('canvas')
    .evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      const count = (name: string): number => {
        // However the colour is written, a canvas knows what it looks like.
        const sample = new OffscreenCanvas(1, 1).getContext('2d')!;
        sample.fillStyle = getComputedStyle(document.body).getPropertyValue(name);
        sample.fillRect(0, 0, 1, 1);
        const [red = 0, green = 0, blue = 0] = sample.getImageData(0, 0, 1, 1).data;
        let found = 0;
        for (let i = 0; i < pixels.length; i += 4) {
          const distance =
            Math.abs(pixels[i]! - red) + Math.abs(pixels[i + 1]! - green) + Math.abs(pixels[i + 2]! - blue);
          if (pixels[i + 3]! > 200 && distance < 30) found += 1;
        }
        return found;
      };
      return {
        learned: count('--learned'),
        classic: count('--classic'),
        floor: count('--floor'),
        faint: count('--faint-curve'),
      };
    });
}

/** Different grey levels of an image, 0 until it is loaded. */
function greyLevels(image: Locator): Promise<number> {
  return image.evaluate((element) => {
    const { naturalWidth: width, naturalHeight: height } = element as HTMLImageElement;
    if (width === 0) return 0;
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d');
    context?.drawImage(element as HTMLImageElement, 0, 0);
    const pixels = context?.getImageData(0, 0, width, height).data ?? [];
    return new Set(pixels.filter((_, i) => i % 4 === 0)).size;
  });
}
