import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectGradient, float32, graphOf, openModel, spread } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import { buildVjpGraph } from '../vjp';

const opset = 21;
type Attributes = NonNullable<Parameters<GraphBuilder['emit']>[2]>;

interface Resize {
  readonly attributes: Attributes;
  /** of the image, without batch and channel */
  readonly image: readonly number[];
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
  readonly roi?: readonly number[];
  /** Only the spatial axes are named, by the axes attribute. */
  readonly axes: boolean;
}

function emitResize(b: GraphBuilder, { attributes, image, scales, sizes, roi, axes }: Resize): string {
  const list = (values: readonly number[]) => b.floats([values.length], values, DataType.FLOAT);
  const lead = axes ? [] : [1, 1];
  const region = roi && [...lead.map(() => 0), ...roi.slice(0, image.length), ...lead, ...roi.slice(image.length)];
  const target = sizes && (axes ? b.ints(sizes) : sizesOf(b, sizes));
  const inputs = ['x', region && list(region), scales && list([...lead, ...scales]), target];
  return b.emit('Resize', inputs, { ...attributes, axes: axes ? image.map((_, i) => i + 2) : undefined });
}

/** The batch's size is taken from the image, as exporters do it. */
function sizesOf(b: GraphBuilder, sizes: readonly number[]): string {
  const lead = b.emit('Slice', [b.shape('x'), b.ints([0]), b.ints([2])]);
  return b.emit('Concat', [lead, b.ints(sizes)], { axis: 0 });
}

/**
 * Compares the gradient with the whole Jacobian, which one forward pass over a batch of unit images gives (the last
 * image is zero: what the operator makes of it is the constant part). Both are float32, so 1e-5 is rounding.
 */
async function expectAdjoint(resize: Resize, dynamic: boolean) {
  const pixels = resize.image.reduce((product, size) => product * size, 1);
  const shape = [pixels + 1, 1, ...resize.image];
  const x = float32(
    shape,
    Array.from({ length: (pixels + 1) * pixels }, (_, i) => Number(i % (pixels + 1) === 0)),
  );
  const model = graphOf({ x }, (b) => emitResize(b, resize), { opset, dynamic });
  const { y } = await (await openModel(model))({ x });
  // An image that keeps its size is copied, whatever the scale; rules know that of fixed sizes only.
  if (dynamic && y!.shape.join() === shape.join()) return;
  const length = y!.data.length / (pixels + 1);
  const g = Array.from({ length }, (_, i) => Math.cos(1.7 * i + 0.3));
  const expected = Array.from({ length: pixels }, (_, p) =>
    g.reduce((sum, value, q) => sum + value * (y!.data[p * length + q]! - y!.data[pixels * length + q]!), 0),
  );
  const run = await openModel(buildVjpGraph(model));
  const cotangent = Array.from({ length: pixels + 1 }, () => g).flat();
  const { x_gradient } = await run({ x, y_cotangent: { ...y!, data: cotangent } });
  const scale = Math.max(1, ...expected.map(Math.abs));
  expected.forEach((value, p) => {
    expect(Math.abs(x_gradient!.data[p]! - value)).toBeLessThan(1e-5 * scale);
  });
}

const coordinates = ['asymmetric', 'half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners'];
const nearestModes = ['floor', 'round_prefer_floor', 'round_prefer_ceil', 'ceil'];
const kinds: Attributes[] = [
  ...nearestModes.map((nearest_mode) => ({ mode: 'nearest', nearest_mode })),
  { mode: 'linear' },
  { mode: 'linear', antialias: 1 },
  { mode: 'linear', antialias: 1, exclude_outside: 1 },
  { mode: 'cubic' },
  { mode: 'cubic', cubic_coeff_a: { float: -0.5 } },
  { mode: 'cubic', exclude_outside: 1 },
  { mode: 'cubic', antialias: 1 },
  { mode: 'cubic', antialias: 1, exclude_outside: 1, cubic_coeff_a: { float: -0.5 } },
];
const size = fc.integer({ min: 1, max: 6 });
const scale = fc.constantFrom(1, 2, 3, 4, 0.5, 1.5, 0.6, 2.5, 1.3, 0.34);
const draw = fc.record({
  image: fc.tuple(size, size),
  factors: fc.tuple(scale, scale),
  target: fc.constantFrom('scales', 'sizes', 'not_larger', 'not_smaller'),
  axes: fc.boolean(),
  dynamic: fc.boolean(),
});

type Draw = typeof draw extends fc.Arbitrary<infer T> ? T : never;

/** The scales, or about the sizes they lead to. */
function targetOf({ image, factors, target, axes }: Draw, attributes: Attributes): Resize {
  const scales = factors.map((factor, i) => (image[i]! * factor < 1 ? 1 : factor));
  if (target === 'scales') return { attributes, image, scales, axes };
  const sizes = image.map((length, i) => Math.max(1, Math.ceil(length * scales[i]!)));
  if (target === 'sizes') return { attributes, image, sizes, axes };
  return { attributes: { ...attributes, keep_aspect_ratio_policy: target }, image, sizes, axes: true };
}

/**
 * Whether a position of nearest, symmetric half pixels lies halfway or on a pixel: then the last bit decides, and ONNX
 * Runtime's kernel and its elementwise operators differ in it (for the other modes they agree).
 */
function hasTies({ attributes, image, scales, sizes }: Resize): boolean {
  if (attributes['mode'] !== 'nearest' || attributes['coordinate_transformation_mode'] !== 'half_pixel_symmetric')
    return false;
  const ratios = scales ?? sizes!.map((length, i) => length / image[i]!);
  const policy = attributes['keep_aspect_ratio_policy'];
  return image.some((from, i) => {
    const extreme = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
    const scale = policy === undefined ? ratios[i]! : extreme;
    const to = policy === undefined ? Math.floor(from * scale + 1e-6) : Math.round(from * scale);
    const positions = Array.from({ length: to }, (_, row) => (from - to / scale + (2 * row + 1) / scale - 1) / 2);
    return positions.some((position) => Math.abs(2 * position - Math.round(2 * position)) < 1e-4);
  });
}

const modes = kinds.flatMap((kind) =>
  coordinates.map((coordinate_transformation_mode) => ({ ...kind, coordinate_transformation_mode })),
);

describe('Resize', () => {
  test.each(modes)('%j has the transposed Jacobian, for scales, sizes and kept aspects', async (attributes) => {
    await fc.assert(
      fc.asyncProperty(draw, async (drawn) => {
        const resize = targetOf(drawn, attributes);
        fc.pre(!hasTies(resize));
        await expectAdjoint(resize, drawn.dynamic);
      }),
      { numRuns: 12, seed: 21 },
    );
  });

  test.each(kinds.filter((kind) => kind['antialias'] === undefined))(
    '%j that crops has the transposed Jacobian',
    async (kind) => {
      const bound = fc.double({ min: -0.4, max: 1.4, noNaN: true });
      await fc.assert(
        fc.asyncProperty(draw, fc.tuple(bound, bound, bound, bound), (drawn, roi) =>
          expectAdjoint(
            {
              ...targetOf({ ...drawn, target: drawn.target === 'scales' ? 'scales' : 'sizes' }, kind),
              attributes: {
                ...kind,
                coordinate_transformation_mode: 'tf_crop_and_resize',
                extrapolation_value: { float: 3 },
              },
              roi,
            },
            drawn.dynamic,
          ),
        ),
        { numRuns: 30, seed: 22 },
      );
    },
  );

  test('of every rank and at unknown sizes matches differences', async () => {
    const body = fc.record({
      rank: fc.integer({ min: 2, max: 5 }),
      mode: fc.constantFrom('nearest', 'linear'),
      factors: fc.array(fc.constantFrom(1, 2, 3, 0.5, 1.5, 2.5), { minLength: 3, maxLength: 3 }),
      seed: fc.nat(1000),
      dynamic: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(body, async ({ rank, mode, factors, seed, dynamic }) => {
        const spatial = Math.max(1, rank - 2);
        const scales = [...(rank > 2 ? [1, 1] : [1]), ...factors.slice(0, spatial)];
        const x = spread([...Array<number>(rank - spatial).fill(2), ...Array<number>(spatial).fill(3)], seed);
        await expectGradient(
          { x },
          (b) => b.emit('Resize', ['x', undefined, b.floats([rank], scales, DataType.FLOAT)], { mode }),
          { opset, dynamic },
        );
      }),
      { numRuns: 30, seed: 23 },
    );
  });

  test('that repeats pixels has a block sum as gradient, at any size', () => {
    for (const [coordinate_transformation_mode, nearest_mode] of [
      ['asymmetric', 'floor'],
      ['half_pixel', 'round_prefer_floor'],
    ] as const) {
      const attributes = { mode: 'nearest', coordinate_transformation_mode, nearest_mode };
      const resize = { attributes, image: [2, 3], scales: [2, 3], axes: false };
      const model = graphOf({ x: spread([1, 1, 2, 3], 1) }, (b) => emitResize(b, resize), { opset, dynamic: true });
      const operators = buildVjpGraph(model).graph.node.map((node) => node.opType);
      expect(operators.filter((operator) => operator !== 'Identity').sort()).toEqual(['AveragePool', 'Mul', 'Resize']);
    }
  });

  test('a scale that depends on the input is refused by name', () => {
    const feeds = { x: spread([1, 1, 2, 2], 1), scales: float32([4], [1, 1, 2, 2]) };
    const model = graphOf(feeds, (b) => b.emit('Resize', ['x', undefined, 'scales'], { mode: 'linear' }));
    expect(() => buildVjpGraph(model)).toThrow(/Resize node .*its scale \("scales"\) does not depend/);
  });
});
