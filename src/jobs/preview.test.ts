import { decode } from 'fast-png';
import { expect, it } from 'vitest';
import { previewGrid } from './preview';

function draw(samples: readonly number[], shape: readonly number[], reference: readonly number[] = samples) {
  const grid = previewGrid(Float32Array.from(samples), Float32Array.from(reference), shape);
  const image = decode(grid.png);
  expect([image.width, image.height]).toEqual([grid.width, grid.height]);
  const at = (x: number, y: number): number[] =>
    Array.from(image.data.subarray((y * image.width + x) * image.channels, (y * image.width + x + 1) * image.channels));
  return { ...grid, channels: image.channels, at };
}

it('draws one channel grey and clips to −1 … 1', () => {
  const size = 32;
  const sample = Array.from({ length: size * size }, (_, i) => (i === 0 ? -1 : i === 1 ? 0 : i === 2 ? 1 : 5));
  const { width, height, columns, rows, channels, at } = draw([...sample, ...sample, ...sample], [1, size, size]);
  expect({ width, height, columns, rows, channels }).toEqual({
    width: 66,
    height: 66,
    columns: 2,
    rows: 2,
    channels: 1,
  });
  expect([at(0, 0), at(1, 0), at(2, 0), at(3, 0)]).toEqual([[0], [128], [255], [255]]);
  // The second cell begins behind a gap of two grey pixels.
  expect([at(32, 0), at(33, 0), at(34, 0)]).toEqual([[128], [128], [0]]);
});

it('draws three channels in colour', () => {
  const plane = (value: number): number[] => Array<number>(32 * 32).fill(value);
  const { channels, at } = draw([...plane(1), ...plane(-1), ...plane(0)], [3, 32, 32]);
  expect(channels).toBe(3);
  expect(at(5, 5)).toEqual([255, 0, 128]);
});

it('draws the first channel of a latent on the scale of the reference', () => {
  const plane = (value: number): number[] => Array<number>(32 * 32).fill(value);
  const latent = [...plane(3), ...plane(9), ...plane(9), ...plane(9)];
  const reference = latent.map((_, i) => (i % 2 === 0 ? 0 : 4));
  expect(draw(latent, [4, 32, 32], reference).at(9, 9)).toEqual([191]);
});

it('enlarges vectors and small images in whole steps', () => {
  const strip = draw([0, 1, 2, 3, 0, 1, 2, 3], [4]);
  expect(strip).toMatchObject({ columns: 2, rows: 1, width: 66, height: 8 });
  expect([strip.at(0, 0), strip.at(31, 7), strip.at(34, 0)]).toEqual([[0], [255], [0]]);
  expect(draw([0, 1, 2, 3, 4, 5], [2, 3])).toMatchObject({ columns: 1, rows: 1, width: 33, height: 22 });
});

it('draws points of the plane over those of the teacher', () => {
  const teacher = [-1, -1, 1, 1, -1, 1];
  const { columns, rows, width, height, at } = draw([-1, -1, 0.9, -1, Number.NaN, 0, 99, 1], [2], teacher);
  expect({ columns, rows, width, height }).toEqual({ columns: 1, rows: 1, width: 256, height: 256 });
  const [low, high] = [21, 234];
  expect(at(low, high)).toEqual([31, 119, 180]); // teacher and sample in one place: lower left
  expect(at(high, low)).toEqual([190, 190, 190]); // only the teacher: upper right
  expect(at(253, low)).toEqual([31, 119, 180]); // far outside, at the edge
  expect(at(128, 128)).toEqual([255, 255, 255]);
});

it('copes with samples that are all the same or not finite', () => {
  expect(draw(Array<number>(12).fill(0.5), [3, 2, 2]).at(0, 0)).toEqual([191, 191, 191]);
  expect(draw([2, 2, 2, 2], [4]).at(0, 0)).toEqual([128]);
  expect(draw([Number.NaN, Number.NaN, Number.NaN], [3]).rows).toBe(1);
});

it.each([
  [16, 4, 4],
  [8, 4, 2],
  [10, 4, 3],
  [1, 1, 1],
])('draws %i samples as %i columns and %i rows', (count, columns, rows) => {
  const grid = draw(new Array<number>(count * 4).fill(0), [1, 2, 2]);
  expect(grid).toMatchObject({ columns, rows });
});
