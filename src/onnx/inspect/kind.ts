import type { ModelHeader, PortInfo } from '../header';
import type { NetworkPorts } from '../ports';
import type { Sizes } from './sizes';

export type Kind = 'unet' | 'transformer' | 'edm' | 'vae-encoder' | 'vae-decoder' | 'perceptual' | 'mlp' | 'unknown';

interface Guess {
  readonly kind: Kind;
  /** What it was told by. */
  readonly reason: string;
}

type Header = Pick<ModelHeader, 'inputs' | 'outputs' | 'operators'>;

/**
 * What kind of network a file holds, by its ports and operators. Names in a file prove nothing, so it is a guess.
 *
 * @param header with the operators of local functions among them
 * @param outputs shapes of the outputs, null where not known
 */
export function guessKind(
  header: Header,
  ports: NetworkPorts | null,
  outputs: ReadonlyMap<string, readonly (number | null)[]>,
  sizes: Sizes,
): Guess {
  if (ports !== null) return guessDenoiser(header, ports);
  const images = header.inputs.filter(({ shape }) => shape?.length === 4 || shape?.length === 5);
  const [first, second] = images;
  if (images.length !== header.inputs.length || first === undefined) {
    return { kind: 'unknown', reason: 'its ports are not those of a denoiser, and not all inputs are images' };
  }
  if (images.length === 2 && second && header.outputs.every((port) => isSmall(port, outputs))) {
    return { kind: 'perceptual', reason: `two images in ("${first.name}", "${second.name}"), numbers per sample out` };
  }
  if (images.length > 1) return { kind: 'unknown', reason: `${images.length} images in, and no time` };
  return guessFromSizes(header, first, outputs, sizes);
}

/** One image, or one video, in and no time: by whether it grows or shrinks. */
function guessFromSizes(
  header: Header,
  image: PortInfo,
  outputs: ReadonlyMap<string, readonly (number | null)[]>,
  sizes: Sizes,
): Guess {
  const given = sizes.inputs.get(image.name) ?? [];
  const side = given.at(-1);
  const made = header.outputs.map(({ name }) => outputs.get(name) ?? []);
  const [result] = made;
  if (made.length > 2) {
    return { kind: 'perceptual', reason: `an image in ("${image.name}"), ${made.length} tensors of features out` };
  }
  if (made.every((shape) => shape.length === 1 || shape.length === 2)) {
    return { kind: 'perceptual', reason: `an image in ("${image.name}"), vectors out: features, or a classifier` };
  }
  const out = result?.at(-1);
  if (side === undefined || result?.length !== given.length || typeof out !== 'number') {
    return { kind: 'unknown', reason: `an image in ("${image.name}"), no image out, and no time` };
  }
  const change = `one ${given.length === 4 ? 'image' : 'video'} in, no time, and its side goes from ${side} to ${out}`;
  if (out > side) return { kind: 'vae-decoder', reason: change };
  return out < side ? { kind: 'vae-encoder', reason: change } : { kind: 'unknown', reason: change };
}

const bodies: Partial<Record<Kind, string>> = { unet: 'a UNet', transformer: 'a transformer', mlp: 'an MLP' };

function guessDenoiser(header: Header, ports: NetworkPorts): Guess {
  const body = guessBody(header, ports);
  if (!isSigma(ports.timestep)) return body;
  const inside = bodies[body.kind];
  return {
    kind: 'edm',
    reason: `its time is a noise level ("${ports.timestep}") and its output is "${ports.output}"${inside ? `; inside is ${inside} (${body.reason})` : ''}`,
  };
}

/** Exporters keep the argument names of EDM's code: sigma, sometimes noise_level. */
const isSigma = (name: string): boolean => /^(sigmas?|noise_?levels?)$/i.test(name);

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function guessBody({ operators, inputs }: Header, ports: NetworkPorts): Guess {
  const count = (...names: readonly string[]): number => names.reduce((sum, name) => sum + (operators[name] ?? 0), 0);
  const convolutions = count('Conv', 'com.microsoft.FusedConv', 'com.microsoft.NhwcConv');
  const attention = count('Softmax', 'Attention', 'com.microsoft.Attention', 'com.microsoft.MultiHeadAttention');
  const matrices = count('MatMul', 'Gemm', 'com.microsoft.FusedMatMul');
  const upsampling = count('Resize', 'Upsample', 'ConvTranspose', 'DepthToSpace');
  const skips = count('Concat');
  const ends = `a sample ("${ports.sample}") and a time ("${ports.timestep}") in`;
  if (convolutions > 4 && upsampling > 0 && skips > 0) {
    return { kind: 'unet', reason: `${ends}, ${convolutions} convolutions with upsampling and concatenations` };
  }
  const isPoint = inputs.find(({ name }) => name === ports.sample)?.shape?.length === 2;
  if (attention > 0 && matrices > convolutions && !isPoint) {
    const parts = [
      plural(attention, 'attention'),
      plural(matrices, 'matrix product'),
      plural(convolutions, 'convolution'),
    ];
    return { kind: 'transformer', reason: `${ends}, ${parts.join(', ')}` };
  }
  if (matrices > 0 && convolutions === 0 && isPoint) {
    return { kind: 'mlp', reason: `${ends}, matrix products and no convolutions` };
  }
  return { kind: 'unknown', reason: `${ends}, but neither the body of a UNet nor that of a transformer` };
}

/** One number, or a few, for each sample. */
function isSmall(port: PortInfo, outputs: ReadonlyMap<string, readonly (number | null)[]>): boolean {
  const shape = outputs.get(port.name) ?? port.shape ?? [];
  return shape.slice(1).every((size) => size === 1);
}

/** What the output of a denoiser means in terms of `prediction_type` of solver.yaml. */
export function guessPrediction(
  kind: Kind,
  ports: NetworkPorts | null,
  sizes: Sizes,
  outputs: ReadonlyMap<string, readonly (number | null)[]>,
): string | null {
  if (ports === null) return null;
  if (kind === 'edm') {
    return `sample, with noise_schedule type edm: the time is a noise level ("${ports.timestep}"), so the preconditioning is probably inside`;
  }
  const [channels, made] = [sizes.inputs.get(ports.sample)?.[1], outputs.get(ports.output)?.[1]];
  const variance =
    channels !== undefined && made === 2 * channels
      ? '; the output has twice the channels of the sample, so a variance comes with it'
      : '';
  return `epsilon or v_prediction (flow_prediction for a flow model): the file does not say, look at how it was trained${variance}`;
}
