import { readFileSync } from 'node:fs';
import { noiseSchedule } from '../../src/diffusion';
import type { NoiseScheduleParameters } from '../../src/diffusion';
import type { SolverFile } from '../../src/export/solver-file';
import { classicTable } from '../../src/solvers/registry';
import { tableFromVector, tableToData, tableToVector } from '../../src/solvers/table';
import type { SolverTable } from '../../src/solvers/table';

/** A run of some seconds for the demo model, 3 and 5 evaluations; see its config. */
export const demoSolverFile = (): SolverFile =>
  JSON.parse(readFileSync('test/data/export/demo-solver.json', 'utf8')) as SolverFile;

/** A solver.json for another model with other tables. */
export function solverFileOf(
  predictionType: string,
  schedule: NoiseScheduleParameters,
  tables: readonly SolverTable[],
): SolverFile {
  const file = demoSolverFile();
  return {
    ...file,
    model: { ...file.model, prediction_type: predictionType, noise_schedule: schedule },
    solvers: tables.map((table) => ({ ...file.solvers[0]!, nfe: table.nfe, table: tableToData(table) })),
  };
}

/** A table in which no number is a round one, as if it had been learned. */
export function irregularTable(schedule: NoiseScheduleParameters, nfe: number): SolverTable {
  const classic = classicTable(noiseSchedule(schedule), { solver: 'dpmpp', order: 3, timestep_spacing: 'logsnr' }, nfe);
  return tableFromVector(
    classic,
    tableToVector(classic).map((value, i) => value * (1 - 0.02 * Math.sin(3 * i + 1) ** 2)),
  );
}
