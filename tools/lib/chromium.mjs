// Finding a Chromium for the browser tests.
import { existsSync } from 'node:fs';
import { which } from './process.mjs';

/** Path of a Chromium or Chrome: S4S_CHROMIUM names one, else the PATH, else the one Playwright has installed. */
export async function findChromium() {
  const named = process.env.S4S_CHROMIUM;
  if (named) return existsSync(named) ? named : undefined;
  const system = which('chromium', 'chromium-browser', 'google-chrome', 'chrome');
  if (system) return system;
  const { chromium } = await import('@playwright/test');
  return existsSync(chromium.executablePath()) ? chromium.executablePath() : undefined;
}
