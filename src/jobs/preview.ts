import { encode } from 'fast-png';

/** A drawing of samples: a PNG of `columns × rows` equal cells. */
export interface Grid {
  readonly png: Uint8Array;
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
}

/** Samples as an image each: `channels × height × width`, with the values that are drawn black and white. */
interface Images {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly range: readonly [number, number];
}

const gap = 2;
const scatterSize = 256;
/** Shorter sides than this are enlarged in whole steps, so that a vector of eight numbers is more than a speck. */
const minWidth = 32;

/**
 * Samples as a picture. [C, H, W] (and video, its frames one below the other): a grid of images, in grey or for three
 * channels in colour, −1 black and 1 white; of a latent with other channel counts the first one, scaled to the range of
 * `reference` (a picture needs the decoder). [H, W] and [n]: a grid of grey images or strips on that scale. [2]: points
 * in the plane over those of `reference`.
 *
 * @param samples `count × sampleShape`.
 * @param reference the teacher's samples from the same noises: one scale for all pictures of a run.
 */
export function previewGrid(samples: Float32Array, reference: Float32Array, sampleShape: readonly number[]): Grid {
  if (sampleShape.length === 1 && sampleShape[0] === 2) return scatter(samples, reference);
  const [channels, ...axes] = sampleShape.length < 3 ? [1, ...sampleShape] : sampleShape;
  const width = axes.at(-1) ?? 1;
  const height = axes.slice(0, -1).reduce((product, size) => product * size, 1);
  const isImage = sampleShape.length >= 3 && (channels === 1 || channels === 3);
  return imageGrid(samples, {
    channels: channels ?? 1,
    height,
    width,
    range: isImage ? [-1, 1] : range(reference),
  });
}

function imageGrid(samples: Float32Array, { channels, height, width, range: [low, high] }: Images): Grid {
  const dim = channels * height * width;
  const count = Math.floor(samples.length / dim);
  const columns = gridColumns(count);
  const rows = Math.ceil(count / columns);
  const zoom = Math.ceil(minWidth / width);
  const outWidth = columns * (zoom * width + gap) - gap;
  const outHeight = rows * (zoom * height + gap) - gap;
  const outChannels = channels === 3 ? 3 : 1;
  const pixels = new Uint8Array(outWidth * outHeight * outChannels).fill(128);
  for (let i = 0; i < count; i++) {
    const left = (i % columns) * (zoom * width + gap);
    const top = Math.floor(i / columns) * (zoom * height + gap);
    for (let c = 0; c < outChannels; c++) {
      for (let y = 0; y < zoom * height; y++) {
        for (let x = 0; x < zoom * width; x++) {
          const element = (c * height + Math.floor(y / zoom)) * width + Math.floor(x / zoom);
          const level = Math.round((255 * (samples[i * dim + element]! - low)) / (high - low));
          pixels[((top + y) * outWidth + left + x) * outChannels + c] = Math.min(255, Math.max(0, level));
        }
      }
    }
  }
  const png = encode({ width: outWidth, height: outHeight, data: pixels, depth: 8, channels: outChannels });
  return { png, columns, rows, width: outWidth, height: outHeight };
}

const paper = [255, 255, 255] as const;
const referenceInk = [190, 190, 190] as const;
const sampleInk = [31, 119, 180] as const;

/** The teacher's points in grey, the samples in blue on top; both axes alike, points far outside on the edge. */
function scatter(samples: Float32Array, reference: Float32Array): Grid {
  const size = scatterSize;
  const pixels = new Uint8Array(size * size * 3);
  for (let i = 0; i < size * size; i++) pixels.set(paper, 3 * i);
  const [low, high] = range(reference);
  const margin = 0.1 * (high - low);
  const at = (value: number): number => {
    const place = Math.round(((size - 1) * (value - low + margin)) / (high - low + 2 * margin));
    return Math.min(size - 3, Math.max(2, place));
  };
  const draw = (points: Float32Array, ink: readonly number[]): void => {
    for (let i = 0; i + 1 < points.length; i += 2) {
      if (!Number.isFinite(points[i]! + points[i + 1]!)) continue;
      const [x, y] = [at(points[i]!), size - 1 - at(points[i + 1]!)];
      for (let dy = -2; dy <= 2; dy++) {
        for (let dx = -2; dx <= 2; dx++) {
          if (dx * dx + dy * dy <= 5) pixels.set(ink, 3 * ((y + dy) * size + x + dx));
        }
      }
    }
  };
  draw(reference, referenceInk);
  draw(samples, sampleInk);
  const png = encode({ width: size, height: size, data: pixels, depth: 8, channels: 3 });
  return { png, columns: 1, rows: 1, width: size, height: size };
}

function range(values: Float32Array): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low < high) return [low, high];
  return low === high ? [low - 1, low + 1] : [-1, 1];
}

/** Nearly square, and without a hole at the end where a grid of at most two to one can do without. */
function gridColumns(count: number): number {
  const square = Math.ceil(Math.sqrt(count));
  for (let columns = square; columns * columns <= 2 * count; columns++) if (count % columns === 0) return columns;
  return square;
}
