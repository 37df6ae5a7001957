import { GraphBuilder } from './builder';
import type { Shape } from './dims';
import { DataType } from './dtype';
import type { NodeProto } from './generated/onnx_pb';
import { isDefaultDomain, type OnnxModel } from './model';

/** Makes a constant of constants. */
const foldable: ReadonlySet<string> = new Set('Constant Unsqueeze Squeeze Reshape Identity Cast'.split(' '));

/**
 * Writes x·w + b with constants w and b for each channel, the end of every exported group norm, as one batch norm with
 * mean zero and variance one: one pass over the image instead of two, in the forward pass and where it is computed
 * again. Products that nothing else reads are left for the schedule to drop.
 */
export function fuseChannelAffine(model: OnnxModel): OnnxModel {
  const b = new GraphBuilder(model);
  b.includeInputs(model.graph);
  b.includeValues(model.graph);
  let fused = false;
  const made = new Set<string>();
  const isConstant = (value: string): boolean => value === '' || b.isInitialiser(value) || made.has(value);
  for (const node of model.graph.node) {
    if (foldable.has(node.opType) && node.input.every(isConstant)) for (const name of node.output) made.add(name);
    const parts = isDefaultDomain(node.domain) && node.opType === 'Add' ? affineParts(b, node, isConstant) : undefined;
    if (parts === undefined) {
      b.addNode(node);
      continue;
    }
    fused = true;
    const { x, scale, bias, channels } = parts;
    const vector = (value: number) => b.floats([channels], Array<number>(channels).fill(value), b.typeOf(x));
    const flat = (value: string) => b.reshape(value, [-1]);
    const inputs = [x, flat(scale), flat(bias), vector(0), vector(1)];
    b.alias(b.emit('BatchNormalization', inputs, { epsilon: { float: 0 } }), node.output[0] ?? '');
  }
  if (!fused) return model;
  for (const output of model.graph.output) b.addOutputPort(output);
  return b.build(model.label);
}

type IsConstant = (value: string) => boolean;

interface AffineParts {
  readonly x: string;
  readonly scale: string;
  readonly bias: string;
  readonly channels: number;
}

function affineParts(b: GraphBuilder, add: NodeProto, isConstant: IsConstant): AffineParts | undefined {
  const [product, bias] = constantLast(add, isConstant);
  const mul = b.producerOf(product);
  if (mul?.opType !== 'Mul' || !isDefaultDomain(mul.domain) || b.sourceReadersOf(product).length !== 1)
    return undefined;
  const [x, scale] = constantLast(mul, isConstant);
  const shape = b.shapeOf(x);
  const channels = shape?.[1];
  if (!shape || shape.length < 3 || typeof channels !== 'number') return undefined;
  if (b.factsOf(x).type !== DataType.FLOAT || isConstant(x)) return undefined;
  const fits = [scale, bias].every(
    (value) => isConstant(value) && isPerChannel(b.shapeOf(value), shape.length, channels),
  );
  return fits ? { x, scale, bias, channels } : undefined;
}

/** The two inputs, a constant one behind the other. */
function constantLast({ input }: NodeProto, isConstant: IsConstant): [string, string] {
  const [first = '', second = ''] = input;
  return isConstant(first) ? [second, first] : [first, second];
}

/** [C, 1, 1] or [1, C, 1, 1] beside an image [N, C, H, W]. */
function isPerChannel(shape: Shape | null, rank: number, channels: number): boolean {
  if (shape === null || shape.length < rank - 1 || shape.length > rank) return false;
  return shape.every((dim, i) => dim === (i + rank - shape.length === 1 ? channels : 1));
}
