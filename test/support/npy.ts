import { writeFileSync } from 'node:fs';

/** Writes float64 numbers as NumPy's `save` does (format version 1). */
export function writeNpy(path: string, shape: readonly number[], data: Float64Array): void {
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${shape.map((size) => `${size},`).join(' ')}), }`;
  // Magic, version and length take 10 bytes; everything before the values is a multiple of 64 bytes and ends a line.
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  const magic = Buffer.concat([Buffer.of(0x93), Buffer.from('NUMPY'), Buffer.of(1, 0), length]);
  const values = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  writeFileSync(path, Buffer.concat([magic, Buffer.from(padded, 'latin1'), values]));
}
