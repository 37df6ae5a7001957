import type { OnnxModel } from '../model';

export function upgradeOpset(model: OnnxModel): OnnxModel {
  return model;
}
