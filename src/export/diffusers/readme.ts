import { objectAt } from '../json-fields';
import type { LearnedSolver, SolverFile } from '../solver-file';

/** What the folder is, the lines that use it, and where the numbers come from. */
export function diffusersReadme(file: SolverFile): string {
  const { model, solvers, teacher } = file;
  const counts = solvers.map(({ nfe }) => nfe);
  return `${[
    `# A solver of ${list(counts)} evaluations for ${file.name}`,
    '',
    'A scheduler for [diffusers](https://github.com/huggingface/diffusers) whose numbers were learned for one model. With',
    'this folder on the Python path (or `s4s_scheduler.py` beside your script):',
    '',
    '```python',
    'from s4s_scheduler import S4SScheduler',
    'pipe.scheduler = S4SScheduler.from_pretrained("path/to/this/folder")',
    `images = pipe(..., num_inference_steps=${counts[0]}${guidanceArgument(file)}).images`,
    '```',
    '',
    'Or make this folder the `scheduler` folder of a saved pipeline and name it in the pipeline’s `model_index.json`:',
    '',
    '```json',
    '"scheduler": ["s4s_scheduler", "S4SScheduler"]',
    '```',
    '',
    '`DiffusionPipeline.from_pretrained("path/to/the/pipeline", trust_remote_code=True)` then loads both.',
    '',
    '## What was learned',
    '',
    `Model \`${model.path}\`, SHA-256 \`${model.sha256}\`, prediction_type ${model.prediction_type}.`,
    `Teacher: ${teacher.solver}, ${teacher.num_inference_steps} steps. Errors are mean squared differences to its samples, per`,
    'element, from the same noises; the interval is a 95 % bootstrap over noises that neither training nor validation saw.',
    '',
    '| `num_inference_steps` | method | started from | error on unseen noises | 95 % interval | on validation noises |',
    '| --- | --- | --- | --- | --- | --- |',
    ...solvers.map(row),
    '',
    '## Use it',
    '',
    `- for this model${guidanceSentence(file)} and with ${list(counts)} steps: other settings need a solver of their own;`,
    '- to make samples from pure noise: inpainting needs `strength=1.0`, and image to image below that is refused;',
    '- with nothing random: the start noise alone decides the sample.',
    '',
    '## Cite',
    '',
    ...file.cite.map((paper) => `- ${paper}`),
  ].join('\n')}\n`;
}

function row(solver: LearnedSolver): string {
  const { nfe, learned, method, started_from: from, test_mse_ci95: interval } = solver;
  const start = `${from.solver}, ${from.spacing} times`;
  const cells = [
    nfe,
    learned ? method : 'classic (no learned table was better)',
    start,
    figure(solver.test_mse),
    interval === null ? 'not measured' : `${figure(interval[0])} to ${figure(interval[1])}`,
    figure(solver.validation_mse),
  ];
  return `| ${cells.join(' | ')} |`;
}

function figure(value: number | null): string {
  return value === null ? 'not measured' : value.toPrecision(3);
}

/** `5` · `4 or 5` · `3, 4 or 5` */
function list(counts: readonly number[]): string {
  return counts.length < 2 ? counts.join('') : `${counts.slice(0, -1).join(', ')} or ${counts.at(-1)}`;
}

function guidanceScale({ model }: SolverFile): number {
  const { guidance_scale: scale } = objectAt(model.conditioning, 'model.conditioning');
  return typeof scale === 'number' ? scale : 1;
}

function guidanceArgument(file: SolverFile): string {
  const scale = guidanceScale(file);
  return scale === 1 ? '' : `, guidance_scale=${scale}`;
}

function guidanceSentence(file: SolverFile): string {
  const scale = guidanceScale(file);
  const { guidance_interval: interval, guidance_rescale: rescale } = objectAt(
    file.model.conditioning,
    'model.conditioning',
  );
  if (scale === 1) return ' without guidance';
  const within = Array.isArray(interval) ? ` between the noise levels ${interval.join(' and ')}` : '';
  const rescaled = typeof rescale === 'number' && rescale > 0 ? ` and guidance_rescale ${rescale}` : '';
  return ` at guidance scale ${scale}${within}${rescaled}`;
}
