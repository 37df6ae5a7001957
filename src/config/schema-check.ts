import { isMap } from 'yaml';
import type * as z from 'zod';
import type { DiagnosticCode, Fix } from './diagnostic';
import type { SchemaNode } from './json-schema';
import { nearest } from './nearest';
import type { Report } from './report';
import { alternatives, blockOf, expectation, isRecord, listedValues, schemaAt, valueAt } from './schema-tree';
import { skeleton } from './skeleton';
import { placeOf, rangeOfNode } from './yaml-tree';
import type { Path } from './yaml-tree';

export function dotted(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}

/** Reports every way in which the data does not fit the schema. Returns the paths whose values cannot be used. */
export function reportSchemaIssues(report: Report, data: unknown, issues: readonly z.core.$ZodIssue[]): Path[] {
  const unusable: Path[] = [];
  for (const { path, unknownKeys } of issues.flatMap((issue) => flatten(issue, []))) {
    if (unknownKeys !== undefined) {
      for (const key of unknownKeys) reportUnknownKey(report, data, path, key);
      continue;
    }
    unusable.push(path);
    const value = valueAt(data, path);
    if (value === undefined && !report.has(path)) reportMissingKey(report, data, path);
    else reportWrongValue(report, data, path, value);
  }
  return unusable;
}

interface FlatIssue {
  readonly path: Path;
  readonly unknownKeys?: readonly string[];
}

function flatten(issue: z.core.$ZodIssue, prefix: Path): FlatIssue[] {
  const path = [...prefix, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code === 'unrecognized_keys') return [{ path, unknownKeys: issue.keys }];
  if (issue.code === 'invalid_union') {
    // Of `auto | { … }`, a block is meant to be the block: say what is wrong inside it.
    const inner = issue.errors.filter((errors) =>
      errors.every((error) => error.path.length > 0 || error.code === 'unrecognized_keys'),
    );
    if (inner.length === 1) return inner.flat().flatMap((error) => flatten(error, path));
  }
  return [{ path }];
}

function reportUnknownKey(report: Report, data: unknown, parent: Path, key: string): void {
  const path = [...parent, key];
  const node = schemaAt(parent, data);
  const known = Object.keys((node && blockOf(node, valueAt(data, parent)))?.properties ?? {});
  const present = valueAt(data, parent);
  const free = known.filter((candidate) => !(isRecord(present) && Object.hasOwn(present, candidate)));
  const meant = nearest(key, free);
  const where = parent.length === 0 ? 'solver.yaml' : dotted(parent);
  const keyNode = placeOf(report.document, path)?.key;
  const fix: Fix | undefined =
    meant === undefined || keyNode === undefined
      ? undefined
      : { title: `Rename to ${meant}`, newText: meant, ...rangeOfNode(report.text, keyNode) };
  const help = meant !== undefined ? `did you mean ${meant}?` : `known keys are ${known.join(', ')}.`;
  report.add({
    code: 'unknown-key',
    path,
    at: 'key',
    message: `${where} has no key ${key}; ${help}`,
    ...(fix === undefined ? {} : { fix }),
  });
}

function reportMissingKey(report: Report, data: unknown, path: Path): void {
  const parent = path.slice(0, -1);
  const node = schemaAt(path, data);
  const fix = node === undefined ? undefined : insertion(report, parent, String(path.at(-1)), node);
  report.add({
    code: 'missing-key',
    path,
    message: `${dotted(path)} is missing; it must be ${node === undefined ? 'given' : expectation(node)}.`,
    ...(fix === undefined ? {} : { fix }),
  });
}

/** Text that adds a key in front of the first key of its block. */
function insertion(report: Report, parent: Path, key: string, node: SchemaNode): Fix | undefined {
  const map = placeOf(report.document, parent)?.value;
  const title = `Add ${key}`;
  if (!isMap(map)) return undefined;
  const first = map.items[0]?.key;
  const start = placeOf(report.document, [...parent, String(first)])?.key?.range?.[0];
  if (start === undefined) return undefined;
  const lineStart = report.text.lastIndexOf('\n', start - 1) + 1;
  const indent = report.text.slice(lineStart, start);
  if (map.flow === true || !/^ *$/.test(indent)) {
    const text = skeleton(key, node, '');
    return text.includes('\n') ? undefined : { title, newText: `${text}, `, start, end: start };
  }
  return { title, newText: `${skeleton(key, node, indent)}\n${indent}`, start, end: start };
}

function reportWrongValue(report: Report, data: unknown, path: Path, value: unknown): void {
  const name = dotted(path);
  const node = schemaAt(path, data);
  if (name === 'version' && typeof value === 'number') {
    report.add({
      code: 'unknown-value',
      path,
      message: `version must be 1; a file of version ${value} needs another release of S4S Studio.`,
      ...report.replace(path, '1'),
    });
    return;
  }
  if (node === undefined) {
    report.add({ code: 'wrong-type', path, message: `${name || 'solver.yaml'} has a value that cannot be used.` });
    return;
  }
  const subject = name === '' ? 'solver.yaml' : name;
  const better = suggestion(node, value);
  report.add({
    code: codeFor(node, value),
    path,
    message: `${subject} must be ${expectation(node)}; ${shown(value)}.`,
    ...(better === undefined ? {} : report.replace(path, better)),
  });
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'it has no value';
  if (Array.isArray(value)) return value.length === 0 ? 'it is an empty list' : `it is a list of ${value.length}`;
  if (typeof value === 'object') return 'it is a block of keys';
  if (typeof value === 'string') return `it is the text "${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`;
  return `it is ${JSON.stringify(value)}`;
}

function codeFor(node: SchemaNode, value: unknown): DiagnosticCode {
  const options = alternatives(node);
  const takes = (type: string) => options.some((option) => option.type === type && option.enum === undefined);
  if (typeof value === 'number') {
    if (takes('number') && Number.isFinite(value)) return 'out-of-range';
    return takes('integer') && Number.isInteger(value) ? 'out-of-range' : 'wrong-type';
  }
  if (typeof value === 'string') {
    if (options.some((option) => option.enum !== undefined && option.type === 'string')) return 'unknown-value';
    return takes('string') ? 'out-of-range' : 'wrong-type';
  }
  return Array.isArray(value) && takes('array') ? 'out-of-range' : 'wrong-type';
}

/** The text of the nearest value the node takes. */
function suggestion(node: SchemaNode, value: unknown): string | undefined {
  const numeric = alternatives(node).find((option) => option.type === 'integer' || option.type === 'number');
  if (typeof value === 'string') {
    const names = listedValues(node).flatMap((item) => (typeof item.value === 'string' ? [item.value] : []));
    if (numeric !== undefined && /^-?\d+(\.\d+)?$/.test(value) && fits(numeric, Number(value))) return value;
    return nearest(value, names);
  }
  if (typeof value !== 'number' || numeric === undefined || !Number.isFinite(value)) return undefined;
  const { minimum = -Infinity, maximum = Infinity } = numeric;
  const rounded = numeric.type === 'integer' ? Math.round(value) : value;
  const clamped = Math.min(Math.max(rounded, minimum), maximum);
  return clamped !== value && fits(numeric, clamped) ? String(clamped) : undefined;
}

function fits(node: SchemaNode, value: number): boolean {
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = node;
  if (node.type === 'integer' && !Number.isInteger(value)) return false;
  return value >= minimum && value <= maximum && value > exclusiveMinimum && value < exclusiveMaximum;
}
