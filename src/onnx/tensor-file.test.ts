import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { OnnxError } from './errors';
import { readTensorFile, readTensorHeader } from './tensor-file';

const folder = mkdtempSync(join(tmpdir(), 's4s-tensors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function stored(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function npy(descr: string, shape: string, data: ArrayBufferView, order = 'False', version = 1): Buffer {
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`;
  const length = version === 1 ? Buffer.alloc(2) : Buffer.alloc(4);
  if (version === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  const values = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([
    Buffer.from(`\x93NUMPY`, 'latin1'),
    Buffer.of(version, 0),
    length,
    Buffer.from(header),
    values,
  ]);
}

function safetensors(header: unknown, data: ArrayBufferView): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

const one = (dtype: string, shape: number[], bytes: number) => ({
  __metadata__: { made: 'here' },
  c: { dtype, shape, data_offsets: [0, bytes] },
});

describe('a tensor', () => {
  it.each<[string, Uint8Array, string, number[], number[]]>([
    ['f4.npy', npy('<f4', '2, 1', Float32Array.of(0.5, -2)), 'float32', [2, 1], [0.5, -2]],
    ['f8.npy', npy('<f8', '1,', Float64Array.of(0.1)), 'float64', [1], [0.1]],
    ['f2.npy', npy('<f2', '3,', Uint16Array.of(0x3c00, 0xc000, 0x0001)), 'float16', [3], [1, -2, 2 ** -24]],
    ['i8.npy', npy('<i8', '2,', BigInt64Array.of(7n, -(2n ** 40n))), 'int64', [2], [7, -(2 ** 40)]],
    ['v2.npy', npy('<i4', '2,', Int32Array.of(7, -3), 'False', 2), 'int32', [2], [7, -3]],
    ['scalar.npy', npy('<f4', '', Float32Array.of(3)), 'float32', [], [3]],
    ['f.safetensors', safetensors(one('F32', [1, 2], 8), Float32Array.of(1.5, -2)), 'float32', [1, 2], [1.5, -2]],
    ['b.safetensors', safetensors(one('BF16', [2], 4), Uint16Array.of(0x3f80, 0xc040)), 'bfloat16', [2], [1, -3]],
  ])('%s', async (name, bytes, dtype, shape, values) => {
    const path = stored(name, bytes);
    expect(await readTensorHeader(path)).toEqual({ dtype, shape });
    const { data } = await readTensorFile(path);
    expect(Array.from(data)).toEqual(values);
  });

  it('as numpy and the safetensors library write it', async () => {
    expect(await readTensorHeader('test/data/sd-tiny/prompt_embeds.npy')).toEqual({
      dtype: 'float32',
      shape: [2, 77, 16],
    });
    const negative = await readTensorFile('test/data/sd-tiny/negative_embeds.safetensors');
    expect([negative.shape, negative.data.length]).toEqual([[1, 77, 16], 77 * 16]);
  });
});

describe('one sentence says what is wrong with', () => {
  const data = Float32Array.of(1, 2);
  it.each<[string, Uint8Array, RegExp]>([
    ['text.npy', Buffer.from('a text that is long enough'), /neither a \.npy nor/],
    ['empty.npy', Buffer.of(), /neither a \.npy nor/],
    ['order.npy', npy('<f4', '2,', data, 'True'), /Fortran order; save numpy\.ascontiguousarray/],
    ['text-values.npy', npy('<U3', '2,', data), /element type <U3 is not one of <f2/],
    ['short.npy', npy('<f4', '3,', data), /ends before the values of its shape \[3\]/],
    ['huge.npy', npy('<f4', '9007199254740991, 9007199254740991', data), /ends before the values/],
    ['two.safetensors', safetensors({ a: {}, b: {} }, data), /must hold one tensor, but it holds a, b/],
    ['none.safetensors', safetensors({}, data), /holds none/],
    ['type.safetensors', safetensors(one('I8', [2], 2), data), /element type I8/],
    ['shape.safetensors', safetensors({ c: { dtype: 'F32', shape: [-1], data_offsets: [0, 8] } }, data), /damaged/],
    ['torn.safetensors', safetensors('{', data), /holds none/],
    ['long.safetensors', Buffer.alloc(16, 0xff), /header is damaged/],
  ])('%s', async (name, bytes, words) => {
    const path = stored(name, bytes);
    const failure = await readTensorFile(path).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OnnxError);
    expect((failure as Error).message).toMatch(words);
    expect((failure as Error).message).toContain(path);
  });

  it('whatever bytes are changed', async () => {
    const whole = [readFileSync(join(folder, 'f4.npy')), readFileSync(join(folder, 'f.safetensors'))];
    const change = fc.tuple(fc.nat(1), fc.nat(150), fc.nat(255), fc.nat(150));
    await fc.assert(
      fc.asyncProperty(change, async ([which, at, value, cut]) => {
        const bytes = Buffer.from(whole[which]!);
        bytes[at % bytes.length] = value;
        const name = which === 0 ? 'changed.npy' : 'changed.safetensors';
        const path = stored(name, bytes.subarray(0, bytes.length - (cut > 100 ? cut - 100 : 0)));
        const result = await readTensorFile(path).catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(OnnxError);
      }),
      { numRuns: 150 },
    );
  });
});
