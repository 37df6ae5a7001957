import type { ResolvedConfig } from '../config/resolved';
import { mean, squaredErrors } from '../learn/objective';
import type { PairSet } from '../learn/pairs';
import { accuracy } from '../metrics/accuracy';
import { FrechetReference } from '../metrics/frechet-sample';
import { psnr, rangeOf } from '../metrics/psnr';
import { Resamples, type Interval } from '../metrics/resamples';
import { SlicedWasserstein } from '../metrics/sliced-wasserstein';
import { Classifier } from '../runtime/classifier';
import type { Device } from '../runtime/device-name';
import { readFeatureStatistics } from './feature-statistics';
import { UserError } from './user-error';

/** What a classifier says about samples; null without one, or without labels or statistics. */
export interface ClassQuality {
  readonly fd: number | null;
  readonly fd_ci95: Interval | null;
  readonly accuracy: number | null;
  readonly accuracy_ci95: Interval | null;
}

/** Samples against the teacher's from the same noises. Intervals are 95 % bootstraps. */
export interface TableQuality extends ClassQuality {
  readonly mse: number;
  readonly mse_ci95: Interval;
  /** dB, mean over samples; null when a sample has no error at all. */
  readonly psnr: number | null;
  readonly psnr_ci95: Interval | null;
  readonly sliced_wasserstein: number;
  readonly sliced_wasserstein_ci95: Interval;
  /** Squared error per element of each sample, in the order of the noises. */
  readonly errors: readonly number[];
}

/** Samples that go through the classifier together. */
const chunkSize = 256;
/** Resamples of distances, which cost more than a mean. */
const wassersteinResamples = 200;
const frechetResamples = 100;
/** Decompositions of larger matrices take seconds each: no interval and no bias then. */
const largestResampled = 256;

const noClasses: ClassQuality = { fd: null, fd_ci95: null, accuracy: null, accuracy_ci95: null };

/** Measures sets of samples from the noises of one pair set, all on the same resamples. */
export class QualityMeter {
  /** The range of the teacher's samples: the peak of PSNR. */
  readonly peak: number;
  readonly resamples: Resamples;
  private readonly wasserstein: SlicedWasserstein;

  private constructor(
    private readonly pairs: PairSet,
    private readonly labels: readonly number[],
    private readonly seed: number,
    private readonly classifier: Classifier | null,
    private readonly reference: FrechetReference | null,
  ) {
    this.peak = rangeOf(pairs.targets);
    this.resamples = new Resamples(pairs.count, seed);
    this.wasserstein = new SlicedWasserstein(pairs.targets, pairs.dim, seed);
  }

  /** @throws UserError for statistics that are none */
  static async open(
    config: ResolvedConfig,
    device: Exclude<Device, 'auto'>,
    pairs: PairSet,
    seed: number,
  ): Promise<QualityMeter> {
    const { classifier, feature_statistics: statistics } = config.evaluation;
    const reference = statistics === null ? null : new FrechetReference(await readFeatureStatistics(statistics));
    const network = classifier === null ? null : await Classifier.open(classifier, config.model.sample_shape, device);
    return new QualityMeter(pairs, config.model.conditioning.class_labels, seed, network, reference);
  }

  /** @param samples `count × dim`, finite */
  async measure(samples: Float32Array, signal: AbortSignal): Promise<TableQuality> {
    const { pairs, resamples } = this;
    const errors = Array.from(squaredErrors(samples, pairs.targets, pairs.dim));
    const ratios = psnr(errors, this.peak);
    const isFinite = ratios.every(Number.isFinite);
    const distance = this.wasserstein.distanceOf(samples);
    const whole = distance();
    return {
      mse: mean(errors),
      mse_ci95: resamples.meanInterval(errors),
      psnr: isFinite ? mean(ratios) : null,
      psnr_ci95: isFinite ? resamples.meanInterval(ratios) : null,
      sliced_wasserstein: whole,
      sliced_wasserstein_ci95: resamples.distanceInterval(whole, distance, wassersteinResamples),
      ...(await this.classQuality(samples, signal)),
      errors,
    };
  }

  /** What the classifier says about samples, without comparing them with the teacher's. */
  async classQuality(samples: Float32Array, signal: AbortSignal): Promise<ClassQuality> {
    if (!this.classifier) return noClasses;
    const { logits, features } = await this.classify(this.classifier, samples, signal);
    return { ...noClasses, ...this.frechet(features), ...this.accuracyOf(logits) };
  }

  /** How much Fréchet distances are too large for want of samples; null without statistics, or where it takes minutes. */
  frechetBias(): number | null {
    const { reference, seed, pairs } = this;
    const isPossible = this.classifier && reference && pairs.count > 1;
    return isPossible && Math.min(pairs.count, reference.dim) <= largestResampled
      ? reference.bias(pairs.count, seed)
      : null;
  }

  async release(): Promise<void> {
    await this.classifier?.release();
  }

  private async classify(
    classifier: Classifier,
    samples: Float32Array,
    signal: AbortSignal,
  ): Promise<{ logits: Float32Array; features: Float32Array }> {
    const { dim } = this.pairs;
    const parts = [];
    for (let from = 0; from < samples.length; from += chunkSize * dim) {
      parts.push(await classifier.run(samples.subarray(from, from + chunkSize * dim), signal));
    }
    return { logits: joined(parts.map((part) => part.logits)), features: joined(parts.map((part) => part.features)) };
  }

  private frechet(features: Float32Array): Partial<ClassQuality> {
    const { reference, resamples } = this;
    const { count } = this.pairs;
    if (!reference || count < 2) return {};
    if (features.length !== count * reference.dim) {
      throw new UserError(
        'statistics-shape',
        `evaluation.feature_statistics has ${reference.dim} features, but the classifier gives ` +
          `${features.length / count}; make the statistics with the same classifier.`,
      );
    }
    const distance = reference.distanceOf(features);
    const fd = distance();
    if (Math.min(count, reference.dim) > largestResampled) return { fd };
    return { fd, fd_ci95: resamples.distanceInterval(fd, distance, frechetResamples) };
  }

  private accuracyOf(logits: Float32Array): Partial<ClassQuality> {
    const { labels, resamples } = this;
    const { conditions, count } = this.pairs;
    if (labels.length === 0) return {};
    const classes = logits.length / count;
    const right = Array.from(conditions, (condition, i) =>
      accuracy(logits.subarray(i * classes, (i + 1) * classes), [labels[condition]!]),
    );
    const share = mean(right);
    // Resamples of all right or all wrong do not vary: the exact (Clopper–Pearson) end instead.
    const end = 0.025 ** (1 / count);
    const interval: Interval = share === 1 ? [end, 1] : share === 0 ? [0, 1 - end] : resamples.meanInterval(right);
    return { accuracy: share, accuracy_ci95: interval };
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
