import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectGradient, graphOf, int64, spread, type Feeds } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import { buildVjpGraph } from '../vjp';

const parameters = { numRuns: 30, seed: 8 };
const opset = 21;

interface Draw {
  readonly shape: readonly number[];
  /** Decides attributes. */
  readonly pick: number;
  readonly seed: number;
  readonly dynamic: boolean;
}

const drawOf = (minLength: number): fc.Arbitrary<Draw> =>
  fc.record({
    shape: fc.array(fc.integer({ min: 1, max: 3 }), { minLength, maxLength: 4 }),
    pick: fc.nat(1000),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });

/** The sine behind the operator makes every element's cotangent different, so that a wrong order shows. */
async function check({ shape, seed, dynamic }: Draw, body: (b: GraphBuilder) => string, others: Feeds = {}) {
  await expectGradient({ x: spread(shape, seed), ...others }, (b) => b.emit('Sin', [body(b)]), { opset, dynamic });
}

/** An axis of the shape, counted from either end. */
const axisOf = ({ shape, pick }: Draw): number => (pick % 2 === 0 ? 0 : -shape.length) + (pick % shape.length);

const anyRank: readonly [string, (b: GraphBuilder, draw: Draw) => string][] = [
  ['Reshape to a row', (b) => b.reshape('x', [-1])],
  ['Reshape', (b, { shape }) => b.reshape('x', [...shape.toReversed(), 1])],
  ['Flatten', (b, { shape, pick }) => b.emit('Flatten', ['x'], { axis: pick % (shape.length + 1) })],
  ['Unsqueeze', (b, { shape, pick }) => b.emit('Unsqueeze', ['x', b.ints([pick % (shape.length + 1), -1])])],
  [
    'Squeeze',
    (b, { shape }) =>
      b.emit('Squeeze', ['x', b.ints(shape.flatMap((size, i) => (size === 1 ? [i - shape.length] : [])))]),
  ],
  ['Squeeze without axes', (b) => b.emit('Squeeze', ['x'])],
  ['Transpose without perm', (b) => b.emit('Transpose', ['x'])],
  ['Expand', (b, { shape }) => b.emit('Expand', ['x', b.ints([2, ...shape.map((size) => (size === 1 ? 3 : 1))])])],
  ['Identity', (b) => b.emit('Identity', ['x'])],
];

const withAxes: readonly [string, (b: GraphBuilder, draw: Draw) => string][] = [
  ['Reshape with zeros', (b, { shape }) => b.reshape('x', [0, -1, ...(shape.length > 2 ? [shape.at(-1) ?? 1] : [])])],
  [
    'Transpose',
    (b, { shape, pick }) => b.emit('Transpose', ['x'], { perm: shape.map((_, i) => (i + pick) % shape.length) }),
  ],
  ['Concat', (b, draw) => b.emit('Concat', [b.emit('Sin', ['x']), 'x', b.emit('Cos', ['x'])], { axis: axisOf(draw) })],
  [
    'Split into equal parts',
    (b, draw) => {
      const axis = axisOf(draw);
      const [first = '', second = ''] = b.splitEqually(
        b.emit('Concat', ['x', b.emit('Cos', ['x'])], { axis }),
        2,
        axis,
      );
      return b.mul(first, second);
    },
  ],
  [
    'CumSum',
    (b, draw) =>
      b.emit('CumSum', ['x', b.int(axisOf(draw))], { reverse: draw.pick & 1, exclusive: (draw.pick >> 1) & 1 }),
  ],
  ['Tile', (b, { shape, pick }) => b.emit('Tile', ['x', b.ints(shape.map((_, i) => 1 + ((pick >> i) % 3)))])],
];

test.each(anyRank)('%s matches differences', async (_name, body) => {
  await fc.assert(
    fc.asyncProperty(drawOf(0), (draw) => check(draw, (b) => body(b, draw))),
    parameters,
  );
});

test.each(withAxes)('%s matches differences', async (_name, body) => {
  await fc.assert(
    fc.asyncProperty(drawOf(1), (draw) => check(draw, (b) => body(b, draw))),
    parameters,
  );
});

test('Split into given parts, of which some are not read, matches differences', async () => {
  const parts = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(parts, fc.nat(15), fc.nat(1000), fc.boolean(), async (sizes, read, seed, dynamic) => {
      const total = sizes.reduce((sum, size) => sum + size, 0);
      await check({ shape: [2, total, 2], pick: 0, seed, dynamic }, (b) => {
        const outputs = b.emitMany('Split', ['x', b.ints(sizes)], sizes.length, { axis: -2 });
        const used = outputs.filter((_, i) => i === 0 || (read >> i) & 1);
        return b.emit('Concat', used, { axis: 1 });
      });
    }),
    parameters,
  );
});

test('Split by num_outputs, with a shorter last part, matches differences', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
      fc.nat(1000),
      fc.boolean(),
      async (count, chunk, seed, dynamic) => {
        for (const last of new Set([chunk, 1])) {
          await check({ shape: [count * chunk - chunk + last, 2], pick: 0, seed, dynamic }, (b) => {
            const parts = b.emitMany('Split', ['x'], count, { axis: 0, num_outputs: count });
            return b.mul(parts[0] ?? '', b.emit('ReduceSum', [parts.at(-1) ?? ''], { keepdims: 1 }));
          });
        }
      },
    ),
    parameters,
  );
});

test('Expand and Tile to sizes that the graph computes match differences', async () => {
  await fc.assert(
    fc.asyncProperty(drawOf(1), async (draw) => {
      const counts = draw.shape.map((_, i) => 1 + ((draw.pick >> i) % 3));
      const target = draw.shape.map((size, i) => (size === 1 ? (counts[i] ?? 1) : size));
      await check(draw, (b) => b.emit('Tile', ['x', 'counts']), { counts: int64([counts.length], counts) });
      await check(draw, (b) => b.emit('Expand', ['x', 'target']), { target: int64([target.length], target) });
    }),
    parameters,
  );
});

test('Trilu matches differences', async () => {
  const triangle = fc.record({
    lead: fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 }),
    rows: fc.integer({ min: 1, max: 4 }),
    columns: fc.integer({ min: 1, max: 4 }),
    upper: fc.nat(1),
    k: fc.option(fc.integer({ min: -4, max: 4 }), { nil: undefined }),
    computed: fc.boolean(),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(triangle, async ({ lead, rows, columns, upper, k, computed, seed, dynamic }) => {
      const given = computed && k !== undefined;
      const diagonal = (b: GraphBuilder) => (given ? 'k' : k === undefined ? undefined : b.int(k));
      await check(
        { shape: [...lead, rows, columns], pick: 0, seed, dynamic },
        (b) => b.emit('Trilu', ['x', diagonal(b)], { upper }),
        given ? { k: int64([], [k]) } : {},
      );
    }),
    parameters,
  );
});

test('ReverseSequence matches differences', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      fc.nat(1000),
      fc.boolean(),
      async (batch, lengths, seed, dynamic) => {
        const shape = batch === 0 ? [lengths.length, 4, 2] : [4, lengths.length, 2];
        await check(
          { shape, pick: 0, seed, dynamic },
          (b) => b.emit('ReverseSequence', ['x', 'lengths'], { batch_axis: batch, time_axis: 1 - batch }),
          { lengths: int64([lengths.length], lengths) },
        );
      },
    ),
    parameters,
  );
});

test.each(['DCR', 'CRD', 'SpaceToDepth'])('DepthToSpace or its inverse (%s) matches differences', async (mode) => {
  const size = fc.integer({ min: 1, max: 2 });
  const image = fc.record({
    n: size,
    c: size,
    h: size,
    w: size,
    blocksize: fc.integer({ min: 1, max: 3 }),
    seed: fc.nat(1000),
    dynamic: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(image, async ({ n, c, h, w, blocksize, seed, dynamic }) => {
      const deep = [n, c * blocksize ** 2, h, w];
      const flat = [n, c, h * blocksize, w * blocksize];
      const inverse = mode === 'SpaceToDepth';
      await check({ shape: inverse ? flat : deep, pick: 0, seed, dynamic }, (b) =>
        inverse ? b.emit('SpaceToDepth', ['x'], { blocksize }) : b.emit('DepthToSpace', ['x'], { blocksize, mode }),
      );
    }),
    parameters,
  );
});

test('a float16 branch comes back as float32', () => {
  const feeds = { x: spread([2, 3], 12) };
  const half = (b: GraphBuilder) =>
    b.emit('Cast', [b.emit('Cast', ['x'], { to: DataType.FLOAT16 })], { to: DataType.FLOAT });
  const model = buildVjpGraph(graphOf(feeds, (b) => b.add(half(b), 'x')));
  expect(model.graph.output.at(-1)?.type?.value).toMatchObject({ value: { elemType: DataType.FLOAT } });
});

test('a Split whose unread part has no name is refused by its place', () => {
  const model = graphOf({ x: spread([2, 6], 1) }, (b) => {
    const [first = '', , last = ''] = b.emitMany('Split', ['x'], 3, { axis: 1, num_outputs: 3 });
    return b.mul(first, last);
  });
  const [node] = model.graph.node;
  node!.output[1] = '';
  expect(() => buildVjpGraph(model)).toThrow('has a gradient here only if its output 2 has a name.');
});
