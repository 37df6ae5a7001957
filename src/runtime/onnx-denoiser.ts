import { guidanceScaleAt } from '../diffusion/guidance';
import type { GuidanceInterval } from '../diffusion/guidance';
import { networkCoefficients } from '../diffusion/network-coefficients';
import type { NetworkCoefficients } from '../diffusion/network-coefficients';
import type { NoiseSchedule } from '../diffusion/noise-schedule';
import type { Prediction, PredictionType, StateSpace } from '../diffusion/prediction';
import { buildDenoiserGraph, buildDenoiserVjpGraph, outerName } from '../onnx/denoiser-graph';
import type { DenoiserGraphOptions, NetworkPorts } from '../onnx/denoiser-graph';
import type { OnnxModel } from '../onnx/model';
import { serializeModel } from '../onnx/write';
import type { Denoiser, DenoiserBatch, DenoiserVjp } from '../solvers/denoiser';
import { breathe } from './abort';
import type { Device } from './device-name';
import { floatTensor, int64Tensor, openSession } from './session';
import type { Feeds, Session } from './session';
import { toTensor } from './tensor-values';
import type { TensorValues } from './tensor-values';

/** Values for an input of the network that takes neither sample nor time nor labels: a row for each condition. */
export interface ConditioningTensor {
  /** Name of the input. */
  readonly input: string;
  /** Of one row. */
  readonly shape: readonly number[];
  /** `conditions × row` */
  readonly rows: Float32Array | Float64Array;
  /** The other branch of guidance: one row, or one for each condition; null without guidance. */
  readonly unconditional: Float32Array | Float64Array | null;
}

export interface OnnxDenoiserOptions {
  readonly model: OnnxModel;
  readonly ports: NetworkPorts;
  /** True when the network takes one time for the whole batch: batches are then split by time. */
  readonly sharedTimestep: boolean;
  readonly device: Exclude<Device, 'auto'>;
  readonly schedule: NoiseSchedule;
  readonly predictionType: PredictionType;
  readonly prediction: Prediction;
  readonly space: StateSpace;
  readonly sampleShape: readonly number[];
  /** Label of each condition; empty when the network has no labels. */
  readonly labels: readonly number[];
  readonly guidanceScale: number;
  /** Noise levels within which guidance acts; all when left out. Both branches of the network run at every level. */
  readonly guidanceInterval?: GuidanceInterval;
  /** φ of rescaled guidance, 0 (off, the default) to 1. */
  readonly guidanceRescale?: number;
  readonly unconditionalLabel: number | null;
  /** All other inputs of the network. */
  readonly tensors: readonly ConditioningTensor[];
  /** Most samples in one run of the network. */
  readonly maxBatch: number;
  /** Called after every run with the number of samples that went through (a VJP counts each twice). */
  readonly onEvaluations?: (count: number) => void;
}

/**
 * The normalised denoiser D = c_skip·y + c_out·F(c_in·y, t) of an ONNX network F, with classifier-free guidance inside
 * the graph. Forward and VJP graphs are separate sessions; the VJP is built at its first use.
 */
export class OnnxDenoiser implements Denoiser {
  readonly dim: number;
  readonly prediction: Prediction;
  readonly space: StateSpace;
  /** Remarks on the gradient, for example that an integer timestep has none. Filled by the first VJP. */
  notes: readonly string[] = [];
  readonly vjp?: (batch: DenoiserBatch, cotangent: Float32Array, signal?: AbortSignal) => Promise<DenoiserVjp>;
  private readonly guided: boolean;
  private readonly forward: Session;
  private backward: Session | undefined;
  private readonly options: OnnxDenoiserOptions;

  private constructor(options: OnnxDenoiserOptions, forward: Session, withGradient: boolean) {
    this.options = options;
    this.forward = forward;
    this.dim = options.sampleShape.reduce((product, size) => product * size, 1);
    this.prediction = options.prediction;
    this.space = options.space;
    this.guided = isGuided(options);
    if (withGradient) this.vjp = (batch, cotangent, signal) => this.pullBack(batch, cotangent, signal);
  }

  /** @param withGradient false for models without a reverse rule: `vjp` is then absent. */
  static async open(options: OnnxDenoiserOptions, withGradient: boolean): Promise<OnnxDenoiser> {
    const graph = buildDenoiserGraph(options.model, {
      ...graphOptions(options),
      // ONNX Runtime's CPU provider has next to no half-precision kernels; elsewhere they are why people use halves.
      halves: options.device === 'cpu' ? 'widen' : 'keep',
    });
    const { device, model } = options;
    const label = `the denoiser of ${model.label}`;
    const session = await openSession(serializeModel(graph), device, label, model.weights?.folder);
    return new OnnxDenoiser(options, session, withGradient);
  }

  async evaluate(batch: DenoiserBatch, signal?: AbortSignal): Promise<Float32Array> {
    const out = new Float32Array(batch.states.length);
    for (const part of this.parts(batch)) {
      await breathe(signal);
      const { feeds } = this.feeds(this.forward, batch, part);
      const { denoised } = await this.forward.run(feeds);
      this.scatter(out, denoised!, part);
      this.options.onEvaluations?.(part.length);
    }
    return out;
  }

  async release(): Promise<void> {
    await this.forward.release();
    await this.backward?.release();
  }

  private async pullBack(batch: DenoiserBatch, cotangent: Float32Array, signal?: AbortSignal): Promise<DenoiserVjp> {
    this.backward ??= await this.openBackward();
    const output = new Float32Array(batch.states.length);
    const gradStates = new Float32Array(batch.states.length);
    const gradTimes = new Float64Array(batch.times.length);
    for (const part of this.parts(batch)) {
      await breathe(signal);
      const { feeds, coefficients } = this.feeds(this.backward, batch, part);
      const shape = [part.length, ...this.options.sampleShape];
      const result = await this.backward.run({ ...feeds, cotangent: floatTensor(this.gather(cotangent, part), shape) });
      this.scatter(output, result.denoised!, part);
      this.scatter(gradStates, result.grad_x!, part);
      part.forEach((sample, i) => {
        const c = coefficients[i]!;
        gradTimes[sample] =
          result.grad_c_in![i]! * c.dCIn +
          result.grad_c_skip![i]! * c.dCSkip +
          result.grad_c_out![i]! * c.dCOut +
          (result.grad_t_net?.[i] ?? 0) * c.dTNet;
      });
      this.options.onEvaluations?.(2 * part.length);
    }
    return { output, gradStates, gradTimes };
  }

  private async openBackward(): Promise<Session> {
    const { model, device } = this.options;
    const built = buildDenoiserVjpGraph(model, graphOptions(this.options));
    this.notes = built.notes;
    const label = `the gradient of ${model.label}`;
    return openSession(serializeModel(built.model), device, label, model.weights?.folder);
  }

  /** Sample indices of each run: at most `maxBatch`, and of one time when the network takes a single timestep. */
  private parts(batch: DenoiserBatch): number[][] {
    const groups = new Map<number, number[]>();
    batch.times.forEach((time, i) => {
      const key = this.options.sharedTimestep ? time : 0;
      const group = groups.get(key);
      if (group) group.push(i);
      else groups.set(key, [i]);
    });
    const parts: number[][] = [];
    for (const group of groups.values()) {
      for (let from = 0; from < group.length; from += this.options.maxBatch) {
        parts.push(group.slice(from, from + this.options.maxBatch));
      }
    }
    return parts;
  }

  private feeds(
    session: Session,
    batch: DenoiserBatch,
    part: readonly number[],
  ): { feeds: Feeds; coefficients: NetworkCoefficients[] } {
    const {
      schedule,
      predictionType,
      prediction,
      labels,
      unconditionalLabel,
      guidanceRescale = 0,
      ports,
    } = this.options;
    const count = part.length;
    const coefficients = part.map((i) => networkCoefficients(schedule, predictionType, prediction, batch.times[i]!));
    const vector = (pick: (c: NetworkCoefficients) => number): ReturnType<typeof floatTensor> =>
      floatTensor(Float32Array.from(coefficients, pick), [count]);
    const feeds: Record<string, ReturnType<typeof floatTensor>> = {
      x: floatTensor(this.gather(batch.states, part), [count, ...this.options.sampleShape]),
      c_in: vector((c) => c.cIn),
      c_skip: vector((c) => c.cSkip),
      c_out: vector((c) => c.cOut),
      t_net: vector((c) => c.tNet),
    };
    if (ports.classLabels !== undefined) {
      feeds.class_labels = int64Tensor(
        part.map((i) => labels[batch.conditions[i]!] ?? 0),
        [count],
      );
    }
    if (this.guided) {
      const scales = part.map((i) => this.guidanceAt(batch.times[i]!));
      feeds.guidance_scale = floatTensor(Float32Array.from(scales), [count]);
      if (guidanceRescale !== 0)
        feeds.guidance_rescale = floatTensor(new Float32Array(count).fill(guidanceRescale), [count]);
      if (ports.classLabels !== undefined)
        feeds.class_labels_uncond = int64Tensor(new Array<number>(count).fill(unconditionalLabel ?? 0), [count]);
    }
    for (const tensor of this.options.tensors) {
      const conditions = part.map((i) => batch.conditions[i]!);
      const name = outerName(tensor.input);
      // Half-precision inputs are float32 in graphs that are computed in it, as gradients are.
      feeds[name] = toTensor(this.rowsOf(tensor, conditions), session.inputTypes.get(name) ?? 'float32');
    }
    return { feeds, coefficients };
  }

  private guidanceAt(time: number): number {
    const { schedule, guidanceScale, guidanceInterval } = this.options;
    if (guidanceInterval === undefined) return guidanceScale;
    const { alpha, sigma } = schedule.at(time);
    return guidanceScaleAt(sigma / alpha, guidanceScale, guidanceInterval);
  }

  /** The rows of some conditions; with guidance those of the other branch behind them. */
  private rowsOf(tensor: ConditioningTensor, conditions: readonly number[]): Pick<TensorValues, 'shape' | 'data'> {
    const { shape, rows, unconditional } = tensor;
    const size = shape.reduce((product, length) => product * length, 1);
    const count = (this.guided ? 2 : 1) * conditions.length;
    const data = rows instanceof Float64Array ? new Float64Array(count * size) : new Float32Array(count * size);
    const put = (from: Float32Array | Float64Array, row: number, to: number): void =>
      data.set(from.subarray(row * size, (row + 1) * size), to * size);
    conditions.forEach((condition, i) => {
      put(rows, condition, i);
      if (this.guided && unconditional)
        put(unconditional, unconditional.length === size ? 0 : condition, conditions.length + i);
    });
    return { shape: [count, ...shape], data };
  }

  private gather(flat: Float32Array, part: readonly number[]): Float32Array {
    const out = new Float32Array(part.length * this.dim);
    part.forEach((sample, i) => out.set(flat.subarray(sample * this.dim, (sample + 1) * this.dim), i * this.dim));
    return out;
  }

  private scatter(out: Float32Array, values: Float32Array, part: readonly number[]): void {
    part.forEach((sample, i) => out.set(values.subarray(i * this.dim, (i + 1) * this.dim), sample * this.dim));
  }
}

function graphOptions(options: OnnxDenoiserOptions): DenoiserGraphOptions {
  const { ports, sampleShape, guidanceRescale = 0 } = options;
  return { ports, guidance: isGuided(options), guidanceRescale: guidanceRescale !== 0, sampleShape };
}

function isGuided(options: OnnxDenoiserOptions): boolean {
  const { guidanceScale, ports, tensors } = options;
  return guidanceScale !== 1 && (ports.classLabels !== undefined || tensors.length > 0);
}
