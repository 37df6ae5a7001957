import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OnnxError, parseModel, readModelHeader, serializeModel } from './index';

const bytes = new Uint8Array(readFileSync(join(import.meta.dirname, '../../test/data/onnx/mlp_sin.onnx')));

function errorOf(data: Uint8Array): OnnxError {
  try {
    readModelHeader(data, 'unet.onnx');
  } catch (error) {
    if (error instanceof OnnxError) return error;
    throw error;
  }
  throw new Error('was read without an error');
}

/** A protobuf field of wire type 2. */
function field(number: number, content: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = content.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest >= 128 ? (rest % 128) | 0x80 : rest);
    if (rest < 128) break;
  }
  return Uint8Array.from([number * 8 + 2, ...length, ...content]);
}

test('a model survives parsing and serialising', () => {
  const once = serializeModel(parseModel(bytes, 'a'));
  const twice = serializeModel(parseModel(once, 'a'));
  expect(Buffer.compare(once, twice)).toBe(0);
  expect(readModelHeader(once, 'a')).toEqual(readModelHeader(bytes, 'a'));
});

test('weights are views of the file, not copies', () => {
  const { graph } = parseModel(bytes, 'a');
  const largest = graph.initializer.reduce((a, b) => (a.rawData.length > b.rawData.length ? a : b));
  expect(largest.rawData.buffer).toBe(bytes.buffer);
});

test('the header has sizes, operators and producer', () => {
  const header = readModelHeader(bytes, 'a');
  expect(header).toMatchObject({ opset: 17, irVersion: 8, nodeCount: 37 });
  expect(header.operators['Gemm']).toBeGreaterThan(0);
  expect(Object.values(header.operators).reduce((sum, count) => sum + count)).toBe(header.nodeCount);
  expect(header.parameterCount).toBeGreaterThan(10_000);
  expect(header.producer).toMatch(/^pytorch /);
});

describe('damaged files', () => {
  test('cut anywhere, they give one sentence that names the file', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), (cut) => {
        const error = errorOf(bytes.subarray(0, cut));
        expect(error.code).toBe('not-onnx');
        expect(error.message).toMatch(/^unet\.onnx .*; export the model again\.$/);
      }),
      { numRuns: 100, seed: 20 },
    );
  });

  test('cut inside the graph, they tell where', () => {
    expect(errorOf(bytes.subarray(0, 30_000)).message).toMatch(
      /truncated or not ONNX \(its structure ends at byte \d+ of 30000\)/,
    );
  });

  test('with a byte changed, they are read or refused, and never crash', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const damaged = bytes.slice();
        damaged[at] = value;
        try {
          readModelHeader(damaged, 'unet.onnx');
        } catch (error) {
          expect(error).toBeInstanceOf(OnnxError);
        }
      }),
      { numRuns: 200, seed: 21 },
    );
  });

  test.each([
    ['empty', new Uint8Array(), 'unet.onnx is empty; export the model again.'],
    [
      'text',
      new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\noid sha256:0\n'),
      /truncated or not ONNX/,
    ],
    ['a page', new TextEncoder().encode('<!DOCTYPE html><html></html>'), /truncated or not ONNX/],
    ['a message without a graph', Uint8Array.from([8, 8]), /has no graph, so it is not an ONNX model/],
    ['a graph without operator set', field(7, new Uint8Array()), /has no operator set version/],
  ])('%s', (_name, data, message) => {
    expect(errorOf(data).message).toMatch(message);
  });

  test('300 graphs inside each other', () => {
    // graph.node.attribute.g, again and again
    let graph: Uint8Array = new Uint8Array();
    for (let i = 0; i < 100; i++) graph = field(1, field(5, field(6, graph)));
    expect(errorOf(field(7, graph)).message).toMatch(/maximum recursion depth/);
  });

  test('a length of 2^63 bytes', () => {
    const bomb = Uint8Array.from([7 * 8 + 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]);
    expect(errorOf(bomb).message).toMatch(/ends at byte 0 of 11/);
  });
});
