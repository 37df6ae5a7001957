import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectGradient, float32, graphOf, int64, runModel, spread, type Feeds } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import { buildVjpGraph } from '../vjp';

const parameters = { numRuns: 40, seed: 12 };
const opset = 21;

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

/** As many indices as the shape has elements, of either sign, repeating at will, into an axis of `size`. */
const indices = (shape: readonly number[], size: number, seed: number) =>
  int64(
    shape,
    Array.from(
      { length: product(shape) },
      (_, i) => (Math.floor(Math.abs(Math.sin(seed + 3.7 * i)) * 2 * size) % (2 * size)) - size,
    ),
  );

const draw = fc.record({
  shape: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
  index: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 3 }),
  axis: fc.nat(11),
  fromEnd: fc.boolean(),
  constant: fc.boolean(),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});

/** The indices as an input or a constant of the graph. */
const put = (
  b: GraphBuilder,
  { shape, data }: { shape: readonly number[]; data: readonly number[] },
  constant: boolean,
) => (constant ? b.emit('Reshape', [b.ints(data), b.ints(shape)]) : 'i');

async function check(feeds: Feeds, dynamic: boolean, body: (b: GraphBuilder) => string) {
  await expectGradient(feeds, (b) => b.emit('Sin', [body(b)]), { opset, dynamic });
}

test('Gather at every axis, with indices of every rank, matches differences', async () => {
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, index, axis, fromEnd, constant, seed, dynamic }) => {
      const at = axis % shape.length;
      const i = indices(index, shape[at] ?? 1, seed);
      await check({ x: spread(shape, seed), i }, dynamic, (b) =>
        b.emit('Gather', ['x', put(b, i, constant)], { axis: fromEnd ? at - shape.length : at }),
      );
    }),
    { ...parameters, numRuns: 60 },
  );
});

test('GatherElements matches differences', async () => {
  await fc.assert(
    fc.asyncProperty(draw, async ({ shape, axis, fromEnd, constant, seed, dynamic }) => {
      const at = axis % shape.length;
      // As many indices as wanted along the axis, no more than there are elements along the others.
      const i = indices(
        shape.map((size, k) => (k === at ? 1 + (seed % 4) : Math.max(1, size - (seed % 2)))),
        shape[at] ?? 1,
        seed,
      );
      await check({ x: spread(shape, seed), i }, dynamic, (b) =>
        b.emit('GatherElements', ['x', put(b, i, constant)], { axis: fromEnd ? at - shape.length : at }),
      );
    }),
    parameters,
  );
});

/** Tuples of indices into the leading axes of `data`, for `ScatterND` and `GatherND`. */
const tuples = (lead: readonly number[], data: readonly number[], depth: number, seed: number) => {
  const columns = Array.from({ length: depth }, (_, k) => indices(lead, data[k] ?? 1, seed + k).data);
  const rows = Array.from({ length: product(lead) }, (_, row) => columns.map((column) => column[row] ?? 0));
  return int64([...lead, depth], rows.flat());
};

test('GatherND with batch dimensions matches differences', async () => {
  const nested = fc.record({
    batch: fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 }),
    lead: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 2 }),
    data: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
    depth: fc.nat(2),
    constant: fc.boolean(),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(nested, async ({ batch, lead, data, depth, constant, seed, dynamic }) => {
      const i = tuples([...batch, ...lead], data, 1 + (depth % data.length), seed);
      await check({ x: spread([...batch, ...data], seed), i }, dynamic, (b) =>
        b.emit('GatherND', ['x', put(b, i, constant)], { batch_dims: batch.length }),
      );
    }),
    parameters,
  );
});

describe('scattering', () => {
  /** Without repetitions, which ONNX forbids where nothing is added. */
  const distinct = (size: number, seed: number) =>
    Array.from({ length: size }, (_, i) => i).filter((i) => Math.sin(seed + 5.3 * i) > -0.3 || i === seed % size);

  test.each(['none', 'add'])('ScatterElements (%s) matches differences, of the updates too', async (reduction) => {
    await fc.assert(
      fc.asyncProperty(draw, async ({ shape, axis, fromEnd, constant, seed, dynamic }) => {
        const at = axis % shape.length;
        const size = shape[at] ?? 1;
        const along = distinct(size, seed);
        const count = reduction === 'add' ? 1 + (seed % 4) : along.length;
        const updated = shape.map((dim, k) => (k === at ? count : dim));
        const behind = product(shape.slice(at + 1));
        const places = indices(updated, size, seed);
        const i = {
          ...places,
          data: places.data.map((place, n) =>
            reduction === 'add' ? place : (along[Math.floor(n / behind) % count] ?? 0) - (fromEnd ? size : 0),
          ),
        };
        const feeds = { x: spread(shape, seed), u: spread(updated, seed + 1), i };
        await check(feeds, dynamic, (b) =>
          b.emit('ScatterElements', ['x', put(b, i, constant), 'u'], {
            axis: fromEnd ? at - shape.length : at,
            reduction,
          }),
        );
      }),
      parameters,
    );
  });

  test.each(['none', 'add'])('ScatterND (%s) matches differences, of the updates too', async (reduction) => {
    await fc.assert(
      fc.asyncProperty(draw, async ({ shape, index, axis, constant, seed, dynamic }) => {
        const depth = 1 + (axis % shape.length);
        const i =
          reduction === 'add'
            ? tuples(index, shape, depth, seed)
            : int64([distinct(shape[0] ?? 1, seed).length, 1], distinct(shape[0] ?? 1, seed));
        const updated = [...i.shape.slice(0, -1), ...shape.slice(i.shape.at(-1))];
        const feeds = { x: spread(shape, seed), u: spread(updated, seed + 1), i };
        await check(feeds, dynamic, (b) => b.emit('ScatterND', ['x', put(b, i, constant), 'u'], { reduction }));
      }),
      parameters,
    );
  });

  test.each(['mul', 'max', 'min'])('by "%s" is refused by name', (reduction) => {
    const feeds = { x: spread([3], 1), u: spread([1], 2) };
    const model = graphOf(feeds, (b) => b.emit('ScatterElements', ['x', b.ints([1]), 'u'], { reduction }), { opset });
    expect(() => buildVjpGraph(model)).toThrow(
      /ScatterElements node .* has a gradient here only if its reduction is "none" or "add"/,
    );
  });
});

test('TopK sends the cotangent to the values it took', async () => {
  await fc.assert(
    fc.asyncProperty(draw, fc.nat(3), async ({ shape, axis, fromEnd, seed, dynamic }, flags) => {
      const at = axis % shape.length;
      const count = 1 + (seed % (shape[at] ?? 1));
      const attributes = { axis: fromEnd ? at - shape.length : at, largest: flags & 1, sorted: flags >> 1 };
      await check(
        { x: spread(shape, seed) },
        dynamic,
        (b) => b.emitMany('TopK', ['x', b.ints([count])], 2, attributes)[0] ?? '',
      );
    }),
    parameters,
  );
});

test('Compress matches differences', async () => {
  await fc.assert(
    fc.asyncProperty(draw, fc.boolean(), async ({ shape, axis, fromEnd, seed, dynamic }, whole) => {
      const at = axis % shape.length;
      const length = whole ? product(shape) : (shape[at] ?? 1);
      const keep = {
        dtype: 'bool',
        shape: [length],
        data: Array.from({ length }, (_, i) => Number(i === 0 || (seed >> i) & 1)),
      };
      const attributes = whole ? {} : { axis: fromEnd ? at - shape.length : at };
      await check({ x: spread(shape, seed), keep }, dynamic, (b) => b.emit('Compress', ['x', 'keep'], attributes));
    }),
    parameters,
  );
});

test('one slice is put back by padding', () => {
  const body = (b: GraphBuilder) => b.emit('Gather', ['x', b.int(-1)], { axis: 1 });
  const model = buildVjpGraph(graphOf({ x: spread([2, 3, 2], 1) }, body, { opset }));
  const operators = model.graph.node.map(({ opType }) => opType);
  expect(operators).toContain('Pad');
  expect(operators).not.toContain('ScatterElements');
});

test('the gradient of a long Gather of one row is exact, however many threads add to it', async () => {
  const rows = 5000;
  const feeds = { x: float32([3, 64], Array<number>(192).fill(1)), i: int64([rows], Array<number>(rows).fill(-2)) };
  const model = buildVjpGraph(graphOf(feeds, (b) => b.emit('Gather', ['x', 'i']), { opset }));
  const ones = float32([rows, 64], Array<number>(rows * 64).fill(1));
  const { x_gradient: gradient } = await runModel(model, { ...feeds, y_cotangent: ones });
  expect(gradient!.data.slice(64, 128)).toEqual(Array<number>(64).fill(rows));
});

test('integers may be gathered along the way', async () => {
  const feeds = { x: spread([4], 3), i: int64([2], [3, 0]) };
  await check(feeds, true, (b) => {
    const places = b.emit('Cast', [b.emit('Gather', ['i', b.ints([1, 0])])], { to: DataType.INT64 });
    return b.emit('Gather', ['x', places]);
  });
});
