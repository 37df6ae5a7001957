import { expect, test } from 'vitest';
import { expectGradient, float32, graphOf, spread } from '../../../test/support/onnx-run';
import { buildVjpGraph } from '../vjp';

const opset = 21;

/** Places on the axis of an image, in points; 0.2 or more from every kink. */
const places = [-1.3, 0.3, 1.7, 3.3, 5.7, 2.3];

const normalised = (at: number, size: number, aligned: boolean): number =>
  aligned ? (2 * at) / (size - 1) - 1 : (2 * at + 1) / size - 1;

/** [batch, count, 1 …, axes]: points that differ from axis to axis and from image to image. */
function gridOf(batch: number, sizes: readonly number[], aligned: boolean) {
  const count = places.length;
  const data = Array.from({ length: batch * count }, (_, i) =>
    sizes
      .map((size, axis) => normalised(places[(i + 2 * axis + Math.floor(i / count)) % count]!, size, aligned))
      .reverse(),
  ).flat();
  return float32([batch, count, ...sizes.slice(1).map(() => 1), sizes.length], data);
}

const variants = ['linear', 'nearest'].flatMap((mode) =>
  ['zeros', 'border', 'reflection'].flatMap((padding) =>
    [false, true].flatMap((aligned) => [false, true].map((dynamic) => [mode, padding, aligned, dynamic] as const)),
  ),
);

test.each(variants)(
  'GridSample %s, %s, aligned %s, dynamic %s matches differences',
  async (mode, padding, aligned, dynamic) => {
    const feeds = { image: spread([2, 3, 4, 5], 1), grid: gridOf(2, [4, 5], aligned) };
    const attributes = { mode, padding_mode: padding, align_corners: Number(aligned) };
    await expectGradient(feeds, (b) => b.emit('GridSample', ['image', 'grid'], attributes), { opset, dynamic });
  },
);

test('volumes too', async () => {
  const feeds = { image: spread([1, 2, 3, 4, 2], 2), grid: gridOf(1, [3, 4, 2], false) };
  await expectGradient(feeds, (b) => b.emit('GridSample', ['image', 'grid']), { opset });
});

test('an image of one row, turned back at its only point', async () => {
  const feeds = { image: spread([1, 2, 1, 5], 3), grid: gridOf(1, [1, 5], false) };
  const attributes = { padding_mode: 'reflection', align_corners: 1 };
  await expectGradient(feeds, (b) => b.emit('GridSample', ['image', 'grid'], attributes), { opset });
});

test('cubic interpolation is refused by name', () => {
  const model = graphOf(
    { image: spread([1, 1, 4, 5], 4), grid: gridOf(1, [4, 5], false) },
    (b) => b.emit('GridSample', ['image', 'grid'], { mode: 'cubic' }),
    { opset },
  );
  expect(() => buildVjpGraph(model)).toThrow('has a gradient here only if its mode is linear or nearest.');
});
