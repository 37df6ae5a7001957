import { describe, expect, test } from 'vitest';
import { addDims, broadcastShapes, divideDims, multiplyDims, type Dim } from './dims';

describe('symbolic sizes', () => {
  test('multiply to one spelling, whatever the order', () => {
    expect(multiplyDims(2, 'batch', 3)).toBe('6*batch');
    expect(multiplyDims('height', 4, 'batch')).toBe(multiplyDims('batch', 'height', 4));
    expect(multiplyDims('batch', null)).toBeNull();
    expect(multiplyDims('batch', 0)).toBe(0);
  });

  test('divide only where that is exact', () => {
    expect(divideDims('6*batch', 'batch')).toBe(6);
    expect(divideDims('6*batch', 3)).toBe('2*batch');
    expect(divideDims('batch', 2)).toBeNull();
    expect(divideDims(6, 'batch')).toBeNull();
    expect(divideDims('a*a', 'a')).toBe('a');
  });

  test('add when they are multiples of the same', () => {
    expect(addDims('batch', 'batch')).toBe('2*batch');
    expect(addDims('batch', 1)).toBeNull();
    expect(addDims(0, 'batch')).toBe('batch');
  });

  test('leave expressions of the exporter whole', () => {
    expect(divideDims('s0 + 1', 's0 + 1')).toBe(1);
    expect(multiplyDims('s0 + 1', 2)).toBe('2*(s0 + 1)');
  });

  test('broadcast like numbers, and are unknown against each other', () => {
    expect(broadcastShapes(['batch', 1, 8], [3, 1])).toEqual(['batch', 3, 8]);
    expect(broadcastShapes(['batch'], [3])).toEqual([3]);
    expect(broadcastShapes(['a'], ['b'])).toEqual([null]);
  });

  test('do not grow without bound', () => {
    let size: Dim = 'batch';
    for (let i = 0; i < 60; i++) size = multiplyDims(size, size);
    expect(size).toBeNull();
    size = 's0 + 1';
    for (let i = 0; i < 60; i++) size = multiplyDims(size, size);
    expect(size).toBeNull();
  });
});
