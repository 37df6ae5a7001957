import type { Draft } from './draft';
import type { Report } from './report';
import type { Path } from './yaml-tree';

type Plain = string | number | undefined;

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
  for (const [key, given] of Object.entries(noise)) if (key !== 'type') differ([...block, key], given, stated[key]);
}

/** diffusers' keys in the words of solver.yaml; what it leaves open or we have no word for is left out. */
function statedBy(scheduler: Readonly<Record<string, unknown>>): Readonly<Record<string, Plain>> {
  const plain = (key: string): Plain => {
    const value = scheduler[key];
    return typeof value === 'string' || typeof value === 'number' ? value : undefined;
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
    type: betaSchedules[String(plain('beta_schedule'))],
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
