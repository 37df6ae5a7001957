import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emitContrib, emitExpanded, expanded, expectSameForward, joined } from '../../../test/support/contrib-run';
import {
  expectGradient,
  float32,
  graphOf,
  relativeError,
  runModel,
  spread,
  type Feeds,
  type Values,
} from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { buildVjpGraph } from '../vjp';

/** Values in [−1, 1], so that softmax stays away from its saturated ends. */
function small(shape: readonly number[], seed: number): Values {
  const values = spread(shape, seed);
  const size = Math.max(...values.data.map(Math.abs));
  return float32(
    shape,
    values.data.map((value) => value / size),
  );
}

const int32 = (shape: readonly number[], data: readonly number[]): Values => ({ dtype: 'int32', shape, data });

const maskForms = ['none', 'flags', 'square flags', 'dummy', 'ends', 'ends and starts', 'lengths'] as const;

/** A mask of one of the forms that ONNX Runtime knows. Masked keys stay: −10000 is not −∞, so some rows see none. */
function maskOf(form: (typeof maskForms)[number], batch: number, queries: number, keys: number, seed: number): Feeds {
  const flag = (_: unknown, i: number) => (Math.sin(seed + 3.7 * i) > -0.3 ? 1 : 0);
  const each = (value: (i: number) => number) => Array.from({ length: batch }, (_, i) => value(i));
  const ends = each((i) => 1 + ((seed + i) % keys));
  switch (form) {
    case 'none':
      return {};
    case 'flags':
      return { mask: int32([batch, keys], Array.from({ length: batch * keys }, flag)) };
    case 'square flags':
      return { mask: int32([batch, queries, keys], Array.from({ length: batch * queries * keys }, flag)) };
    case 'dummy':
      return {
        mask: int32(
          [batch, 1],
          each(() => 0),
        ),
      };
    case 'ends':
      return { mask: int32([batch], ends) };
    case 'ends and starts':
      return { mask: int32([2 * batch], [...ends, ...ends.map((end) => (seed % 2) * (end - 1))]) };
    case 'lengths': {
      const sums = (size: number) => Array.from({ length: batch + 1 }, (_, i) => i * size);
      return { mask: int32([3 * batch + 2], [...ends, ...sums(queries), ...sums(keys)]) };
    }
  }
}

const common = {
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 2 }),
  queries: fc.integer({ min: 1, max: 3 }),
  size: fc.integer({ min: 1, max: 3 }),
  valueSize: fc.integer({ min: 1, max: 3 }),
  mask: fc.constantFrom(...maskForms),
  causal: fc.nat(1),
  scale: fc.constantFrom(undefined, { float: 0.7 }),
  filter: fc.constantFrom(undefined, { float: -5 }),
  biased: fc.boolean(),
  shifted: fc.constantFrom(0, 1, 2),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
};

/** The forms of one dimension are told apart by their size. */
const dynamicAllowed = (mask: string): boolean => !['ends', 'ends and starts', 'lengths', 'dummy'].includes(mask);

describe('"com.microsoft.Attention"', () => {
  test("equals ONNX Runtime's own and its gradient matches differences", async () => {
    const draw = fc.record({ ...common, width: fc.integer({ min: 1, max: 3 }), present: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(draw, async (drawn) => {
        const { batch, heads, queries, size, valueSize, width, seed, mask } = drawn;
        const sizes = [heads * size, heads * size, heads * (drawn.present ? size : valueSize)];
        const total = sizes.reduce((sum, part) => sum + part);
        const feeds: Feeds = {
          x: small([batch, queries, width], seed),
          w: small([width, total], seed + 1),
          // ONNX Runtime's kernel reads the bias even where it is left out, and ends the process.
          bias: small([total], seed + 2),
          ...maskOf(mask, batch, queries, queries, seed),
          ...(drawn.shifted > 0 && {
            added: small(
              [drawn.shifted === 1 ? 1 : batch, drawn.shifted === 1 ? 1 : heads, queries, queries],
              seed + 3,
            ),
          }),
        };
        const has = (name: string) => (name in feeds ? name : undefined);
        const attributes = {
          num_heads: heads,
          qkv_hidden_sizes: new Set(sizes).size > 1 ? sizes : undefined,
          unidirectional: drawn.causal,
          scale: drawn.scale,
          mask_filter_value: drawn.filter,
        };
        const inputs = ['x', 'w', 'bias', has('mask'), undefined, has('added')];
        const body = (b: GraphBuilder) =>
          joined(b, emitContrib(b, 'Attention', inputs, attributes, { count: drawn.present ? 2 : 1 }));
        const options = { opset: 21, dynamic: drawn.dynamic && dynamicAllowed(mask) };
        await expectSameForward(graphOf(feeds, body, options), feeds);
        await expectGradient(feeds, body, options);
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  const feeds = { x: small([2, 3, 4], 1), w: small([4, 12], 2), past: small([2, 2, 2, 1, 2], 3) };
  test.each([
    [['x', 'w', undefined, undefined, 'past'], {}, 'it has no past keys and values'],
    [['x', 'w'], { do_rotary: 1 }, 'its attribute do_rotary is 0'],
    [['x', 'w'], { num_heads: 0 }, 'its attribute num_heads is given'],
  ])('with inputs %j and %j is refused by name', (inputs, attributes, reason) => {
    const model = graphOf(feeds, (b) => emitContrib(b, 'Attention', inputs, { num_heads: 2, ...attributes })[0]!, {
      opset: 21,
    });
    expect(() => buildVjpGraph(model)).toThrow(
      new RegExp(`com.microsoft.Attention node "s4s_Attention_1" has a gradient here only if ${reason}`),
    );
  });

  test('without a bias is that with a bias of zero', async () => {
    const all = { x: feeds.x, w: feeds.w, bias: float32([12], Array<number>(12).fill(0)) };
    const model = (inputs: string[]) =>
      graphOf(all, (b) => emitContrib(b, 'Attention', inputs, { num_heads: 2 })[0]!, { opset: 21 });
    const own = (await runModel(model(['x', 'w', 'bias']), all))['y']!;
    expect(relativeError((await runModel(expanded(model(['x', 'w'])), all))['y'], own)).toBeLessThan(1e-5);
  });

  test('with a mask of four dimensions is refused by name', () => {
    const all = { ...feeds, mask: int32([2, 1, 3, 3], Array<number>(18).fill(1)) };
    const model = graphOf(all, (b) => emitContrib(b, 'Attention', ['x', 'w', '', 'mask'], { num_heads: 2 })[0]!, {
      opset: 21,
    });
    expect(() => buildVjpGraph(model)).toThrow(/only if its mask has at most three dimensions/);
  });

  test('with a mask that may be ends or lengths is refused by name', () => {
    const all = { ...feeds, mask: int32([2], [1, 1]) };
    const model = graphOf(all, (b) => emitContrib(b, 'Attention', ['x', 'w', '', 'mask'], { num_heads: 2 })[0]!, {
      opset: 21,
      dynamic: true,
    });
    expect(() => buildVjpGraph(model)).toThrow(/only if its mask \("mask"\) is as long as the batch/);
  });
});

describe('"com.microsoft.MultiHeadAttention"', () => {
  const draw = fc.record({
    ...common,
    keys: fc.integer({ min: 1, max: 3 }),
    past: fc.constantFrom(0, 0, 2),
    fourD: fc.boolean(),
  });

  test("equals ONNX Runtime's own and its gradient matches differences", async () => {
    await fc.assert(
      fc.asyncProperty(draw, async (drawn) => {
        const { batch, heads, queries, size, seed, mask, fourD } = drawn;
        // ONNX Runtime lets the last query see all keys, which is right for as many new keys as queries only.
        const keys = drawn.causal === 1 ? queries : drawn.keys;
        const past = fourD ? 0 : drawn.past;
        const valueSize = fourD || past > 0 ? size : drawn.valueSize;
        const total = keys + past;
        const state = (width: number, offset: number) =>
          small(fourD ? [batch, heads, keys, width] : [batch, keys, heads * width], seed + offset);
        const feeds: Feeds = {
          q: small([batch, queries, heads * size], seed),
          k: state(size, 1),
          v: state(valueSize, 2),
          ...(drawn.biased && !fourD && { bias: small([heads * (2 * size + valueSize)], seed + 3) }),
          ...(mask !== 'dummy' && mask !== 'ends and starts' && maskOf(mask, batch, queries, total, seed)),
          ...(drawn.shifted > 0 && {
            added: small([drawn.shifted === 1 ? 1 : batch, heads, queries, total], seed + 4),
          }),
          ...(past > 0 && {
            pk: small([batch, heads, past, size], seed + 5),
            pv: small([batch, heads, past, valueSize], seed + 6),
          }),
        };
        const has = (name: string) => (name in feeds ? name : undefined);
        const attributes = {
          num_heads: heads,
          unidirectional: drawn.causal,
          scale: drawn.scale,
          mask_filter_value: drawn.filter,
        };
        const inputs = ['q', 'k', 'v', ...['bias', 'mask', 'added', 'pk', 'pv'].map(has)];
        const body = (b: GraphBuilder) =>
          joined(b, emitContrib(b, 'MultiHeadAttention', inputs, attributes, { count: past > 0 ? 3 : 1 }));
        const options = { opset: 21, dynamic: drawn.dynamic && dynamicAllowed(mask) && !drawn.biased };
        await expectSameForward(graphOf(feeds, body, options), feeds);
        await expectGradient(feeds, body, options);
      }),
      { numRuns: 50, seed: 4 },
    );
  });

  // ONNX Runtime has no kernel on the CPU for packed projections.
  test.each([false, true])('packed projections are the separate ones (bias: %s)', async (biased) => {
    await fc.assert(
      fc.asyncProperty(fc.record(common), async ({ batch, heads, queries, size, seed, dynamic }) => {
        const width = heads * size;
        const bias = small([3 * width], seed + 3);
        const separate: Feeds = Object.fromEntries(
          ['q', 'k', 'v'].map((name, i) => [name, small([batch, queries, width], seed + i)]),
        );
        const pack = (names: readonly string[]): Values => {
          const parts = names.map((name) => separate[name]!.data);
          const data = Array.from({ length: batch * queries * heads }, (_, row) =>
            parts.flatMap((part) => part.slice(row * size, (row + 1) * size)),
          ).flat();
          return float32([batch, queries, heads, names.length, size], data);
        };
        const own = graphOf(
          { ...separate, bias },
          (b) =>
            emitContrib(b, 'MultiHeadAttention', ['q', 'k', 'v', biased ? 'bias' : undefined], {
              num_heads: heads,
            })[0]!,
          { opset: 21 },
        );
        const y = (await runModel(own, { ...separate, bias }))['y']!;
        const packed: [Feeds, string[]][] = [
          [{ qkv: pack(['q', 'k', 'v']) }, ['qkv', '', '']],
          [{ q: separate['q']!, kv: pack(['k', 'v']) }, ['q', 'kv', '']],
        ];
        for (const [feeds, names] of packed) {
          const all = biased ? { ...feeds, bias } : feeds;
          const inputs = [...names, biased ? 'bias' : undefined];
          const options = { opset: 21, dynamic };
          const body = (b: GraphBuilder) => emitExpanded(b, 'MultiHeadAttention', inputs, { num_heads: heads })[0]!;
          expect(relativeError((await runModel(graphOf(all, body, options), all))['y'], y)).toBeLessThan(1e-5);
          await expectGradient(all, body, options);
        }
      }),
      { numRuns: 15, seed: 5 },
    );
  });

  const feeds = {
    q: small([2, 1, 4], 1),
    k: small([2, 1, 4], 2),
    v: small([2, 1, 4], 3),
    pk: small([2, 2, 3, 2], 4),
    pv: small([2, 2, 3, 2], 5),
    length: int32([1], [1]),
  };
  test.each([
    [['q', 'k', 'v', '', '', '', 'pk', 'pv', 'length'], 1, 'its past keys and values have no buffer of their own'],
    [['q', 'k', 'v'], 4, 'its output qk is not used'],
    [['q'], 1, 'its key is given, or its query packs queries, keys and values'],
  ])('with inputs %j and %d outputs is refused by name', (inputs, count, reason) => {
    const model = graphOf(feeds, (b) => emitContrib(b, 'MultiHeadAttention', inputs, { num_heads: 2 }, { count })[0]!, {
      opset: 21,
    });
    expect(() => buildVjpGraph(model)).toThrow(
      new RegExp(`MultiHeadAttention node "s4s_MultiHeadAttention_1" has a gradient here only if ${reason}`),
    );
  });

  test('hidden sizes that are not known are refused where a bias has to be taken apart', () => {
    const all = { q: feeds.q, k: feeds.k, v: feeds.v, bias: small([12], 6) };
    const model = graphOf(
      all,
      (b) => emitContrib(b, 'MultiHeadAttention', ['q', 'k', 'v', 'bias'], { num_heads: 2 })[0]!,
      {
        opset: 21,
        dynamic: true,
      },
    );
    expect(() => buildVjpGraph(model)).toThrow(/only if the hidden sizes of its query and value are fixed/);
  });
});
