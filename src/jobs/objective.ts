import type { ObjectiveConfig } from '../config';
import type { Objective } from '../learn/objective';
import { l1, l2, pseudoHuber } from '../learn/objectives/distance';
import type { Distance } from '../learn/objectives/distance';
import { endpoint } from '../learn/objectives/endpoint';
import { composed } from '../learn/objectives/network-map';
import type { NetworkMap } from '../learn/objectives/network-map';
import { trajectory } from '../learn/objectives/trajectory';
import { weighted } from '../learn/objectives/weighted';
import type { PairSet } from '../learn/pairs';
import { ImageNetwork } from '../runtime/image-network';
import { mappedTargets } from './mapped-targets';
import type { Named } from './mapped-targets';
import type { RunContext } from './run-context';
import { readSampleWeights } from './sample-weights';
import { UserError } from './user-error';

export interface OpenObjective {
  readonly objective: Objective;
  /** What its losses are called: `mse`, `LPIPS`, … */
  readonly lossName: string;
  /** Gives pairs what does not change while learning: weights, and what networks make of the targets. */
  prepare(pairs: PairSet, split: 'train' | 'validation'): Promise<PairSet>;
  /** Closes the networks that the objective looks through. */
  release(): Promise<void>;
}

/** What the config asks learning to make small. Errors of its files and networks come before any sample is made. */
export async function openObjective(context: RunContext): Promise<OpenObjective> {
  const { config, model, signal } = context;
  const given = config.objective;
  const networks: ImageNetwork[] = [];
  const release = async (): Promise<void> => {
    for (const network of networks) await network.release();
  };
  try {
    const weights = await readSampleWeights(config, model.conditioning.count);
    const decoder = given.space === 'decoded' ? await openDecoder(context, networks) : null;
    const { distance, features, measure } = await openDistance(context, decoder?.imageShape, networks);
    const maps = [decoder?.map, features].filter((map) => map !== undefined);
    const map = maps.length > 0 ? maps.map(({ network }) => network).reduce(composed) : undefined;
    const measured = endpoint(distance, map);
    const weight = given.trajectory_weight;
    const drawn = weight > 0 ? trajectory(measured, model.schedule, weight) : measured;
    const objective = weights ? weighted(drawn) : drawn;
    requireGradient(context, objective, networks);
    const prepare = async (pairs: PairSet, split: 'train' | 'validation'): Promise<PairSet> => {
      const own = weights?.of(pairs, split);
      const mapped = maps.length > 0 || measure ? await mappedTargets(pairs, maps, measure, signal) : undefined;
      return { ...pairs, ...(own && { weights: own }), ...(mapped && { mappedTargets: mapped }) };
    };
    return { objective, lossName: lossName(given), prepare, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** What the losses of an objective are called: `mse` is the one that the teacher's own error is measured in, too. */
export function lossName({ distance, space, sample_weights: weights }: ObjectiveConfig): string {
  return `${weights === null ? '' : 'weighted '}${distanceNames[distance]}${space === 'decoded' ? ' of decoded images' : ''}`;
}

const distanceNames: Readonly<Record<ObjectiveConfig['distance'], string>> = {
  l2: 'mse',
  l1: 'L1',
  pseudo_huber: 'pseudo-Huber',
  features: 'feature mse',
  lpips: 'LPIPS',
};

/** The VAE decoder as a map, and the shape of its images. */
async function openDecoder(
  { config, model, signal }: RunContext,
  networks: ImageNetwork[],
): Promise<{ map: Named<NetworkMap>; imageShape: readonly number[] }> {
  const { decoder } = model;
  const shape = config.model.sample_shape;
  if (!decoder) {
    throw new UserError(
      'no-decoder',
      `objective.space decoded needs vae_decoder/model.onnx in the model folder, and ${config.model.path} has none; export it too, or set objective.space to sample.`,
    );
  }
  const network = await decoder.differentiable(shape);
  networks.push(network);
  const dim = shape.reduce((product, size) => product * size, 1);
  const { shape: imageShape } = await decoder.decode(new Float32Array(dim), shape, signal);
  return {
    imageShape,
    map: {
      name: `The VAE decoder of ${config.model.path}`,
      advice: 'model.sample_shape',
      network: {
        // The pictures' session; the network's own would be a second copy of its weights.
        map: async (values, _, mapSignal) => (await decoder.decode(values, shape, mapSignal)).values,
        ...(network.gradientProblem === null && { vjp: pullBackOf(network) }),
      },
    },
  };
}

/** How values are compared, and through which network before that. */
async function openDistance(
  { config, model }: RunContext,
  shape: readonly number[] = config.model.sample_shape,
  networks: ImageNetwork[],
): Promise<{ distance: Distance; features?: Named<NetworkMap>; measure?: Named<Distance> }> {
  const { distance, huber_c: c, network: path, ...options } = config.objective;
  if (distance === 'l2') return { distance: l2 };
  if (distance === 'l1') return { distance: l1 };
  if (distance === 'pseudo_huber') return { distance: pseudoHuber(c) };
  if (path === null) {
    throw new UserError('config', `objective.distance ${distance} needs objective.network, an ONNX file.`);
  }
  const network = await ImageNetwork.open(
    path,
    {
      images: distance === 'features' ? 1 : 2,
      sampleShape: shape,
      ...(options.network_output !== null && { output: options.network_output }),
      ...(options.network_size !== null && { size: options.network_size }),
      ...(options.network_range === 'unit' && { scale: 0.5, shift: 0.5 }),
    },
    model.device.used,
  );
  networks.push(network);
  const hasGradient = network.gradientProblem === null;
  const named = {
    name: `${path} (objective.network)`,
    advice: 'objective.network_range and objective.network_output',
  };
  if (distance === 'features') {
    const map: NetworkMap['map'] = (values, count, signal) => network.run([values], count, signal);
    return { distance: l2, features: { ...named, network: { map, ...(hasGradient && { vjp: pullBackOf(network) }) } } };
  }
  const compared: Distance = {
    losses: async (values, targets, count, signal) =>
      Float64Array.from(await network.run([values, targets], count, signal)),
    ...(hasGradient && {
      gradient: async (values, targets, count, signal) => {
        const ones = new Float32Array(count).fill(1);
        const { output, gradient } = await network.pullBack([values, targets], ones, count, signal);
        return { losses: Float64Array.from(output), gradient };
      },
    }),
  };
  return { distance: compared, measure: { ...named, network: compared } };
}

function pullBackOf(network: ImageNetwork): NonNullable<NetworkMap['vjp']> {
  return async (values, cotangent, count, signal) =>
    (await network.pullBack([values], cotangent, count, signal)).gradient;
}

/** Says what an objective without a gradient rules out; differences of the network do without one. */
function requireGradient(
  { config, folder }: RunContext,
  objective: Objective,
  networks: readonly ImageNetwork[],
): void {
  if (objective.gradient) return;
  const problem = networks.map(({ gradientProblem }) => gradientProblem).find((text) => text !== null) ?? '';
  const { distance, relax_radius: radius } = config.objective;
  if (config.training.optimizer === 'adam') {
    const advice =
      distance === 'lpips'
        ? 'The distance lpips cannot be learned without it; use another network, or the distance features.'
        : 'Set training.optimizer to gauss_newton, which needs no gradient.';
    throw new UserError('no-gradient', `${problem} ${advice}`);
  }
  if (typeof radius === 'number' && radius > 0) {
    throw new UserError('no-gradient', `${problem} Set objective.relax_radius to 0: moving noises needs the gradient.`);
  }
  if (radius === 0) return;
  folder.emit({
    kind: 'warning',
    code: 'no-gradient',
    message: `${problem} Learning goes on with differences of the network; the start noises stay fixed.`,
  });
}
