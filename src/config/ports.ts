/** An input or output of an ONNX file as plain data. */
export interface PortFact {
  readonly name: string;
  /** `float32`, `float16`, `int64`, … */
  readonly dtype: string;
  /** A number for a fixed axis, a name or null for a free one; null when the file does not say. */
  readonly shape: readonly (number | string | null)[] | null;
}

export type PortRole = 'sample' | 'timestep' | 'class_labels';

/** Names that exporters give to the inputs of a denoiser, most telling first. */
const usualNames: Readonly<Record<PortRole, readonly string[]>> = {
  sample: [
    'sample',
    'x',
    'x_t',
    'xt',
    'latent',
    'latents',
    'noisy_sample',
    'noisy_latents',
    'hidden_states',
    'input',
    'image',
    'images',
  ],
  timestep: ['timestep', 'timesteps', 't', 'time', 'sigma', 'sigmas', 'noise_level', 'noise_labels', 'c_noise'],
  class_labels: ['class_labels', 'class_label', 'labels', 'label', 'y', 'classes', 'class'],
};

const floats: ReadonlySet<string> = new Set(['float32', 'float16', 'bfloat16', 'float64']);
const integers: ReadonlySet<string> = new Set(['int64', 'int32', 'int16', 'int8', 'uint8']);

function plausible(role: PortRole, port: PortFact, sampleRank: number): boolean {
  const rank = port.shape?.length;
  switch (role) {
    case 'sample':
      return floats.has(port.dtype) && (rank === undefined || rank === sampleRank + 1);
    case 'timestep':
      return (floats.has(port.dtype) || integers.has(port.dtype)) && (rank === undefined || rank <= 2);
    case 'class_labels':
      return integers.has(port.dtype) && (rank === undefined || rank <= 2);
  }
}

export interface FoundPorts {
  readonly sample?: PortFact;
  readonly timestep?: PortFact;
  readonly class_labels?: PortFact;
  /** Inputs that nothing fills. */
  readonly others: readonly PortFact[];
}

/**
 * Which input takes what: a given name first, then the usual names, then the only input left whose type and rank fit.
 * Integer inputs are taken for the time only by name, so that a lone label input is not.
 */
export function findPorts(
  inputs: readonly PortFact[],
  sampleShape: readonly number[],
  given: Readonly<Partial<Record<PortRole, string | undefined>>> = {},
): FoundPorts {
  const found: Partial<Record<PortRole, PortFact>> = {};
  const taken = new Set<PortFact>();
  const take = (role: PortRole, port: PortFact | undefined) => {
    if (port === undefined || found[role] !== undefined) return;
    found[role] = port;
    taken.add(port);
  };
  const roles: readonly PortRole[] = ['sample', 'timestep', 'class_labels'];
  for (const role of roles)
    take(
      role,
      inputs.find((port) => port.name === given[role]),
    );
  for (const role of roles) {
    if (given[role] !== undefined) continue;
    const named = usualNames[role].flatMap(
      (name) => inputs.find((port) => port.name.toLowerCase() === name && !taken.has(port)) ?? [],
    );
    // A usual name with an impossible type is kept back: its wrong type is then reported under that name.
    take(role, named.find((port) => plausible(role, port, sampleShape.length)) ?? named[0]);
  }
  for (const role of roles) {
    if (given[role] !== undefined) continue;
    const left = inputs.filter((port) => !taken.has(port) && plausible(role, port, sampleShape.length));
    const fitting = role === 'timestep' ? left.filter((port) => floats.has(port.dtype)) : left;
    if (fitting.length === 1) take(role, fitting[0]);
  }
  return { ...found, others: inputs.filter((port) => !taken.has(port)) };
}

export function isFloat(port: PortFact): boolean {
  return floats.has(port.dtype);
}

export function isInteger(port: PortFact): boolean {
  return integers.has(port.dtype);
}

/** For example `float32[batch, 1, 32, 32]`. */
export function portText(port: PortFact): string {
  const shape = port.shape === null ? '' : `[${port.shape.map((axis) => axis ?? '?').join(', ')}]`;
  return `${port.dtype}${shape}`;
}
