import { intAttribute, intsAttribute, stringAttribute } from './attributes';
import type { Shape } from './dims';
import { DataType, dtypeName } from './dtype';
import { OnnxError } from './errors';
import type { NodeProto } from './generated/onnx_pb';
import { describeNode, isDefaultDomain, locate } from './model';
import { constantElements, type ValueFacts } from './shapes';

/** How many inputs an operator needs, where it is not one; Reshape, Slice and others had fewer in old operator sets. */
const requiredInputs = new Map<string, number>([
  ...'Constant RandomNormal RandomUniform EyeLike Optional SequenceEmpty Loop Scan'.split(' ').map(zero),
  ...(
    'Add Sub Mul Div Pow MatMul Gemm Conv ConvTranspose Expand Gather GatherElements GatherND Equal Less Greater And Or ' +
    'Xor PRelu LessOrEqual GreaterOrEqual CastLike CumSum Range LayerNormalization RMSNormalization BitShift Mod'
  )
    .split(' ')
    .map((name): [string, number] => [name, 2]),
  ...'Where ScatterND ScatterElements OneHot InstanceNormalization GroupNormalization Attention'
    .split(' ')
    .map((name): [string, number] => [name, 3]),
  ['BatchNormalization', 5],
]);

function zero(name: string): [string, number] {
  return [name, 0];
}

/** The fewest dimensions of the first input. */
const leastRank = new Map<string, number>([
  ...'MatMul Concat Split Gather GatherElements GatherND ScatterElements ScatterND Softmax LogSoftmax Hardmax CumSum'
    .split(' ')
    .map((name): [string, number] => [name, 1]),
  ...'Gemm BatchNormalization InstanceNormalization GroupNormalization Trilu'
    .split(' ')
    .map((name): [string, number] => [name, 2]),
  ...'Conv ConvTranspose MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool'
    .split(' ')
    .map((name): [string, number] => [name, 3]),
  ...'DepthToSpace SpaceToDepth GridSample AffineGrid'.split(' ').map((name): [string, number] => [name, 4]),
]);

/** Operators whose second input must have dimensions, too. */
const pairs: ReadonlySet<string> = new Set('MatMul Gemm Conv ConvTranspose'.split(' '));

const withAxis: ReadonlySet<string> = new Set(
  (
    'Softmax LogSoftmax Hardmax Concat Split Gather GatherElements ScatterElements LayerNormalization RMSNormalization ' +
    'LpNormalization ArgMax ArgMin Compress'
  ).split(' '),
);

/** More groups, heads or pixels of a block than any network has; rules write constants of such lengths. */
const mostGroups = 2 ** 20;

/** Inputs that hold sizes, positions or axes. */
const integerInputs = new Map<string, readonly number[]>([
  ...'Reshape Expand Tile Squeeze Unsqueeze Split CumSum'.split(' ').map((name): [string, number[]] => [name, [1]]),
  ['Pad', [1, 3]],
  ['Slice', [1, 2, 3, 4]],
  ['ConstantOfShape', [0]],
  ['Resize', [3]],
]);

const windowed: ReadonlySet<string> = new Set('Conv ConvTranspose MaxPool AveragePool LpPool'.split(' '));

/**
 * What gradient rules take for granted about a node of the file: inputs that the operator needs are there, their ranks and
 * the axes, permutations, strides and sizes named in attributes fit each other, as far as shapes are known.
 *
 * @throws OnnxError `invalid-graph`
 */
export function checkNode(node: NodeProto, inputs: readonly ValueFacts[], label: string): void {
  if (!isDefaultDomain(node.domain)) return;
  const fail = (what: string): never => {
    const message = `${label}: ${describeNode(node)} ${what}; export the model again.`;
    throw new OnnxError('invalid-graph', message, locate(node));
  };
  const required = requiredInputs.get(node.opType) ?? 1;
  for (let i = 0; i < required; i++) if ((node.input[i] ?? '') === '') fail(`lacks its ${ordinals[i]} input`);
  for (const i of integerInputs.get(node.opType) ?? (node.opType.startsWith('Reduce') ? [1] : [])) {
    const type = inputs[i]?.type ?? DataType.UNDEFINED;
    if (![DataType.UNDEFINED, DataType.INT64, DataType.INT32].includes(type)) {
      fail(`needs integers as its ${ordinals[i]} input, not ${dtypeName(type)}`);
    }
  }
  const shape = inputs[0]?.shape ?? null;
  checkRanks(node.opType, inputs, fail);
  if (shape !== null) {
    checkAxes(node, inputs, shape, fail);
    checkLengths(node, inputs, shape.length, fail);
  }
  if (windowed.has(node.opType)) checkWindow(node, inputs, fail);
  for (const name of ['blocksize', 'num_groups', 'group', 'num_heads']) {
    const count = intAttribute(node, name, 1);
    if (!(count >= 1 && count <= mostGroups)) fail(`has ${name} ${count}, which must be from 1 to ${mostGroups}`);
  }
  if (node.opType === 'Split') checkSplit(node, inputs, shape, fail);
  if (node.opType === 'Einsum') {
    const operands = stringAttribute(node, 'equation', '').split('->')[0]?.split(',').length;
    if (operands !== node.input.length)
      fail(`has an equation for ${operands} operands, but ${node.input.length} inputs`);
  }
}

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth'];

type Fail = (what: string) => never;

function checkRanks(operator: string, inputs: readonly ValueFacts[], fail: Fail): void {
  const least = leastRank.get(operator) ?? 0;
  const checked = pairs.has(operator) ? inputs.slice(0, 2) : inputs.slice(0, 1);
  checked.forEach(({ shape }, i) => {
    if (shape !== null && shape.length < least) {
      fail(`needs at least ${least} dimensions in its ${ordinals[i]} input, which has ${shape.length}`);
    }
  });
}

/** One axis, several axes (an attribute, or later an input), and permutations. */
function checkAxes(node: NodeProto, inputs: readonly ValueFacts[], shape: Shape, fail: Fail): void {
  const { opType } = node;
  const inRange = (axis: number, rank: number): void => {
    if (!(axis >= -rank && axis < rank)) fail(`names axis ${axis} of a value with ${rank} dimensions`);
  };
  if (withAxis.has(opType) && node.attribute.some(({ name }) => name === 'axis')) {
    inRange(intAttribute(node, 'axis', 0), shape.length);
  }
  if (opType.startsWith('Reduce') || opType === 'Squeeze' || opType === 'Unsqueeze') {
    const axes = intsAttribute(node, 'axes') ?? (inputs[1] && constantElements(inputs[1])) ?? [];
    const rank = shape.length + (opType === 'Unsqueeze' ? axes.length : 0);
    for (const axis of axes) inRange(axis, rank);
    if (new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis))).size < axes.length) fail('names an axis twice');
  }
  const perm = opType === 'Transpose' ? intsAttribute(node, 'perm') : undefined;
  if (perm && (perm.length !== shape.length || !shape.every((_, axis) => perm.includes(axis)))) {
    fail(`has perm [${perm.slice(0, 20).join(', ')}], which is no order of ${shape.length} axes`);
  }
}

/** Vectors that have an entry for each axis: of the value, or of the axes that another vector names. */
function checkLengths(
  { opType, attribute, input }: NodeProto,
  inputs: readonly ValueFacts[],
  rank: number,
  fail: Fail,
): void {
  const expect = (index: number, what: string, length: number | null): void => {
    const vector = inputs[index]?.shape;
    if (vector && vector.length !== 1) fail(`has ${what} with ${vector.length} dimensions, which must be a list`);
    const found = vector?.[0];
    if (typeof found === 'number' && length !== null && found !== length) {
      fail(`has ${found} ${what} where ${length} are needed`);
    }
  };
  /** How many axes a vector of axes names; all where it is left out. */
  const axesIn = (index: number): number | null => {
    if ((input[index] ?? '') === '') return rank;
    const count = inputs[index]?.shape?.[0];
    return typeof count === 'number' ? count : null;
  };
  if (opType === 'Pad') {
    const axes = axesIn(3);
    expect(1, 'pads', axes && 2 * axes);
    const pads = attribute.find(({ name }) => name === 'pads')?.ints.length;
    if (pads !== undefined && pads !== 2 * rank) fail(`has ${pads} pads where ${2 * rank} are needed`);
  } else if (opType === 'Tile') {
    expect(1, 'repeats', rank);
  } else if (opType === 'Slice' && inputs.length > 1) {
    const starts = inputs[1]?.shape?.[0] ?? null;
    if (typeof starts !== 'number') return;
    if (starts > rank) fail(`slices ${starts} axes of a value with ${rank} dimensions`);
    for (const index of [2, 3, 4]) expect(index, 'limits', starts);
  }
}

/** Strides, dilations, kernels and pads of convolutions and poolings. */
function checkWindow(node: NodeProto, inputs: readonly ValueFacts[], fail: Fail): void {
  const spatial = inputs[0]?.shape ? inputs[0].shape.length - 2 : undefined;
  const check = (name: string, least: number, perAxis: number) => {
    const values = intsAttribute(node, name);
    // Some exporters write empty lists for defaults.
    if (values === undefined || values.length === 0) return;
    if (
      values.some((value) => !(value >= least && value < 2 ** 31)) ||
      (spatial !== undefined && values.length !== perAxis * spatial)
    ) {
      fail(`has ${name} [${values.slice(0, 20).join(', ')}], which do not fit`);
    }
  };
  for (const name of ['kernel_shape', 'strides', 'dilations']) check(name, 1, 1);
  check('pads', 0, 2);
}

function checkSplit(node: NodeProto, inputs: readonly ValueFacts[], shape: Shape | null, fail: Fail): void {
  const sizes = intsAttribute(node, 'split') ?? (inputs[1] && constantElements(inputs[1]));
  if (sizes === undefined || shape === null) return;
  const total = shape.at(intAttribute(node, 'axis', 0));
  const sum = sizes.reduce((all, size) => all + size, 0);
  if (
    sizes.length !== node.output.length ||
    sizes.some((size) => size < 0) ||
    (typeof total === 'number' && sum !== total)
  ) {
    fail(
      `splits ${String(total ?? 'an axis')} into [${sizes.slice(0, 20).join(', ')}] for ${node.output.length} outputs`,
    );
  }
}
