import { OnnxError } from './errors';
import type { ModelHeader, PortInfo } from './header';

/** Which of a network's ports is which. */
export interface NetworkPorts {
  readonly sample: string;
  readonly timestep: string;
  /** Present when the network takes class labels. */
  readonly classLabels?: string;
  readonly output: string;
}

const knownNames: Readonly<Record<keyof NetworkPorts, readonly string[]>> = {
  sample: ['sample', 'x', 'x_t', 'latent', 'latents', 'hidden_states', 'noisy_sample', 'input', 'image'],
  timestep: ['timestep', 'timesteps', 't', 'time', 'sigma', 'noise_labels', 'c_noise'],
  classLabels: ['class_labels', 'class_label', 'labels', 'label', 'y', 'classes'],
  output: ['out_sample', 'output', 'noise_pred', 'eps', 'epsilon', 'denoised', 'sample_out', 'v', 'out'],
};

const isFloatPort = (port: PortInfo): boolean => port.dtype.includes('float');
const rank = (port: PortInfo): number | undefined => port.shape?.length;

/**
 * Finds out which port is which: what is given wins, then the names exporters use, then the only port whose type and
 * rank fit (a float of rank two or more is a sample; rank zero or one is a time; integers of rank one are labels).
 *
 * @throws OnnxError (`ports`) that names the candidates when none or several fit
 */
export function guessPorts(header: ModelHeader, given: Partial<NetworkPorts> = {}): NetworkPorts {
  const taken = new Set<string>();
  const pick = (
    role: keyof NetworkPorts,
    ports: readonly PortInfo[],
    fits: (port: PortInfo) => boolean,
  ): string | undefined => {
    const wanted = given[role];
    const free = ports.filter((port) => !taken.has(port.name));
    const fitting = free.filter(fits);
    const byName = knownNames[role].map((name) => fitting.find((port) => port.name.toLowerCase() === name));
    const found =
      wanted ??
      byName.find((port) => port !== undefined)?.name ??
      (fitting.length === 1 ? fitting[0]?.name : undefined);
    if (wanted !== undefined && !ports.some((port) => port.name === wanted)) {
      throw new OnnxError('ports', `The model has no port "${wanted}" for ${role}; it has ${list(ports)}.`);
    }
    if (found !== undefined) taken.add(found);
    return found;
  };
  const need = (role: keyof NetworkPorts, name: string | undefined, ports: readonly PortInfo[]): string => {
    if (name !== undefined) return name;
    throw new OnnxError(
      'ports',
      `Cannot tell which port of the model is its ${role}: the candidates are ${list(ports)}; name one in solver.yaml.`,
    );
  };
  const { inputs, outputs } = header;
  const sample = pick('sample', inputs, (port) => isFloatPort(port) && (rank(port) ?? 2) >= 2);
  const timestep = pick(
    'timestep',
    inputs,
    (port) => (rank(port) ?? 1) <= 1 || knownNames.timestep.includes(port.name),
  );
  const classLabels = pick('classLabels', inputs, (port) =>
    isFloatPort(port)
      ? rank(port) === 2 && knownNames.classLabels.includes(port.name.toLowerCase())
      : (rank(port) ?? 1) === 1,
  );
  const sampleRank = inputs.find((port) => port.name === sample)?.shape?.length;
  taken.clear();
  const output = pick('output', outputs, (port) => isFloatPort(port) && (rank(port) ?? sampleRank) === sampleRank);
  return {
    sample: need('sample', sample, inputs),
    timestep: need('timestep', timestep, inputs),
    output: need('output', output, outputs),
    ...(classLabels !== undefined && { classLabels }),
  };
}

/** `"sample" (float32 [batch, 3, 8, 8]), …` */
function list(ports: readonly PortInfo[]): string {
  if (ports.length === 0) return 'none';
  return ports
    .map(
      (port) =>
        `"${port.name}" (${port.dtype} ${port.shape ? `[${port.shape.map((dim) => dim ?? '?').join(', ')}]` : 'of unknown rank'})`,
    )
    .join(', ');
}
