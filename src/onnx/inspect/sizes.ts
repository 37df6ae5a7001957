import { isStatic, type Shape } from '../dims';
import { OnnxError } from '../errors';
import type { ModelHeader, PortInfo } from '../header';

/** Sizes of everything that a model leaves open, so that FLOPs and memory are numbers. */
export interface Sizes {
  /** Shapes of the inputs; inputs of unknown rank that nobody gave a shape are missing. */
  readonly inputs: ReadonlyMap<string, readonly number[]>;
  /** Values of the named dimensions. */
  readonly symbols: ReadonlyMap<string, number>;
  /** What was assumed, for the reader. */
  readonly notes: readonly string[];
}

/** Height and width of a sample, when neither the file nor the caller says: a latent of a 512-pixel image. */
const defaultSize = 64;
/** Tokens of a conditioning sequence: what CLIP's text encoder gives. */
const defaultTokens = 77;

/**
 * Chooses a size for each dynamic dimension: the given shapes, then batch 1, 77 for a sequence of tokens and 64 for
 * anything else. A named dimension has one size wherever it occurs.
 *
 * @param given shapes by input name
 * @throws OnnxError (`ports`) when a given shape does not fit the model
 */
export function chooseSizes(header: ModelHeader, given: ReadonlyMap<string, readonly number[]>): Sizes {
  const symbols = new Map<string, number>();
  for (const [name, shape] of given) bindGiven(header, name, shape, symbols);
  const inputs = new Map<string, readonly number[]>();
  const assumed: string[] = [];
  for (const port of header.inputs) {
    const sizes = given.get(port.name) ?? port.shape?.map((dim, axis) => sizeOf(port, dim, axis, symbols, assumed));
    if (sizes !== undefined) inputs.set(port.name, sizes);
  }
  const unknown = header.inputs.filter(({ name }) => !inputs.has(name)).map(({ name }) => name);
  return {
    inputs,
    symbols,
    notes: [
      ...(assumed.length > 0
        ? [
            `The file leaves sizes open; assumed here: ${assumed.join(', ')}. Set them with --shape ${example(header, inputs)}.`,
          ]
        : []),
      ...unknown.map((name) => `The number of dimensions of "${name}" is not in the file; give it with --shape.`),
    ],
  };
}

function bindGiven(header: ModelHeader, name: string, shape: readonly number[], symbols: Map<string, number>): void {
  const port = header.inputs.find((input) => input.name === name);
  if (port === undefined) {
    const names = header.inputs.map((input) => input.name).join(', ');
    throw new OnnxError('ports', `--shape names "${name}", but the inputs of the model are ${names}.`);
  }
  const text = shape.join('x');
  if (port.shape !== null && port.shape.length !== shape.length) {
    const wanted = `${port.shape.length} dimensions (${port.shape.map((dim) => dim ?? '?').join(', ')})`;
    throw new OnnxError(
      'ports',
      `--shape ${name}=${text} has ${shape.length} dimensions, but "${name}" has ${wanted}.`,
    );
  }
  port.shape?.forEach((dim, axis) => {
    const size = shape[axis] ?? 0;
    const fixed = typeof dim === 'string' ? symbols.get(dim) : dim;
    if (typeof fixed === 'number' && fixed !== size) {
      const what = typeof dim === 'string' ? `"${dim}" (dimension ${axis})` : `dimension ${axis}`;
      throw new OnnxError('ports', `--shape ${name}=${text} has ${size} for ${what}, which is ${fixed}.`);
    }
    if (typeof dim === 'string') symbols.set(dim, size);
  });
}

function sizeOf(
  port: PortInfo,
  dim: Shape[number],
  axis: number,
  symbols: Map<string, number>,
  assumed: string[],
): number {
  if (typeof dim === 'number') return dim;
  const known = dim === null ? undefined : evaluate(dim, symbols);
  if (known !== undefined) return known;
  const rank = port.shape?.length ?? 0;
  const isBatch = axis === 0 || /batch/i.test(dim ?? '');
  const isSequence = /seq|token|text|length/i.test(dim ?? '') || (rank === 3 && axis === 1);
  const size = isBatch ? 1 : isSequence ? defaultTokens : defaultSize;
  if (dim !== null) symbols.set(dim, size);
  if (!isBatch) assumed.push(`${dim ?? `dimension ${axis} of "${port.name}"`} = ${size}`);
  return size;
}

/** The value of a dimension such as `batch` or `2*batch`. */
export function evaluate(dim: string, symbols: ReadonlyMap<string, number>): number | undefined {
  let product = symbols.get(dim);
  if (product !== undefined) return product;
  product = 1;
  for (const part of dim.split('*')) {
    const factor = /^\d+$/.test(part) ? Number(part) : symbols.get(part);
    if (factor === undefined) return undefined;
    product *= factor;
  }
  return product;
}

/** What to type for the first input that leaves more than its batch open. */
function example(header: ModelHeader, inputs: ReadonlyMap<string, readonly number[]>): string {
  const port = header.inputs.find(({ shape }) => shape !== null && !isStatic(shape.slice(1)));
  return port ? `${port.name}=${inputs.get(port.name)?.join('x') ?? ''}` : 'NAME=1x4x64x64';
}
