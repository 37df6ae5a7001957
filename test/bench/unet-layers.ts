import { create } from '@bufbuild/protobuf';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { GraphBuilder } from '../../src/onnx/builder';
import { DataType } from '../../src/onnx/dtype';
import { TensorProtoSchema, type TensorProto } from '../../src/onnx/generated/onnx_pb';
import { int64Tensor } from '../../src/onnx/tensors';

const end = 9223372036854775807n;

/**
 * Layers written node by node the way PyTorch's tracing exporter writes them at operator set 17 with a dynamic batch:
 * constants are nodes, group norm is an instance norm between two reshapes, attention is written out and computes its
 * shapes in the graph. Weights are drawn in order from one seeded stream, so the same calls give the same bytes.
 */
export class ExportedLayers {
  private readonly generator = xoroshiro128plus(20261123);
  parameters = 0;

  constructor(
    private readonly b: GraphBuilder,
    private readonly groups: number,
    private readonly headDim: number,
  ) {}

  /** A convolution with the padding that keeps the size (or halves it with stride 2). */
  conv(x: string, name: string, from: number, to: number, kernel: number, { stride = 1, gain = 1 } = {}): string {
    const weight = this.weight(`${name}.weight`, [to, from, kernel, kernel], gain / Math.sqrt(from * kernel * kernel));
    return this.b.emit('Conv', [x, weight, this.weight(`${name}.bias`, [to], 0.02)], {
      dilations: [1, 1],
      group: 1,
      kernel_shape: [kernel, kernel],
      pads: Array<number>(4).fill((kernel - 1) / 2),
      strides: [stride, stride],
    });
  }

  linear(x: string, name: string, from: number, to: number): string {
    const weight = this.weight(`${name}.weight`, [to, from], 1 / Math.sqrt(from));
    return this.b.emit('Gemm', [x, weight, this.weight(`${name}.bias`, [to], 0.02)], {
      alpha: { float: 1 },
      beta: { float: 1 },
      transB: 1,
    });
  }

  silu(x: string): string {
    return this.b.mul(x, this.b.emit('Sigmoid', [x]));
  }

  /** @param spatial dimensions behind the channels, which scale and shift are broadcast over */
  groupNorm(x: string, name: string, channels: number, spatial: number): string {
    const { b } = this;
    const flat = b.emit('Reshape', [x, this.ints([0, this.groups, -1])], { allowzero: 0 });
    const one = this.floats([this.groups], new Float32Array(this.groups).fill(1));
    const zero = this.floats([this.groups], new Float32Array(this.groups));
    const normal = b.emit('InstanceNormalization', [flat, one, zero], { epsilon: { float: 1e-5 } });
    const back = b.emit('Reshape', [normal, b.shape(x)], { allowzero: 0 });
    const dims = [channels, ...Array<number>(spatial).fill(1)];
    const scaled = b.mul(back, this.weight(`${name}.weight`, dims, 0.1, 1));
    return b.add(scaled, this.weight(`${name}.bias`, dims, 0.1));
  }

  /** Group norm, SiLU, conv, plus the time embedding, group norm, SiLU, conv, plus the input. */
  residual(x: string, embedding: string, name: string, from: number, to: number, embeddingSize: number): string {
    const { b } = this;
    const first = this.conv(this.silu(this.groupNorm(x, `${name}.norm1`, from, 2)), `${name}.conv1`, from, to, 3);
    const time = this.linear(this.silu(embedding), `${name}.time`, embeddingSize, to);
    const column = b.emit('Unsqueeze', [b.emit('Unsqueeze', [time, this.ints([2])]), this.ints([3])]);
    const hidden = this.silu(this.groupNorm(b.add(first, column), `${name}.norm2`, to, 2));
    const second = this.conv(hidden, `${name}.conv2`, to, to, 3, { gain: 0.5 });
    return b.add(from === to ? x : this.conv(x, `${name}.skip`, from, to, 1), second);
  }

  /** Self-attention over all pixels: group norm, projections, softmax(q·kᵀ/√d)·v, projection, plus the input. */
  attention(x: string, name: string, channels: number): string {
    const { b } = this;
    const [batch, channelCount, height, width] = [0, 1, 2, 3].map((axis) => this.dim(x, axis)) as Four;
    const pixels = b.emit('Mul', [height, width]);
    const flat = this.reshape(x, [batch, channelCount, pixels]);
    const tokens = b.transpose(this.groupNorm(flat, `${name}.norm`, channels, 1), [0, 2, 1]);
    const heads = (projection: string): string =>
      this.reshape(this.project(tokens, `${name}.${projection}`, channels), [
        batch,
        -1,
        channels / this.headDim,
        this.headDim,
      ]);
    const q = b.transpose(heads('q'), [0, 2, 1, 3]);
    const k = b.transpose(heads('k'), [0, 2, 3, 1]);
    const v = b.transpose(heads('v'), [0, 2, 1, 3]);
    const size = b.emit('Cast', [b.emit('Slice', [b.shape(q), this.ints([-1]), this.ints([end])])], {
      to: DataType.FLOAT,
    });
    const scale = b.div(this.floats([1], Float32Array.of(1)), b.emit('Sqrt', [size]));
    const scores = b.emit('MatMul', [b.mul(q, b.emit('Sqrt', [scale])), b.mul(k, b.emit('Sqrt', [scale]))]);
    const mixed = b.transpose(b.emit('MatMul', [b.emit('Softmax', [scores], { axis: -1 }), v]), [0, 2, 1, 3]);
    const result = this.project(this.reshape(mixed, [batch, -1, channels]), `${name}.out`, channels);
    return b.add(this.reshape(b.transpose(result, [0, 2, 1]), [batch, channelCount, height, width]), x);
  }

  upsample(x: string): string {
    return this.b.emit('Resize', [x, '', this.floats([4], Float32Array.of(1, 1, 2, 2))], {
      coordinate_transformation_mode: 'asymmetric',
      cubic_coeff_a: { float: -0.75 },
      mode: 'nearest',
      nearest_mode: 'floor',
    });
  }

  /** sin(t·f), cos(t·f) with geometric frequencies from 1 to 1e-4. */
  sinusoid(timestep: string, count: number): string {
    const { b } = this;
    const column = b.emit('Cast', [b.emit('Unsqueeze', [timestep, this.ints([1])])], { to: DataType.FLOAT });
    const frequencies = Float32Array.from({ length: count }, (_, i) => 10000 ** (-i / count));
    const angle = b.mul(column, this.floats([1, count], frequencies));
    return b.emit('Concat', [b.emit('Sin', [angle]), b.emit('Cos', [angle])], { axis: -1 });
  }

  /** A linear layer of a sequence: the exporter stores the weight transposed and writes bias + x·W. */
  private project(x: string, name: string, channels: number): string {
    const weight = this.weight(`${name}.weight_t`, [channels, channels], 1 / Math.sqrt(channels));
    return this.b.add(this.weight(`${name}.bias`, [channels], 0.02), this.b.emit('MatMul', [x, weight]));
  }

  private dim(x: string, axis: number): string {
    return this.b.emit('Gather', [this.b.shape(x), this.constant(int64Tensor('', [], [axis]))], { axis: 0 });
  }

  /** A reshape to sizes that are values of the graph or numbers. */
  private reshape(x: string, sizes: readonly (string | number)[]): string {
    const parts = sizes.map((size) =>
      typeof size === 'number' ? this.ints([size]) : this.b.emit('Unsqueeze', [size, this.ints([0])]),
    );
    return this.b.emit('Reshape', [x, this.b.emit('Concat', parts, { axis: 0 })], { allowzero: 0 });
  }

  /** An initialiser with uniform values of the given mean and standard deviation. */
  private weight(name: string, dims: readonly number[], deviation: number, mean = 0): string {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const width = deviation * Math.sqrt(12);
    const values = Float32Array.from({ length: count }, () => mean + (uniformFloat64(this.generator) - 0.5) * width);
    this.b.addInitialiser(floatTensor(name, dims, values));
    this.parameters += count;
    return name;
  }

  private floats(dims: readonly number[], values: Float32Array): string {
    return this.constant(floatTensor('', dims, values));
  }

  private ints(values: readonly (number | bigint)[]): string {
    return this.constant(int64Tensor('', [values.length], values));
  }

  private constant(value: TensorProto): string {
    return this.b.emit('Constant', [], { value });
  }
}

type Four = [string, string, string, string];

function floatTensor(name: string, dims: readonly number[], values: Float32Array): TensorProto {
  const rawData = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
  return create(TensorProtoSchema, { name, dataType: DataType.FLOAT, dims: dims.map(BigInt), rawData });
}
