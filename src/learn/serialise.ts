import type { LearnState } from './learn';

interface PackedArray {
  readonly type: 'f32' | 'f64';
  readonly base64: string;
}

/** A `LearnState` as JSON text, bit for bit. */
export function packState(state: LearnState): string {
  return JSON.stringify(state, (_key, value: unknown) => {
    if (value instanceof Float32Array) return pack('f32', value);
    if (value instanceof Float64Array) return pack('f64', value);
    return value;
  });
}

export function unpackState(text: string): LearnState {
  return JSON.parse(text, (_key, value: unknown) => (isPacked(value) ? unpack(value) : value)) as LearnState;
}

function pack(type: PackedArray['type'], array: Float32Array | Float64Array): PackedArray {
  return { type, base64: Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64') };
}

function isPacked(value: unknown): value is PackedArray {
  const { type, base64 } = (value ?? {}) as { type?: unknown; base64?: unknown };
  return typeof base64 === 'string' && (type === 'f32' || type === 'f64');
}

function unpack({ type, base64 }: PackedArray): Float32Array | Float64Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  return type === 'f32' ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
}
