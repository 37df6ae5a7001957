import { expect, it } from 'vitest';
import { safetensors } from './safetensors';

it('lays tensors out as readers of the format expect', () => {
  const file = safetensors(
    {
      samples: { shape: [2, 2], data: Float32Array.from([1, -2, 0.5, 3]) },
      seeds: { shape: [2], data: BigInt64Array.from([7n, -1n]) },
    },
    { solver: 'Heun' },
  );
  const view = new DataView(file.buffer);
  const length = Number(view.getBigUint64(0, true));
  expect(length % 8).toBe(0);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<string, unknown>;
  expect(header).toEqual({
    __metadata__: { solver: 'Heun' },
    seeds: { dtype: 'I64', shape: [2], data_offsets: [0, 16] },
    samples: { dtype: 'F32', shape: [2, 2], data_offsets: [16, 32] },
  });
  const data = 8 + length;
  expect(view.getBigInt64(data + 8, true)).toBe(-1n);
  expect([0, 1, 2, 3].map((i) => view.getFloat32(data + 16 + 4 * i, true))).toEqual([1, -2, 0.5, 3]);
  expect(file.length).toBe(data + 32);
});

it('refuses a shape that does not fit', () => {
  expect(() => safetensors({ x: { shape: [3], data: new Float32Array(2) } })).toThrow(
    'Tensor x of shape [3] must have 3 numbers, got 2.',
  );
});
