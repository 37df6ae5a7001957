import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

/** The distribution's Chromium where there is one, else whatever Playwright has installed. */
const chromium = process.env.S4S_CHROMIUM ?? '/usr/bin/chromium';

export default defineConfig({
  testDir: '.',
  outputDir: '../../test-results/page',
  timeout: 120_000,
  workers: 1,
  reporter: 'list',
  use: {
    viewport: { width: 1280, height: 900 },
    launchOptions: {
      ...(existsSync(chromium) && { executablePath: chromium }),
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
    },
  },
});
