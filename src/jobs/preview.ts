import { encode } from 'fast-png';

export interface Grid {
  readonly png: Uint8Array;
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
}

const gap = 2;

/**
 * Samples in [−1, 1] as a PNG grid. One channel is drawn grey, three as RGB; of a latent with other channel counts the
 * first one is drawn, scaled to its own range (a picture needs the decoder).
 *
 * @param samples `count × channels × height × width`.
 */
export function previewGrid(samples: Float32Array, sampleShape: readonly number[]): Grid {
  const [channels = 1, height = 1, width = 1] =
    sampleShape.length === 3 ? sampleShape : [1, 1, sampleShape.at(-1) ?? 1];
  const dim = channels * height * width;
  const count = Math.floor(samples.length / dim);
  const columns = Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / columns);
  const outWidth = columns * (width + gap) - gap;
  const outHeight = rows * (height + gap) - gap;
  const outChannels = channels === 3 ? 3 : 1;
  const pixels = new Uint8Array(outWidth * outHeight * outChannels).fill(128);
  const [low, high] = channels === 1 || channels === 3 ? [-1, 1] : range(samples);
  for (let i = 0; i < count; i++) {
    const left = (i % columns) * (width + gap);
    const top = Math.floor(i / columns) * (height + gap);
    for (let c = 0; c < outChannels; c++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const value = samples[i * dim + (c * height + y) * width + x]!;
          const level = Math.round((255 * (value - low)) / (high - low));
          pixels[((top + y) * outWidth + left + x) * outChannels + c] = Math.min(255, Math.max(0, level));
        }
      }
    }
  }
  const png = encode({ width: outWidth, height: outHeight, data: pixels, depth: 8, channels: outChannels });
  return { png, columns, rows, width: outWidth, height: outHeight };
}

function range(samples: Float32Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of samples) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low < high ? [low, high] : [low - 1, low + 1];
}
