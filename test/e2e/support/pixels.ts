import type { Locator } from '@playwright/test';
import { decode } from 'fast-png';

export interface PixelSummary {
  readonly width: number;
  readonly height: number;
  /** Standard deviation of the brightness, 0 … 127.5. A blank picture has 0. */
  readonly contrast: number;
  /** Pixels that are clearly coloured (not grey): a chart's lines on any theme's ground. */
  readonly coloured: number;
}

/** What an element looks like on the screen. */
export async function look(element: Locator): Promise<PixelSummary> {
  const { width, height, data, channels } = decode(await element.screenshot());
  let sum = 0;
  let squares = 0;
  let coloured = 0;
  for (let at = 0; at < data.length; at += channels) {
    const [red, green, blue] = [data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0];
    const grey = (red + green + blue) / 3;
    sum += grey;
    squares += grey * grey;
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > 60) coloured += 1;
  }
  const count = width * height;
  return { width, height, contrast: Math.sqrt(squares / count - (sum / count) ** 2), coloured };
}
