import { isMap, isScalar, visit } from 'yaml';
import type { Document, YAMLError } from 'yaml';
import type { Diagnostic } from './diagnostic';
import { keyText, maxTextLength, parseTree, rangeOfNode, toPlain, YamlLimitError } from './yaml-tree';

/** A solver.yaml as text, tree and plain data, with what is wrong with the YAML itself. */
export interface Parsed {
  readonly text: string;
  /** Missing when the file is too large to read or its aliases expand without end. */
  readonly document: Document.Parsed | undefined;
  readonly value: unknown;
  readonly diagnostics: readonly Diagnostic[];
}

const limits = {
  'file-too-large': `solver.yaml is larger than ${maxTextLength / 1024} kB or nested too deeply; keep only the keys of a solver in it.`,
  'too-many-aliases':
    'The aliases of this file expand to more than a solver.yaml may hold; write the values out instead.',
};

/** Never throws: broken text gives diagnostics and whatever could be read. */
export function parseSolverYaml(text: string): Parsed {
  try {
    const document = parseTree(text);
    const value = toPlain(document);
    return { text, document, value, diagnostics: [...syntaxErrors(text, document), ...treeErrors(text, document)] };
  } catch (error) {
    if (!(error instanceof YamlLimitError)) throw error;
    const anchor = error.code === 'too-many-aliases' ? /&[^\s,[\]{}]+/.exec(text) : null;
    const start = anchor?.index ?? 0;
    const end = anchor === null ? firstLineEnd(text) : start + anchor[0].length;
    const diagnostic: Diagnostic = { code: error.code, severity: 'error', message: limits[error.code], start, end };
    return { text, document: undefined, value: undefined, diagnostics: [diagnostic] };
  }
}

function firstLineEnd(text: string): number {
  const end = text.indexOf('\n');
  return Math.min(end < 0 ? text.length : end, 200);
}

function syntaxErrors(text: string, document: Document.Parsed): Diagnostic[] {
  return [...document.errors, ...document.warnings].map((error) => {
    const [from, to] = error.pos;
    const start = Math.min(Math.max(from, 0), text.length);
    const lineEnd = text.indexOf('\n', start);
    const end = Math.min(Math.max(to, start), lineEnd < 0 ? text.length : lineEnd);
    const severity = document.errors.includes(error) ? 'error' : 'warning';
    return { code: 'yaml-syntax', severity, message: syntaxMessage(error), start, end };
  });
}

function syntaxMessage(error: YAMLError): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'YAML does not allow tabs as indentation; use spaces.';
    case 'MULTIPLE_DOCS':
      return 'A solver.yaml is one document; remove the `---` and what follows it, or put it in a second file.';
    default:
      return `This is not valid YAML: ${error.message.replace(/\s+/g, ' ').replace(/\.?$/, '.')}`;
  }
}

/** Repeated keys, and aliases that lead nowhere: the YAML library accepts both until the data is used. */
function treeErrors(text: string, document: Document.Parsed): Diagnostic[] {
  const found: Diagnostic[] = [];
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const message = `The alias *${alias.source} has no anchor before it; define &${alias.source} or write the value out.`;
      found.push({ code: 'yaml-syntax', severity: 'error', message, ...rangeOfNode(text, alias) });
    },
    Map(_, map) {
      const first = new Map<string, { start: number; end: number }>();
      for (const { key } of map.items) {
        if (!isScalar(key) && !isMap(key)) continue;
        const name = keyText(key);
        const range = rangeOfNode(text, key);
        const earlier = first.get(name);
        if (earlier === undefined) first.set(name, range);
        else {
          found.push({
            code: 'duplicate-key',
            severity: 'error',
            message: `The key ${name} is given twice here; remove one of them.`,
            ...range,
            related: [{ ...earlier, message: `${name} is first given here.` }],
          });
        }
      }
    },
  });
  return found;
}
