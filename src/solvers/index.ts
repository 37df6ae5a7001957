export type { Denoiser, DenoiserBatch, DenoiserVjp } from './denoiser';
export {
  assertValidTable,
  entryNames,
  rowOffset,
  tableEntries,
  tableFromData,
  tableFromVector,
  tableToData,
  tableToVector,
  type SolverTable,
  type TableData,
  type TableEntry,
} from './table';
export { sample, type SampleOptions, type Trajectory } from './sampler';
export { backward, type TableGradient } from './backward';
export { sampleTangents, type SampleTangents, type TangentOptions } from './tangents';
export { classicSolvers, classicTable, solverLabel, type ClassicSolver } from './registry';
