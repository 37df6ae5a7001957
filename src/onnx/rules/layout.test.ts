import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectVjpMatchesDifferences, graphOf, int64, spread } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { DataType } from '../dtype';
import { buildVjpGraph } from '../vjp';

const parameters = { numRuns: 10, seed: 8 };
const sizes = (max: number) => fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: max });
const draw = fc.record({ shape: sizes(4), pick: fc.nat(23), seed: fc.nat(1000), dynamic: fc.boolean() });

/** Weights the result by a wave, so that a gradient in the wrong order shows, then compares with differences. */
async function check(
  shape: readonly number[],
  seed: number,
  dynamic: boolean,
  body: (b: GraphBuilder) => string,
  opset = 17,
) {
  const feeds = { x: spread(shape, seed) };
  await expectVjpMatchesDifferences(
    graphOf(feeds, (b) => b.emit('Sin', [body(b)]), { dynamic, opset }),
    feeds,
  );
}

const rows: readonly [string, (b: GraphBuilder, shape: readonly number[], pick: number) => string][] = [
  ['Reshape', (b, shape) => b.reshape('x', [-1, shape.at(-1) ?? 1])],
  ['Reshape with zeros', (b, shape) => b.reshape('x', [0, -1, ...(shape.length > 2 ? [shape.at(-1) ?? 1] : [])])],
  ['Flatten', (b, shape, pick) => b.emit('Flatten', ['x'], { axis: pick % (shape.length + 1) })],
  ['Unsqueeze', (b, shape, pick) => b.emit('Unsqueeze', ['x', b.ints([pick % (shape.length + 1), -1])])],
  [
    'Transpose',
    (b, shape, pick) => b.emit('Transpose', ['x'], { perm: shape.map((_, i) => (i + pick) % shape.length) }),
  ],
  ['Transpose without perm', (b) => b.emit('Transpose', ['x'])],
  ['Expand', (b, shape) => b.emit('Expand', ['x', b.ints([2, ...shape.map((size) => (size === 1 ? 3 : 1))])])],
  [
    'CumSum',
    (b, shape, pick) =>
      b.emit('CumSum', ['x', b.int(pick % shape.length)], { reverse: pick % 2, exclusive: pick % 3 === 0 ? 1 : 0 }),
  ],
  [
    'Concat',
    (b, shape, pick) =>
      b.emit('Concat', [b.emit('Sin', ['x']), 'x', b.emit('Cos', ['x'])], { axis: pick % shape.length }),
  ],
  [
    'Split and Concat',
    (b, shape, pick) => {
      const axis = pick % shape.length;
      const doubled = b.emit('Concat', ['x', b.emit('Cos', ['x'])], { axis });
      const [first = '', second = ''] = b.splitEqually(doubled, 2, axis);
      return b.mul(first, second);
    },
  ],
];

test.each(rows)('%s matches differences', async (_name, body) => {
  await fc.assert(
    fc.asyncProperty(draw, ({ shape, pick, seed, dynamic }) =>
      check(shape, seed, dynamic, (b) => body(b, shape, pick)),
    ),
    parameters,
  );
});

test('Squeeze matches differences', async () => {
  for (const dynamic of [false, true])
    await check([1, 3, 1], 1, dynamic, (b) => b.emit('Squeeze', ['x', b.ints([0, -1])]));
});

test('a part of a Split that nothing reads has gradient zero', async () => {
  await check([4, 3], 2, false, (b) => b.emitMany('Split', ['x', b.ints([1, 2, 1])], 3, { axis: 0 })[1] ?? '');
});

describe('Slice', () => {
  const bound = fc.integer({ min: -7, max: 7 });
  const step = fc.integer({ min: -3, max: 3 }).filter((value) => value !== 0);

  test('matches differences for bounds and steps of every sign', async () => {
    const slice = fc.record({
      size: fc.integer({ min: 1, max: 6 }),
      start: bound,
      end: bound,
      step,
      seed: fc.nat(100),
    });
    await fc.assert(
      fc.asyncProperty(slice, async ({ size, start, end, step, seed }) => {
        await check([2, size, 2], seed, false, (b) => {
          const cut = b.emit('Slice', ['x', b.ints([start]), b.ints([end]), b.ints([-2]), b.ints([step])]);
          // Keeps the output from being empty.
          return b.emit('Concat', [cut, 'x'], { axis: 1 });
        });
      }),
      { numRuns: 25, seed: 9 },
    );
  });

  test('matches differences at a flip with open ends', async () => {
    for (const dynamic of [false, true]) {
      await check([2, 4], 3, dynamic, (b) =>
        b.emit('Slice', ['x', b.ints([-1]), b.ints([-(2n ** 63n)]), b.ints([1]), b.ints([-1])]),
      );
    }
  });

  test('matches differences where the bounds are computed and the size unknown', async () => {
    const feeds = { x: spread([2, 5], 4), n: int64([1], [3]) };
    for (const step of [1, -1]) {
      const model = graphOf(
        feeds,
        (b) => {
          const [start, end] = step === 1 ? [b.ints([1]), 'n'] : ['n', b.ints([0])];
          return b.emit('Sin', [b.emit('Slice', ['x', start, end, b.ints([1]), b.ints([step])])]);
        },
        { dynamic: true },
      );
      await expectVjpMatchesDifferences(model, feeds);
    }
  });
});

describe('Pad', () => {
  test.each([[[0, 1, 2, 0]], [[1, 0, 0, 3]], [[0, -1, 0, 2]]])('by %j matches differences', async (pads) => {
    for (const dynamic of [false, true]) await check([2, 3], 5, dynamic, (b) => b.emit('Pad', ['x', b.ints(pads)]));
  });

  test('along given axes matches differences', async () => {
    await check([2, 3, 2], 6, false, (b) => b.emit('Pad', ['x', b.ints([1, 2]), undefined, b.ints([-1])]), 18);
  });

  test('by reflection is refused by name', () => {
    const model = graphOf({ x: spread([4], 1) }, (b) => b.emit('Pad', ['x', b.ints([1, 1])], { mode: 'reflect' }));
    expect(() => buildVjpGraph(model)).toThrow(
      /Pad node "s4s_Pad_2" has a gradient here only if its mode is "constant"/,
    );
  });
});

test.each([[[1, 2, 3]], [[2, 1, 1]], [[3, 2, 2]]])('Tile by %j matches differences', async (repeats) => {
  await check([2, 1, 3], 7, false, (b) => b.emit('Tile', ['x', b.ints(repeats)]));
});

test('Gather adds up repeated indices, at every axis and rank of indices', async () => {
  for (const dynamic of [false, true]) {
    for (const axis of [0, 1, 2]) {
      await check([3, 3, 3], 8, dynamic, (b) => b.emit('Gather', ['x', b.ints([2, 0, -1, 2])], { axis }));
      await check([3, 3, 3], 9, dynamic, (b) => b.emit('Gather', ['x', b.int(1)], { axis }));
      await check([3, 3, 3], 9, dynamic, (b) =>
        b.emit('Gather', ['x', b.reshape(b.ints([0, 1, 1, 2]), [2, 2])], { axis }),
      );
    }
  }
});

test.each(['DCR', 'CRD'])('DepthToSpace %s and SpaceToDepth match differences', async (mode) => {
  await check([2, 8, 2, 3], 10, false, (b) => b.emit('DepthToSpace', ['x'], { blocksize: 2, mode }));
  await check([1, 2, 4, 2], 11, false, (b) => b.emit('SpaceToDepth', ['x'], { blocksize: 2 }));
});

test('a float16 branch comes back as float32', async () => {
  const feeds = { x: spread([2, 3], 12) };
  const half = (b: GraphBuilder) =>
    b.emit('Cast', [b.emit('Cast', ['x'], { to: DataType.FLOAT16 })], { to: DataType.FLOAT });
  const model = buildVjpGraph(graphOf(feeds, (b) => b.add(half(b), 'x')));
  expect(model.graph.output.at(-1)?.type?.value).toMatchObject({ value: { elemType: DataType.FLOAT } });
});
