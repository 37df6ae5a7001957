import type { Draft } from './draft';
import { fedInputs, reportConditioning } from './conditioning-check';
import type { CheckContext, ModelFacts } from './facts';
import { findPorts, isFloat, isInteger, portText } from './ports';
import { reportDecoder } from './objective-rules';
import type { FoundPorts, PortFact, PortRole } from './ports';
import { promptInputs } from './prompt-inputs';
import type { Report } from './report';
import { reportScheduler } from './scheduler-check';

type HeaderFacts = Extract<ModelFacts, { kind: 'header' }>;

const modelPath = ['model', 'path'];
const shapePath = ['model', 'sample_shape'];
const labelsPath = ['model', 'conditioning', 'class_labels'];

/** Reports how the model file does not fit what solver.yaml says about it. */
export function reportModel(report: Report, draft: Draft, facts: ModelFacts, context: CheckContext): void {
  if (facts.kind === 'missing') {
    report.add({
      code: 'model-missing',
      path: modelPath,
      message: `There is no file or folder ${facts.path}; correct model.path or put the model there.`,
    });
    return;
  }
  if (facts.kind === 'unreadable') {
    report.add({ code: 'model-unreadable', path: modelPath, message: facts.message });
    return;
  }
  const model = draft.model;
  if (facts.folder !== undefined) reportScheduler(report, draft, facts.folder.scheduler);
  reportDecoder(draft, report, facts.folder?.hasDecoder === true);
  if (model?.sample_shape === undefined || model.inputs === undefined) return;
  if (unknownNames(report, model.inputs, facts.inputs)) return;
  const fed = fedInputs(model.conditioning, facts);
  const free = facts.inputs.filter((port) => !fed.has(port.name));
  const found = findPorts(free, model.sample_shape, model.inputs);
  checkSample(report, model.sample_shape, found.sample, facts.inputs);
  checkTime(report, found.timestep, facts.inputs);
  checkLabels(report, model.conditioning?.class_labels, found.class_labels, facts.inputs);
  reportConditioning(report, model.conditioning, facts, context);
  checkFilled(report, found, fed, facts);
  checkOutput(report, model.sample_shape, facts.outputs);
}

/** Every input has to be filled; says by what the others are. */
function checkFilled(report: Report, found: FoundPorts, fed: ReadonlyMap<string, string>, facts: HeaderFacts): void {
  const { sample, timestep, class_labels: labels, others } = found;
  if (others.length === 0) return;
  const roles = Object.entries({ 'the sample': sample, 'the time': timestep, class_labels: labels });
  const filled = [
    ...roles.flatMap(([what, port]) => (port === undefined ? [] : [[port.name, what] as const])),
    ...fed,
  ].map(([input, what]) => `${input} takes ${what}`);
  const unfilled = others.map((port) => `${port.name} (${portText(port)})`).join(', ');
  const [inputs, them] = others.length === 1 ? ['an input', 'it a file'] : ['inputs', 'them files'];
  const path = ['model', 'conditioning'];
  report.add({
    code: 'model-input',
    path: report.has(path) ? path : modelPath,
    at: 'key',
    message: `The model has ${inputs} ${unfilled} that nothing fills (${filled.join(', ')}); give ${them} under model.conditioning.tensors, or ${otherWay(others, facts)}.`,
  });
}

function otherWay(unfilled: readonly PortFact[], { folder }: HeaderFacts): string {
  const has = (name: string) => unfilled.some((port) => port.name === name);
  if (promptInputs(folder?.textEncoders.length ?? 0).some(has)) return 'list model.conditioning.prompts';
  if (folder === undefined && has('encoder_hidden_states'))
    return 'list prompts and make model.path the folder that also holds the text encoder';
  return 'name the right inputs under model.inputs';
}

function listed(inputs: readonly PortFact[]): string {
  return inputs.length === 0
    ? 'no inputs'
    : `the inputs ${inputs.map((port) => `${port.name}: ${portText(port)}`).join('; ')}`;
}

function unknownNames(
  report: Report,
  given: Readonly<Partial<Record<PortRole, string | undefined>>>,
  inputs: readonly PortFact[],
): boolean {
  let any = false;
  for (const role of ['sample', 'timestep', 'class_labels'] as const) {
    const name = given[role];
    if (name === undefined || inputs.some((port) => port.name === name)) continue;
    any = true;
    report.add({
      code: 'model-input',
      path: ['model', 'inputs', role],
      message: `The model has no input named ${name}; it has ${listed(inputs)}.`,
    });
  }
  return any;
}

function checkSample(
  report: Report,
  shape: readonly number[],
  port: PortFact | undefined,
  inputs: readonly PortFact[],
): void {
  const wanted = `[batch, ${shape.join(', ')}]`;
  if (port === undefined) {
    report.add({
      code: 'model-input',
      path: shapePath,
      message: `The model has no input that takes a sample of shape ${wanted}; it has ${listed(inputs)}.`,
    });
    return;
  }
  if (!isFloat(port)) {
    const message = `The sample input ${port.name} takes ${port.dtype}; a denoiser takes floating-point samples.`;
    report.add({ code: 'model-input', path: modelPath, message });
    return;
  }
  if (port.shape === null) return;
  const fits = port.shape.length === shape.length + 1 && shape.every((size, i) => fitsAxis(port.shape?.[i + 1], size));
  if (!fits) {
    const axes = port.shape.slice(1);
    const fixed = axes.length >= 1 && axes.length <= 5 && axes.every((axis) => typeof axis === 'number' && axis > 0);
    report.add({
      code: 'model-input',
      path: shapePath,
      message: `model.sample_shape [${shape.join(', ')}] does not fit the input ${port.name}, which takes ${portText(port)}.`,
      ...(fixed ? report.replace(shapePath, `[${axes.join(', ')}]`) : {}),
    });
  }
  const batch = port.shape[0];
  if (typeof batch === 'number' && batch > 0) {
    report.add({
      code: 'model-input',
      path: modelPath,
      message: `The batch axis of the input ${port.name} is fixed at ${batch}; export the model with a dynamic batch axis.`,
    });
  }
}

function fitsAxis(axis: number | string | null | undefined, size: number): boolean {
  return typeof axis !== 'number' || axis <= 0 || axis === size;
}

function checkTime(report: Report, port: PortFact | undefined, inputs: readonly PortFact[]): void {
  if (port === undefined) {
    report.add({
      code: 'model-input',
      path: modelPath,
      message: `The model has no input that takes the time; it has ${listed(inputs)}. Name it under model.inputs.timestep.`,
    });
  } else if ((!isFloat(port) && !isInteger(port)) || (port.shape !== null && port.shape.length > 2)) {
    const message = `The time input ${port.name} takes ${portText(port)}; it must be a number for each sample.`;
    report.add({
      code: 'model-input',
      path: report.has(['model', 'inputs', 'timestep']) ? ['model', 'inputs', 'timestep'] : modelPath,
      message,
    });
  }
}

function checkLabels(
  report: Report,
  labels: readonly number[] | undefined,
  port: PortFact | undefined,
  inputs: readonly PortFact[],
): void {
  if (labels === undefined) return;
  if (labels.length > 0 && port === undefined) {
    report.add({
      code: 'model-input',
      path: labelsPath,
      at: 'pair',
      message: `class_labels are given, but the model has no input for them; it has ${listed(inputs)}. Remove them or name the input under model.inputs.class_labels.`,
    });
  } else if (labels.length === 0 && port !== undefined) {
    report.add({
      code: 'model-input',
      path: report.has(['model', 'conditioning']) ? ['model', 'conditioning'] : ['model'],
      at: 'key',
      message: `The model has a label input ${port.name} (${portText(port)}); list class_labels under model.conditioning.`,
    });
  } else if (port !== undefined && (!isInteger(port) || (port.shape !== null && port.shape.length > 2))) {
    report.add({
      code: 'model-input',
      path: labelsPath,
      at: 'pair',
      message: `The label input ${port.name} takes ${portText(port)}; it must be a whole number for each sample.`,
    });
  }
}

function checkOutput(report: Report, shape: readonly number[], outputs: readonly PortFact[]): void {
  const output = outputs[0];
  if (output === undefined || output.shape === null) return;
  const fits =
    output.shape.length === shape.length + 1 && shape.every((size, i) => fitsAxis(output.shape?.[i + 1], size));
  if (fits) return;
  const learnedVariance = output.shape[1] === 2 * (shape[0] ?? 0);
  report.add({
    code: 'model-output',
    path: shapePath,
    message: learnedVariance
      ? `The model returns ${portText(output)}, twice the channels of model.sample_shape: its learned variance has to be cut off before export.`
      : `The model returns ${portText(output)} in ${output.name}, which is not model.sample_shape [${shape.join(', ')}].`,
  });
}
