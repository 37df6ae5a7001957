import { stringAttribute } from '../../attributes';
import { revised, type Upgrade } from './revised';

// Operators that sample a grid, whose coordinates were fixed once and are chosen by attributes now.

/** Until 11 the coordinate was x_resized / scale, in all modes. */
const asymmetric = { coordinate_transformation_mode: 'asymmetric' };

/** Upsample 9, of which every scale is at least 1. */
export const upsample: Upgrade = ({ node }) => [
  revised(node, {
    operator: 'Resize',
    inputs: [node.input[0], undefined, node.input[1]],
    set: { ...asymmetric, nearest_mode: 'floor' },
  }),
];

/**
 * Resize 10 left open which neighbour is the nearest; ONNX Runtime takes the lower one along axes that grow and the
 * upper one along those that shrink. Later sets have one `nearest_mode` for all axes, so a node that does both becomes
 * two. Scales that are computed in the graph are taken to grow, as exporters write them for upsampling only.
 */
const resizeBefore11: Upgrade = (op) => {
  const { b, node } = op;
  const [x, scales] = node.input;
  const to = (nearest: 'floor' | 'ceil', from: string | undefined, by: string | undefined) =>
    revised(node, {
      inputs: [from, undefined, by],
      set: { ...asymmetric, nearest_mode: nearest },
    });
  const values = op.constant(1) ?? [];
  const shrinks = stringAttribute(node, 'mode', 'nearest') === 'nearest' && values.some((scale) => scale < 1);
  if (!shrinks) return [to('floor', x, scales)];
  if (values.every((scale) => scale <= 1)) return [to('ceil', x, scales)];
  const type = b.typeOf(scales ?? '');
  const part = (scale: (value: number) => number) => b.floats([values.length], values.map(scale), type);
  const between = b.fresh('Resize');
  return [
    revised(
      to(
        'floor',
        x,
        part((scale) => Math.max(scale, 1)),
      ),
      { outputs: [between], name: between },
    ),
    to(
      'ceil',
      between,
      part((scale) => Math.min(scale, 1)),
    ),
  ];
};

/** From 11 on; until 13 inputs that were not meant had to be there, as empty tensors. */
const resizeBefore13: Upgrade = (op) => {
  const isEmpty = (name: string) => name !== '' && op.b.shapeOf(name)?.join() === '0';
  if (!op.node.input.some(isEmpty)) return [op.node];
  return [revised(op.node, { inputs: op.node.input.map((name) => (isEmpty(name) ? undefined : name)) })];
};

export const resize: Upgrade = (op, from) => (from < 11 ? resizeBefore11 : resizeBefore13)(op, from);

const gridModes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };

export const gridSample: Upgrade = ({ node }) => {
  const mode = stringAttribute(node, 'mode', 'bilinear');
  return [revised(node, { set: { mode: gridModes[mode] ?? mode } })];
};

/** Boxes were not shifted by half a pixel until 16, and are by default since. */
export const roiAlign: Upgrade = ({ node }) => [
  revised(node, { set: { coordinate_transformation_mode: 'output_half_pixel' } }),
];

/** The same operator under its later name. */
export const scatter: Upgrade = ({ node }) => [revised(node, { operator: 'ScatterElements' })];
