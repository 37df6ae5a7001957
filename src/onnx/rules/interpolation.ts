/** The attributes of `Resize` that decide where an output pixel comes from. */
export interface Interpolation {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
}

/**
 * The matrix [to, from] (row-major) of a one-dimensional resize, by the definition of the ONNX operator; undefined for
 * modes that are not covered (cubic, cropping).
 */
export function interpolationMatrix(
  settings: Interpolation,
  from: number,
  to: number,
  scale: number,
): number[] | undefined {
  const matrix = Array<number>(to * from).fill(0);
  const clamp = (index: number) => Math.min(Math.max(index, 0), from - 1);
  const put = (row: number, column: number, weight: number) => {
    matrix[row * from + clamp(column)] = (matrix[row * from + clamp(column)] ?? 0) + weight;
  };
  for (let row = 0; row < to; row++) {
    const position = sourcePosition(settings.coordinates, row, from, to, scale);
    if (position === undefined) return undefined;
    if (settings.mode === 'nearest') {
      put(row, roundBy(settings.nearest, position), 1);
    } else if (settings.mode === 'linear') {
      const inside = Math.min(Math.max(position, 0), from - 1);
      const low = Math.floor(inside);
      put(row, low, 1 - (inside - low));
      put(row, low + 1, inside - low);
    } else {
      return undefined;
    }
  }
  return matrix;
}

function sourcePosition(mode: string, row: number, from: number, to: number, scale: number): number | undefined {
  switch (mode) {
    case 'asymmetric':
      return row / scale;
    case 'half_pixel':
      return (row + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return to > 1 ? (row + 0.5) / scale - 0.5 : 0;
    case 'align_corners':
      return to > 1 ? (row * (from - 1)) / (to - 1) : 0;
    default:
      return undefined;
  }
}

function roundBy(mode: string, position: number): number {
  switch (mode) {
    case 'floor':
      return Math.floor(position);
    case 'ceil':
      return Math.ceil(position);
    case 'round_prefer_ceil':
      return Math.floor(position + 0.5);
    default:
      return Math.ceil(position - 0.5);
  }
}
