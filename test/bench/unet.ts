import { create } from '@bufbuild/protobuf';
import { GraphBuilder } from '../../src/onnx/builder';
import { DataType } from '../../src/onnx/dtype';
import { GraphProtoSchema, ModelProtoSchema, NodeProtoSchema, type ModelProto } from '../../src/onnx/generated/onnx_pb';
import { wrapModel, type OnnxModel } from '../../src/onnx/model';
import { ExportedLayers } from './unet-layers';

export interface UNetOptions {
  /** Channels of the first level. */
  readonly width: number;
  /** Channels of each level as multiples of `width`; every level after the first has half the size. */
  readonly multipliers: readonly number[];
  /** Residual blocks a level on the way down; one more on the way up. */
  readonly blocks: number;
  /** Groups of the group norms; divides all channel counts. */
  readonly groups: number;
  /** Channels a head of the attention; divides all channel counts of levels with attention. */
  readonly headDim: number;
  /** Levels with self-attention behind each block; the middle always has one. */
  readonly attentionLevels: readonly number[];
  /** Pixels along each side. */
  readonly size: number;
}

/**
 * 32×32 colour images, widths 64, 128, 192, attention at 16×16 and in the middle (8×8): 9,986,691 parameters;
 * keep it between 9.5 and 10.5 million when you change it, and change tools/bench/generated_unet.py with it.
 */
export const unet10m: UNetOptions = {
  width: 64,
  multipliers: [1, 2, 3],
  blocks: 2,
  groups: 32,
  headDim: 64,
  attentionLevels: [1],
  size: 32,
};

/**
 * A DDPM-type UNet (Ho et al. 2020, arXiv 2006.11239) as PyTorch's tracing exporter would write it at operator set 17,
 * with random weights scaled so that activations stay of order one.
 * Inputs: sample [batch, 3, size, size] and timestep [batch], both float32; output: noise, as the sample.
 */
export function buildUNet(options: UNetOptions): { model: OnnxModel; parameters: number } {
  const { width, multipliers, blocks, size } = options;
  const b = emptyGraph();
  const layers = new ExportedLayers(b, options.groups, options.headDim);
  const channels = multipliers.map((multiplier) => multiplier * width);
  const embeddingSize = 4 * width;
  b.addInput('sample', DataType.FLOAT, ['batch', 3, size, size]);
  b.addInput('timestep', DataType.FLOAT, ['batch']);

  const hidden = layers.linear(layers.sinusoid('timestep', width / 2), 'time.0', width, embeddingSize);
  const embedding = layers.linear(layers.silu(hidden), 'time.1', embeddingSize, embeddingSize);
  const stage = (x: string, name: string, level: number, from: number, to: number): string => {
    const h = layers.residual(x, embedding, name, from, to, embeddingSize);
    return options.attentionLevels.includes(level) ? layers.attention(h, `${name}.attention`, to) : h;
  };

  let x = layers.conv('sample', 'stem', 3, width, 3);
  let current = width;
  const skips = [{ value: x, channels: current }];
  const keep = (value: string, count: number): void => {
    x = value;
    current = count;
    skips.push({ value, channels: count });
  };
  channels.forEach((to, level) => {
    for (let i = 0; i < blocks; i++) keep(stage(x, `down.${level}.${i}`, level, current, to), to);
    if (level + 1 < channels.length) keep(layers.conv(x, `down.${level}.pool`, to, to, 3, { stride: 2 }), to);
  });

  x = layers.residual(x, embedding, 'middle.0', current, current, embeddingSize);
  x = layers.attention(x, 'middle.attention', current);
  x = layers.residual(x, embedding, 'middle.1', current, current, embeddingSize);

  for (let level = channels.length - 1; level >= 0; level--) {
    const to = channels[level]!;
    for (let i = 0; i <= blocks; i++) {
      const skip = skips.pop()!;
      const joined = b.emit('Concat', [x, skip.value], { axis: 1 });
      x = stage(joined, `up.${level}.${i}`, level, current + skip.channels, to);
      current = to;
    }
    if (level > 0) x = layers.conv(layers.upsample(x), `up.${level}.grow`, to, to, 3);
  }

  const last = layers.silu(layers.groupNorm(x, 'norm', current, 2));
  b.alias(layers.conv(last, 'head', current, 3, 3), 'noise');
  b.addOutput('noise');
  return { model: wrapModel(withExporterNames(b.build('unet').proto), 'unet'), parameters: layers.parameters };
}

/** A narrow UNet of about the given number of nodes: for measuring how graph building grows with the graph. */
export function buildLongUNet(nodes: number): OnnxModel {
  const make = (blocks: number): OnnxModel =>
    buildUNet({ width: 8, multipliers: [1, 1], blocks, groups: 4, headDim: 8, attentionLevels: [1], size: 8 }).model;
  const [one, two] = [make(1).graph.node.length, make(2).graph.node.length];
  return make(1 + Math.max(0, Math.round((nodes - one) / (two - one))));
}

function emptyGraph(): GraphBuilder {
  const proto = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: create(GraphProtoSchema, { name: 'main_graph' }),
  });
  return new GraphBuilder(wrapModel(proto, 'unet'));
}

/** Names without the builder's prefix, which marks what the gradient adds. */
function withExporterNames(proto: ModelProto): ModelProto {
  const rename = (name: string): string => name.replace(/^s4s_/, 'unet_');
  const graph = proto.graph!;
  const node = graph.node.map((old) =>
    create(NodeProtoSchema, {
      opType: old.opType,
      attribute: old.attribute,
      name: rename(old.name),
      input: old.input.map(rename),
      output: old.output.map(rename),
    }),
  );
  return { ...proto, graph: { ...graph, node } };
}
