export { buildDenoiserGraph, buildDenoiserVjpGraph, type DenoiserGraphOptions } from './denoiser-graph';
export { OnnxError, UnsupportedOperatorError, type NodeLocation, type OnnxErrorCode } from './errors';
export { headerOf, readModelHeader, type DimInfo, type ModelHeader, type PortInfo } from './header';
export type { OnnxModel } from './model';
export { openModelFile } from './open-file';
export { guessPorts, type NetworkPorts } from './ports';
export { parseModel } from './read';
export { buildVjpGraph, type VjpOptions } from './vjp';
export { serializeModel } from './write';
