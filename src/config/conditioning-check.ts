import { resolve } from 'node:path';
import type { Draft } from './draft';
import type { CheckContext, ModelFacts, TensorFacts } from './facts';
import { portText } from './ports';
import type { PortFact } from './ports';
import { promptInputs } from './prompt-inputs';
import type { Report } from './report';
import type { Path } from './yaml-tree';

type Conditioning = NonNullable<NonNullable<Draft['model']>['conditioning']>;
type Header = Extract<ModelFacts, { kind: 'header' }>;

const block: Path = ['model', 'conditioning'];

/** Which inputs of the network conditioning fills, and from what. */
export function fedInputs(given: Conditioning | undefined, facts: Header): Map<string, string> {
  const inputs = new Set(facts.inputs.map(({ name }) => name));
  const byPrompts = given?.prompts?.length ? promptInputs(facts.folder?.textEncoders.length ?? 0) : [];
  return new Map(
    [
      ...byPrompts.map((name) => [name, 'prompts'] as const),
      ...Object.keys(given?.tensors ?? {}).map((name) => [name, 'tensors'] as const),
    ].filter(([name]) => inputs.has(name)),
  );
}

/** Reports prompts that the model folder cannot encode, and tensor files that do not fit the network. */
export function reportConditioning(
  report: Report,
  given: Conditioning | undefined,
  facts: Header,
  context: CheckContext,
): void {
  if (given?.prompts?.length) checkPrompts(report, facts);
  const files = tensorFiles(given, context);
  for (const file of files) checkTensor(report, file, facts);
  checkCounts(report, files);
}

function checkPrompts(report: Report, { folder, inputs }: Header): void {
  const add = (message: string) => report.add({ code: 'model-input', path: [...block, 'prompts'], at: 'key', message });
  if (folder === undefined) {
    add(
      'prompts need a text encoder, and model.path is a single file; name the diffusers-style folder that holds text_encoder and tokenizer too, or give encoded prompts under model.conditioning.tensors.',
    );
    return;
  }
  const { textEncoders } = folder;
  if (textEncoders.length === 0) {
    add(
      'prompts need text_encoder/model.onnx in the model folder; export it too, or give encoded prompts under model.conditioning.tensors.',
    );
    return;
  }
  const lacking = textEncoders.findIndex(({ hasTokenizer }) => !hasTokenizer);
  if (lacking >= 0) {
    const name = lacking === 0 ? 'tokenizer' : `tokenizer_${lacking + 1}`;
    add(`prompts need ${name}/tokenizer.json (or vocab.json and merges.txt) in the model folder; copy it there.`);
    return;
  }
  const wanted = promptInputs(textEncoders.length);
  const missing = wanted.filter((name) => !inputs.some((port) => port.name === name));
  if (missing.length > 0) {
    add(
      `prompts fill ${wanted.join(', ')}, but the model has no input ${missing.join(' and no input ')}; give its own inputs files under model.conditioning.tensors.`,
    );
    return;
  }
  const states = inputs.find((port) => port.name === wanted[0]);
  const size = states?.shape?.at(-1);
  const encoded = textEncoders.reduce<number | null>(
    (sum, { width }) => (sum === null || width === null ? null : sum + width),
    0,
  );
  if (states !== undefined && typeof size === 'number' && encoded !== null && encoded !== size) {
    add(
      `The text encoder gives ${encoded} numbers a token, but ${states.name} takes ${portText(states)}; the parts of the model folder do not belong together.`,
    );
  }
}

interface NamedFile {
  readonly path: Path;
  readonly input: string;
  readonly branch: 'tensors' | 'unconditional_tensors';
  readonly facts: TensorFacts;
}

/** The files that exist: missing ones are reported as such. Those of unused keys are left alone. */
function tensorFiles(given: Conditioning | undefined, { baseDir, tensors }: CheckContext): NamedFile[] {
  return (['tensors', 'unconditional_tensors'] as const).flatMap((branch) =>
    Object.entries(given?.[branch] ?? {}).flatMap(([input, file]) => {
      const facts = file === undefined ? undefined : tensors?.get(resolve(baseDir, file));
      const used = branch === 'tensors' || Object.hasOwn(given?.tensors ?? {}, input);
      return facts === undefined || !used ? [] : [{ path: [...block, branch, input], input, branch, facts }];
    }),
  );
}

function checkTensor(report: Report, { path, input, branch, facts }: NamedFile, { inputs }: Header): void {
  const port = inputs.find(({ name }) => name === input);
  if (port === undefined) {
    if (branch === 'unconditional_tensors') return;
    const names = inputs.map(({ name }) => name).join(', ');
    const message = `The model has no input named ${input}; it has ${names}.`;
    report.add({ code: 'model-input', path, at: 'key', message });
    return;
  }
  if ('problem' in facts) {
    report.add({ code: 'tensor-file', path, message: facts.problem });
    return;
  }
  if (fits(facts.shape, port)) return;
  report.add({
    code: 'tensor-file',
    path,
    message: `The file holds ${facts.dtype}[${facts.shape.join(', ')}], and ${input} takes ${portText(port)}; it must have one row of that shape for each condition.`,
  });
}

/** The first axis is conditions in the file and samples in the network. */
function fits(shape: readonly number[], port: PortFact): boolean {
  if (shape.length === 0 || shape[0] === 0) return false;
  if (port.shape === null) return true;
  return (
    shape.length === port.shape.length &&
    shape.slice(1).every((size, i) => {
      const axis = port.shape?.[i + 1];
      return typeof axis !== 'number' || axis === size;
    })
  );
}

/** All files have the same conditions; an unconditional one may have a single row. */
function checkCounts(report: Report, files: readonly NamedFile[]): void {
  const counted = files.flatMap((file) =>
    'shape' in file.facts ? [{ ...file, count: file.facts.shape[0] ?? 0 }] : [],
  );
  const first = counted.find(({ branch }) => branch === 'tensors');
  if (first === undefined) return;
  for (const { path, branch, count } of counted) {
    if (count === first.count || (branch === 'unconditional_tensors' && count === 1)) continue;
    report.add({
      code: 'tensor-file',
      path,
      message: `The file has ${count} rows, but that of ${first.input} has ${first.count}; all need a row for each condition.`,
      related: [{ path: first.path, message: `${first.count} conditions.` }],
    });
  }
}
