import type { Dim } from '../dims';

/** One axis of a window on a row-major list: how many entries, and how far they lie apart. */
export interface AxisSteps {
  readonly count: number;
  readonly step: number;
}

/** Distance in a row-major list between neighbours along each axis. */
export function rowMajorSteps(shape: readonly number[]): number[] {
  const steps = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) steps[axis] = (steps[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  return steps;
}

/** The elements of a window, row-major: slices and transposes of constants that a shape or a padding is made of. */
export function windowElements(elements: readonly Dim[], first: number, axes: readonly AxisSteps[]): Dim[] {
  let offsets = [first];
  for (const { count, step } of axes) {
    offsets = offsets.flatMap((offset) => Array.from({ length: count }, (_, i) => offset + i * step));
  }
  return offsets.map((offset) => elements[offset] ?? null);
}
