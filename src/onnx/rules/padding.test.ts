import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectGradient, float32, graphOf, int64, spread, type Feeds } from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { buildVjpGraph } from '../vjp';

const parameters = { numRuns: 40, seed: 9 };
const opset = 21;

async function check(
  { shape, seed, dynamic }: { shape: readonly number[]; seed: number; dynamic: boolean },
  body: (b: GraphBuilder) => string,
  others: Feeds = {},
) {
  await expectGradient({ x: spread(shape, seed), ...others }, (b) => b.emit('Sin', [body(b)]), { opset, dynamic });
}

const bound = fc.integer({ min: -7, max: 7 });
const cut = fc
  .record({
    size: fc.integer({ min: 1, max: 6 }),
    start: bound,
    end: bound,
    open: fc.boolean(),
    step: fc.integer({ min: -3, max: 3 }).filter((step) => step !== 0),
  })
  .map(({ open, ...rest }) => (open ? { ...rest, end: Math.sign(rest.step) * (2 ** 31 - 1) } : rest));

describe('Slice', () => {
  const common = { seed: fc.nat(1000), dynamic: fc.boolean() };

  test('along two axes with bounds and steps of every sign matches differences', async () => {
    await fc.assert(
      fc.asyncProperty(fc.record({ first: cut, second: cut, wide: fc.boolean(), ...common }), async (draw) => {
        const { first, second, wide, ...rest } = draw;
        const cuts = [first, second];
        await check({ shape: [first.size, 2, second.size], ...rest }, (b) => {
          const ints = (values: readonly number[]) =>
            wide ? b.ints(values) : b.emit('Cast', [b.ints(values)], { to: 6 });
          const list = (key: 'start' | 'end' | 'step') => ints(cuts.map((one) => one[key]));
          const part = b.emit('Slice', ['x', list('start'), list('end'), ints([0, -1]), list('step')]);
          // The sum keeps the output from being empty.
          return b.add(b.emit('ReduceSum', [b.emit('Cos', [part])], { keepdims: 0 }), 'x');
        });
      }),
      parameters,
    );
  });

  test('without axes and steps matches differences', async () => {
    await fc.assert(
      fc.asyncProperty(fc.record({ from: fc.nat(2), to: fc.integer({ min: 3, max: 9 }), ...common }), async (draw) => {
        const { from, to, ...rest } = draw;
        await check({ shape: [4, 2], ...rest }, (b) => b.emit('Slice', ['x', b.ints([from]), b.ints([to])]));
      }),
      parameters,
    );
  });

  test('with bounds, axes or steps that the graph computes matches differences', async () => {
    const computed = fc.record({ cut, steps: fc.boolean(), int32: fc.boolean(), ...common });
    await fc.assert(
      fc.asyncProperty(computed, async ({ cut: { size, start, end, step }, steps, int32, ...rest }) => {
        const one = (value: number) => ({ ...int64([1], [value]), dtype: int32 ? 'int32' : 'int64' });
        const feeds = { start: one(start), end: one(end), step: one(step), axis: one(-1) };
        await check(
          { shape: [2, size], ...rest },
          (b) => {
            const constant = (value: number) => b.emit('Cast', [b.ints([value])], { to: int32 ? 6 : 7 });
            const given = steps ? ['axis', 'step'] : [constant(1), constant(Math.sign(step))];
            const part = b.emit('Slice', ['x', 'start', 'end', ...given]);
            return b.add(b.emit('ReduceSum', [b.emit('Cos', [part])], { keepdims: 0 }), 'x');
          },
          feeds,
        );
      }),
      parameters,
    );
  });

  test('a flip with open ends matches differences', async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(common), async (draw) => {
        await check({ shape: [2, 4], ...draw }, (b) =>
          b.emit('Slice', ['x', b.ints([-1]), b.ints([-(2n ** 63n)]), b.ints([1]), b.ints([-1])]),
        );
      }),
      parameters,
    );
  });
});

describe('Pad', () => {
  const draw = (low: number) =>
    fc.record({
      shape: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 }),
      amounts: fc.array(fc.integer({ min: low, max: 3 }), { minLength: 6, maxLength: 6 }),
      subset: fc.boolean(),
      computed: fc.nat(3).map((value) => value === 0),
      seed: fc.nat(1000),
      dynamic: fc.boolean(),
    });

  /** Pads of every axis, or of the last one by the axes input. */
  const padding = (
    { shape, subset, computed }: { shape: readonly number[]; subset: boolean; computed: boolean },
    pads: readonly (readonly [number, number])[],
  ) => {
    const chosen = subset ? pads.slice(-1) : pads.slice(0, shape.length);
    const list = [...chosen.map(([before]) => before), ...chosen.map(([, after]) => after)];
    const others: Feeds = computed ? { pads: int64([list.length], list) } : {};
    const inputs = (b: GraphBuilder, fill?: string) => [
      'x',
      computed ? 'pads' : b.ints(list),
      fill,
      subset ? b.ints([-1]) : undefined,
    ];
    return { others, inputs };
  };

  test.each(['reflect', 'edge', 'wrap'])('by %s matches differences', async (mode) => {
    await fc.assert(
      fc.asyncProperty(draw(0), async ({ amounts, ...rest }) => {
        const limit = (size: number) => (mode === 'reflect' ? size - 1 : mode === 'wrap' ? size : 3);
        const pads = rest.shape.map((size, i) => {
          const most = limit(size);
          return [Math.min(amounts[2 * i] ?? 0, most), Math.min(amounts[2 * i + 1] ?? 0, most)] as const;
        });
        const { others, inputs } = padding(rest, pads);
        await check(rest, (b) => b.emit('Pad', inputs(b), { mode }), others);
      }),
      { ...parameters, numRuns: 100 },
    );
  });

  test('of known sizes is folded back without scattering, which takes six times as long', () => {
    const model = graphOf(
      { x: spread([1, 2, 5, 5], 1) },
      (b) => b.emit('Pad', ['x', b.ints([0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'reflect' }),
      { opset },
    );
    expect(buildVjpGraph(model).graph.node.map(({ opType }) => opType)).not.toContain('ScatterElements');
  });

  test('by a constant matches differences, of the fill value too', async () => {
    await fc.assert(
      fc.asyncProperty(draw(-1), fc.boolean(), async ({ amounts, ...rest }, filled) => {
        const pads = rest.shape.map((size, i) => {
          const [before = 0, after = 0] = amounts.slice(2 * i, 2 * i + 2);
          return size > 2 ? ([before, after] as const) : ([Math.max(before, 0), Math.max(after, 0)] as const);
        });
        const { others, inputs } = padding(rest, pads);
        const fill = filled ? { fill: float32([], [0.7]) } : {};
        const precision = expectGradient(
          { x: spread(rest.shape, rest.seed), ...fill, ...others },
          (b) => b.emit('Sin', [b.emit('Pad', inputs(b, filled ? 'fill' : undefined))]),
          { opset, dynamic: rest.dynamic },
        );
        expect(await precision).toBe('float64');
      }),
      parameters,
    );
  });
});
