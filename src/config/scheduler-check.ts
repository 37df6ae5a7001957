import type { Draft } from './draft';
import type { Report } from './report';
import type { Path } from './yaml-tree';

type Plain = string | number | boolean | undefined;

/** Warns where solver.yaml differs from the scheduler_config.json that came with the model. */
export function reportScheduler(
  report: Report,
  draft: Draft,
  scheduler: Readonly<Record<string, unknown>> | null,
): void {
  if (scheduler === null) return;
  const stated = statedBy(scheduler);
  const { prediction_type: prediction, noise_schedule: noise } = draft.model ?? {};
  const differ = (path: Path, given: Plain, wanted: Plain) => {
    // What solver.yaml does not say, or what cannot be used, has its own diagnostics.
    if (given === undefined || wanted === undefined || given === wanted) return;
    report.add({
      code: 'model-scheduler',
      severity: 'warning',
      path,
      message: `${path.join('.')} is ${given}, but scheduler_config.json in the model folder says ${wanted}; the model was probably trained with that.`,
      ...report.replace(path, String(wanted)),
    });
  };
  const block = ['model', 'noise_schedule'];
  differ(['model', 'prediction_type'], prediction, stated['prediction_type']);
  differ([...block, 'type'], noise?.type, stated['type']);
  if (noise === undefined || noise.type !== stated['type']) return;
  if (noise.type === 'trained_betas') reportBetas(report, noise.betas, scheduler['trained_betas']);
  for (const [key, given] of Object.entries(noise)) {
    if (key !== 'type' && !Array.isArray(given)) differ([...block, key], given as Plain, stated[key]);
  }
}

/** Files may hold the betas as float32. */
const betaTolerance = 1e-6;

function reportBetas(report: Report, given: readonly number[] | undefined, wanted: unknown): void {
  if (given === undefined || !Array.isArray(wanted)) return;
  const add = (what: string) =>
    report.add({
      code: 'model-scheduler',
      severity: 'warning',
      path: ['model', 'noise_schedule', 'betas'],
      at: 'key',
      message: `model.noise_schedule.betas${what} in scheduler_config.json in the model folder; the model was probably trained with those.`,
    });
  if (given.length !== wanted.length)
    return add(` has ${given.length} entries, but trained_betas has ${wanted.length}`);
  const other = given.findIndex((beta, i) => !(Math.abs(beta - Number(wanted[i])) <= betaTolerance * beta));
  if (other >= 0) add(`[${other}] is ${given[other]}, but trained_betas has ${wanted[other]}`);
}

/** diffusers' keys in the words of solver.yaml; what it leaves open or we have no word for is left out. */
function statedBy(scheduler: Readonly<Record<string, unknown>>): Readonly<Record<string, Plain>> {
  const plain = (key: string): Plain => {
    const value = scheduler[key];
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
  };
  const kind = String(plain('_class_name'));
  const num_train_timesteps = plain('num_train_timesteps');
  if (kind.startsWith('FlowMatch')) {
    // A shift that depends on the size of the image is no single number.
    const shift = scheduler['use_dynamic_shifting'] === true ? undefined : plain('shift');
    return { prediction_type: 'flow_prediction', type: 'flow', shift, num_train_timesteps };
  }
  if (kind.startsWith('EDM')) return { type: 'edm', sigma_min: plain('sigma_min'), sigma_max: plain('sigma_max') };
  return {
    prediction_type: plain('prediction_type') ?? 'epsilon',
    // As in diffusers, betas of its own come before a formula.
    type: Array.isArray(scheduler['trained_betas']) ? 'trained_betas' : betaSchedules[String(plain('beta_schedule'))],
    rescale_betas_zero_snr: plain('rescale_betas_zero_snr') ?? false,
    beta_start: plain('beta_start'),
    beta_end: plain('beta_end'),
    num_train_timesteps,
  };
}

const betaSchedules: Readonly<Record<string, string>> = {
  linear: 'linear',
  scaled_linear: 'scaled_linear',
  squaredcos_cap_v2: 'cosine',
};
