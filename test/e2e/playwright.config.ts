import { defineConfig } from '@playwright/test';

/** Run through `npm test -- e2e`, which packs the extension and names the editor and the browser. */
export default defineConfig({
  testDir: '.',
  timeout: 10 * 60_000,
  expect: { timeout: 30_000 },
  workers: 1,
  retries: 0,
  use: {
    viewport: { width: 1680, height: 1300 },
    // Chromium draws without a GPU here: spinners at 60 frames a second would take a core from the run under test.
    contextOptions: { reducedMotion: 'reduce' },
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.S4S_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
