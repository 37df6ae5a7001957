import type { ResolvedConfig } from '../config/resolved';
import { accuracy } from '../metrics/accuracy';
import { bootstrapCi95 } from '../metrics/bootstrap';
import { featureStatistics, frechetDistance } from '../metrics/frechet';
import type { FeatureStatistics } from '../metrics/frechet';
import { mean } from '../learn/objective';
import type { PairSet } from '../learn/pairs';
import type { ResultRow } from '../protocol';
import { Classifier } from '../runtime/classifier';
import type { Device } from '../runtime/device-name';
import type { Measured, NamedTable } from './classics';
import { readFeatureStatistics } from './feature-statistics';

export interface SampleQuality {
  readonly fd: number | null;
  readonly accuracy: number | null;
}

/** Judges samples with the config's classifier and feature statistics; without them every answer is null. */
export class Judge {
  private constructor(
    private readonly config: ResolvedConfig,
    private readonly classifier: Classifier | null,
    private readonly real: FeatureStatistics | null,
  ) {}

  static async open(config: ResolvedConfig, device: Exclude<Device, 'auto'>): Promise<Judge> {
    const { classifier, feature_statistics: statistics } = config.evaluation;
    return new Judge(
      config,
      classifier === null ? null : await Classifier.open(classifier, config.model.sample_shape, device),
      statistics === null ? null : await readFeatureStatistics(statistics),
    );
  }

  async judge(samples: Float32Array, pairs: PairSet, signal: AbortSignal): Promise<SampleQuality> {
    if (!this.classifier) return { fd: null, accuracy: null };
    const { logits, features } = await this.classifier.run(samples, signal);
    const labels = this.config.model.conditioning.class_labels;
    const d = features.length / pairs.count;
    return {
      fd: this.real && pairs.count > 1 ? frechetDistance(featureStatistics(features, d), this.real) : null,
      accuracy:
        labels.length === 0
          ? null
          : accuracy(
              logits,
              Array.from(pairs.conditions, (condition) => labels[condition]!),
            ),
    };
  }

  async row(
    named: NamedTable,
    learned: boolean,
    measured: Measured,
    pairs: PairSet,
    signal: AbortSignal,
  ): Promise<ResultRow> {
    const quality = await this.judge(measured.samples, pairs, signal);
    return {
      nfe: named.table.nfe,
      solver: named.solver,
      spacing: named.spacing,
      learned,
      mse: mean(measured.errors),
      mse_ci95: bootstrapCi95(measured.errors, this.config.training.seed),
      ...quality,
    };
  }

  async release(): Promise<void> {
    await this.classifier?.release();
  }
}
