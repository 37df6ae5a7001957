import { resolve } from 'node:path';
import type { Diagnostic } from './diagnostic';
import { draftOf } from './draft';
import type { Draft } from './draft';
import type { CheckContext } from './facts';
import { jsonSchema } from './json-schema';
import { reportModel } from './model-check';
import { parseSolverYaml } from './parse';
import { Report } from './report';
import { reportConflicts } from './rules';
import { resolveConfig } from './resolve';
import type { ResolvedConfig } from './resolved';
import { defaultOutput, solverYaml } from './schema';
import { reportSchemaIssues } from './schema-check';
import { isRecord, valueAt } from './schema-tree';
import { skeleton } from './skeleton';
import type { Path } from './yaml-tree';

const tensorKeys = ['tensors', 'unconditional_tensors'] as const;

export interface Checked {
  /** In the order of the text. */
  readonly diagnostics: readonly Diagnostic[];
  /** Present when no diagnostic is an error. */
  readonly config?: ResolvedConfig;
}

/** Everything that is wrong with the text of a solver.yaml, and the config it stands for when nothing is. Never throws. */
export function checkSolverYaml(text: string, context: CheckContext): Checked {
  const parsed = parseSolverYaml(text);
  const { document, value } = parsed;
  if (document === undefined) return { diagnostics: parsed.diagnostics };
  const report = new Report(text, document);
  if (document.contents === null && document.errors.length === 0) {
    report.add({
      code: 'missing-key',
      path: [],
      message: 'This solver.yaml is empty; it needs at least version and model.',
      fix: { title: 'Add version and model', newText: template(), start: text.length, end: text.length },
    });
    return { diagnostics: report.diagnostics };
  }
  const result = solverYaml.safeParse(value);
  const unusable = reportSchemaIssues(report, value, result.error?.issues ?? []);
  const draft = draftOf(value, unusable);
  reportConflicts(report, draft);
  if (context.model !== undefined && draft.model?.path !== undefined)
    reportModel(report, draft, context.model, context);
  reportMissingFiles(report, draft, context);
  const diagnostics = [...parsed.diagnostics, ...withoutEchoes(report.diagnostics, parsed.diagnostics)].sort(
    (a, b) => a.start - b.start || a.end - b.end,
  );
  const failed = diagnostics.some((diagnostic) => diagnostic.severity === 'error') || !result.success;
  return failed ? { diagnostics } : { diagnostics, config: resolveConfig(result.data, context.baseDir) };
}

/** The keys that every file needs. */
function template(): string {
  const { properties = {}, required = [] } = jsonSchema;
  const lines = Object.entries(properties).filter(([key]) => required.includes(key));
  return lines.map(([key, node]) => `${skeleton(key, node, '')}\n`).join('');
}

/** A broken line also looks like an unknown key or a wrong value: only the syntax error is said about it. */
function withoutEchoes(found: readonly Diagnostic[], syntax: readonly Diagnostic[]): Diagnostic[] {
  const broken = syntax.filter((diagnostic) => diagnostic.code === 'yaml-syntax' && diagnostic.severity === 'error');
  const touches = (a: Diagnostic, b: Diagnostic) => a.start <= b.end && b.start <= a.end;
  return found.filter(
    (diagnostic) => diagnostic.code === 'missing-key' || !broken.some((error) => touches(diagnostic, error)),
  );
}

function reportMissingFiles(report: Report, draft: Draft, { baseDir, missingFiles = [] }: CheckContext): void {
  const { evaluation, model, objective } = draft;
  const conditioning = model?.conditioning;
  const named: readonly [Path, string | null | undefined][] = [
    ...(['classifier', 'feature_statistics'] as const).map(
      (key) => [['evaluation', key], evaluation?.[key]] satisfies [Path, unknown],
    ),
    ...(['network', 'sample_weights'] as const).map(
      (key) => [['objective', key], objective?.[key]] satisfies [Path, unknown],
    ),
    ...tensorKeys.flatMap((key) =>
      Object.entries(conditioning?.[key] ?? {}).map(
        ([input, path]) => [['model', 'conditioning', key, input], path] satisfies [Path, unknown],
      ),
    ),
  ];
  for (const [path, file] of named) {
    if (file == null || !missingFiles.includes(resolve(baseDir, file))) continue;
    report.add({
      code: 'file-missing',
      path,
      message: `There is no file ${resolve(baseDir, file)}; correct ${path.join('.')} or remove it.`,
    });
  }
}

export interface ReferencedFiles {
  /** The model file or folder. */
  readonly model?: string;
  /** Files of conditioning tensors. */
  readonly tensors: readonly string[];
  /** Classifier, feature statistics, and the files of the objective. */
  readonly others: readonly string[];
  /** Folder that run folders are made in. */
  readonly output: string;
}

/** Absolute paths of the files that a text names, also when the text has errors elsewhere. */
export function referencedFiles(text: string, baseDir: string): ReferencedFiles {
  const { value } = parseSolverYaml(text);
  const pathAt = (...path: string[]) => {
    const found = valueAt(value, path);
    return typeof found === 'string' && found !== '' ? [resolve(baseDir, found)] : [];
  };
  const [model] = pathAt('model', 'path');
  const others = [
    ...pathAt('evaluation', 'classifier'),
    ...pathAt('evaluation', 'feature_statistics'),
    ...pathAt('objective', 'network'),
    ...pathAt('objective', 'sample_weights'),
  ];
  const tensors = tensorKeys.flatMap((key) => {
    const files = valueAt(value, ['model', 'conditioning', key]);
    return Object.keys(isRecord(files) ? files : {}).flatMap((input) => pathAt('model', 'conditioning', key, input));
  });
  const output = pathAt('output')[0] ?? resolve(baseDir, defaultOutput);
  return { ...(model === undefined ? {} : { model }), tensors, others, output };
}
