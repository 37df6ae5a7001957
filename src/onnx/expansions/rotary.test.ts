import fc from 'fast-check';
import { expect, test } from 'vitest';
import { emitContrib, expectSameForward } from '../../../test/support/contrib-run';
import {
  expectGradient,
  float32,
  graphOf,
  int64,
  spread,
  type Feeds,
  type Values,
} from '../../../test/support/onnx-run';
import type { GraphBuilder } from '../builder';
import { buildVjpGraph } from '../vjp';

const draw = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 2 }),
  length: fc.integer({ min: 1, max: 3 }),
  /** pairs that are turned, and pairs that are not */
  pairs: fc.integer({ min: 1, max: 2 }),
  still: fc.integer({ min: 0, max: 2 }),
  flat: fc.boolean(),
  interleaved: fc.nat(1),
  given: fc.boolean(),
  seed: fc.nat(1000),
  dynamic: fc.boolean(),
});
type Drawn = typeof draw extends fc.Arbitrary<infer T> ? T : never;

/** The input, and a table of angles that has `rows` in front. */
function tensors({ batch, heads, length, pairs, still, flat, seed }: Drawn, rows: readonly number[]): Feeds {
  const size = 2 * (pairs + still);
  const count = rows.reduce((product, n) => product * n, pairs);
  const wave = (f: (angle: number) => number): Values =>
    float32(
      [...rows, pairs],
      Array.from({ length: count }, (_, i) => f(0.4 * i + seed)),
    );
  const x = spread(flat ? [batch, length, heads * size] : [batch, heads, length, size], seed);
  return { x, cos: wave(Math.cos), sin: wave(Math.sin) };
}

const positions = ({ batch, length, seed }: Drawn): Values =>
  int64(
    [batch, length],
    Array.from({ length: batch * length }, (_, i) => (seed + 3 * i) % 6),
  );

test('"RotaryEmbedding" equals ONNX Runtime\'s own and its gradient matches differences', async () => {
  await fc.assert(
    fc.asyncProperty(draw, async (drawn) => {
      const { batch, heads, length, pairs, still, given, interleaved } = drawn;
      const feeds: Feeds = given ? { ...tensors(drawn, [6]), ids: positions(drawn) } : tensors(drawn, [batch, length]);
      const attributes = {
        interleaved,
        rotary_embedding_dim: still > 0 ? 2 * pairs : undefined,
        num_heads: drawn.flat ? heads : undefined,
      };
      const body = (b: GraphBuilder) => b.emit('RotaryEmbedding', Object.keys(feeds), attributes);
      const options = { opset: 23, dynamic: drawn.dynamic };
      await expectSameForward(graphOf(feeds, body, options), feeds);
      await expectGradient(feeds, body, options);
    }),
    { numRuns: 40, seed: 1 },
  );
});

test('"com.microsoft.RotaryEmbedding" equals ONNX Runtime\'s own and its gradient matches differences', async () => {
  await fc.assert(
    fc.asyncProperty(draw, async (drawn) => {
      const { heads, pairs, still, given, interleaved, seed } = drawn;
      const first = int64([1], [seed % 3]);
      const feeds: Feeds = { ...tensors(drawn, [6]), ids: given ? positions(drawn) : first };
      const attributes = {
        interleaved,
        // Without them the size of a head is that of the table.
        ...(still > 0 && { rotary_embedding_dim: 2 * pairs, num_heads: heads }),
      };
      const body = (b: GraphBuilder) => emitContrib(b, 'RotaryEmbedding', ['x', 'ids', 'cos', 'sin'], attributes)[0]!;
      const options = { opset: 21, dynamic: drawn.dynamic && (still > 0 || !drawn.flat) };
      await expectSameForward(graphOf(feeds, body, options), feeds);
      await expectGradient(feeds, body, options);
    }),
    { numRuns: 40, seed: 2 },
  );
});

const feeds = { x: spread([1, 2, 4], 1), ids: int64([1, 2], [0, 1]), cos: spread([3, 2], 2), sin: spread([3, 2], 3) };
test.each([
  [{ is_packed_batching: 1 }, false, 'its attribute is_packed_batching is 0'],
  [{}, true, 'its attribute num_heads is given or the size of its cos_cache is fixed'],
])('with %j (dynamic: %s) is refused by name', (attributes, dynamic, reason) => {
  const body = (b: GraphBuilder) => emitContrib(b, 'RotaryEmbedding', ['x', 'ids', 'cos', 'sin'], attributes)[0]!;
  expect(() => buildVjpGraph(graphOf(feeds, body, { opset: 21, dynamic }))).toThrow(
    `com.microsoft.RotaryEmbedding node "s4s_RotaryEmbedding_1" has a gradient here only if ${reason}`,
  );
});
