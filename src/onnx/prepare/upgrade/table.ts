import type { Upgrade } from './revised';
import { axesToInput, clip, dft, pad, slice, split, topK } from './attributes-to-inputs';
import { batchNormalization, dropout, groupNormalization, softmax } from './normalisation';
import { gridSample, resize, roiAlign, scatter, upsample } from './resampling';

/**
 * Every operator of which a node of operator set 9 to 20 cannot be read as one of set 21, and the set from which on it
 * can. The changelog lists about 80 more operators with new versions in between; those only took further element types
 * or got attributes and inputs whose default is the old behaviour.
 */
export const upgrades: Readonly<Record<string, { readonly until: number; readonly write: Upgrade }>> = {
  Slice: { until: 10, write: slice },
  TopK: { until: 10, write: topK },
  Upsample: { until: 10, write: upsample },
  Clip: { until: 11, write: clip },
  Pad: { until: 11, write: pad },
  Scatter: { until: 11, write: scatter },
  Dropout: { until: 12, write: dropout },
  Softmax: { until: 13, write: softmax },
  LogSoftmax: { until: 13, write: softmax },
  Hardmax: { until: 13, write: softmax },
  Squeeze: { until: 13, write: axesToInput },
  Unsqueeze: { until: 13, write: axesToInput },
  ReduceSum: { until: 13, write: axesToInput },
  Resize: { until: 13, write: resize },
  BatchNormalization: { until: 14, write: batchNormalization },
  RoiAlign: { until: 16, write: roiAlign },
  Split: { until: 18, write: split },
  ...Object.fromEntries(
    'ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp'
      .split(' ')
      .map((operator) => [operator, { until: 18, write: axesToInput }]),
  ),
  GridSample: { until: 20, write: gridSample },
  DFT: { until: 20, write: dft },
  GroupNormalization: { until: 21, write: groupNormalization },
};
