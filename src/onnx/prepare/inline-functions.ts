import type { OnnxModel } from '../model';

export function inlineFunctions(model: OnnxModel): OnnxModel {
  return model;
}
