import { noiseSchedule } from '../diffusion';
import type { NoiseSchedule, NoiseScheduleParameters, PredictionType } from '../diffusion';
import type { TableData } from '../solvers/table';
import { choiceAt, listAt, numberAt, numbersAt, objectAt, textAt } from './json-fields';
import type { JsonObject } from './json-fields';
import { SOLVER_FILE_VERSION } from './solver-file';
import type { LearnedSolver, SolverFile } from './solver-file';

/** What solver.json says about the network, ready to compute with. */
export interface SolverModel {
  readonly schedule: NoiseSchedule;
  readonly parameters: NoiseScheduleParameters;
  readonly predictionType: PredictionType;
  /** The network's time is a whole number: it is asked at the nearest one. */
  readonly integerTimestep: boolean;
}

/**
 * The text of a solver.json as a checked value: all that an export reads is there and of the right type.
 *
 * @throws RangeError that says which key is missing or wrong
 */
export function parseSolverFile(text: string): SolverFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new RangeError('it is not JSON, or only a part of it', { cause: error });
  }
  const file = objectAt(json, 'the file');
  const version = numberAt(file.version, 'version');
  if (version > SOLVER_FILE_VERSION) {
    throw new RangeError(
      `it is of version ${version} and this S4S Studio reads up to ${SOLVER_FILE_VERSION}; update S4S Studio`,
    );
  }
  for (const key of ['name', 'run_id']) textAt(file[key], key);
  const model = objectAt(file.model, 'model');
  for (const key of ['path', 'sha256']) textAt(model[key], `model.${key}`);
  objectAt(model.conditioning, 'model.conditioning');
  numbersAt(model.sample_shape, 'model.sample_shape');
  const teacher = objectAt(file.teacher, 'teacher');
  textAt(teacher.solver, 'teacher.solver');
  numberAt(teacher.num_inference_steps, 'teacher.num_inference_steps');
  listAt(file.cite, 'cite').forEach((paper, i) => textAt(paper, `cite[${i}]`));
  listAt(file.solvers, 'solvers').forEach((solver, i) =>
    checkSolver(objectAt(solver, `solvers[${i}]`), `solvers[${i}]`),
  );
  return json as SolverFile;
}

/** @throws RangeError for a schedule or prediction type that this version does not know, or a number out of range */
export function solverModel({ model }: SolverFile): SolverModel {
  const parameters = scheduleParameters(objectAt(model.noise_schedule, 'model.noise_schedule'));
  return {
    schedule: noiseSchedule(parameters),
    parameters,
    predictionType: choiceAt(model.prediction_type, 'model.prediction_type', predictionTypes),
    integerTimestep: model.integer_timestep === true,
  };
}

function checkSolver(solver: JsonObject, key: string): asserts solver is JsonObject & LearnedSolver {
  for (const name of ['nfe', 'validation_mse', 'model_evaluations']) numberAt(solver[name], `${key}.${name}`);
  textAt(solver.method, `${key}.method`);
  const from = objectAt(solver.started_from, `${key}.started_from`);
  for (const name of ['solver', 'spacing']) textAt(from[name], `${key}.started_from.${name}`);
  if (solver.test_mse !== null) numberAt(solver.test_mse, `${key}.test_mse`);
  if (solver.test_mse_ci95 !== null) numbersAt(solver.test_mse_ci95, `${key}.test_mse_ci95`);
  checkTable(objectAt(solver.table, `${key}.table`), `${key}.table`);
}

function checkTable(table: JsonObject, key: string): asserts table is JsonObject & TableData {
  numberAt(table.nfe, `${key}.nfe`);
  for (const name of ['times', 'start']) numbersAt(table[name], `${key}.${name}`);
  listAt(table.rows, `${key}.rows`).forEach((row, k) => numbersAt(row, `${key}.rows[${k}]`));
  if (table.width !== undefined) numberAt(table.width, `${key}.width`);
  if (table.offset !== undefined) numbersAt(table.offset, `${key}.offset`);
  choiceAt(table.prediction, `${key}.prediction`, ['data', 'noise', 'velocity']);
  choiceAt(table.space, `${key}.space`, ['vp', 've', 'flow']);
}

const predictionTypes: readonly PredictionType[] = ['epsilon', 'sample', 'v_prediction', 'flow_prediction', 'edm'];

/** The numbers that each type of schedule is made of. */
const scheduleNumbers: Readonly<Record<NoiseScheduleParameters['type'], readonly string[]>> = {
  linear: ['beta_start', 'beta_end', 'num_train_timesteps'],
  scaled_linear: ['beta_start', 'beta_end', 'num_train_timesteps'],
  cosine: ['num_train_timesteps'],
  trained_betas: [],
  vp: ['beta_min', 'beta_max', 't_eps', 'time_scale'],
  vp_cosine: ['t_eps', 't_max', 'time_scale'],
  edm: ['sigma_min', 'sigma_max'],
  flow: ['shift', 'num_train_timesteps'],
};

function scheduleParameters(given: JsonObject): NoiseScheduleParameters {
  const key = 'model.noise_schedule';
  const types = Object.keys(scheduleNumbers) as NoiseScheduleParameters['type'][];
  const type = choiceAt(given.type, `${key}.type`, types);
  for (const name of scheduleNumbers[type]) numberAt(given[name], `${key}.${name}`);
  if (type === 'trained_betas') numbersAt(given.betas, `${key}.betas`);
  return given as unknown as NoiseScheduleParameters;
}
