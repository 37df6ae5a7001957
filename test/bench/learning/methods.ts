import type { MethodChoice } from '../../../src/learn/methods';

/** What is compared: names of the tables' rows, and what `methodParameterisation` calls them. */
const learned = {
  table: { method: 'table' },
  'table-classic': { method: 'table' },
  s4s: { method: 's4s' },
  's4s-alt': { method: 's4s-alt' },
  's4s-pc': { method: 's4s', family: 'pc' },
  gs: { method: 'gs' },
  bns: { method: 'bns' },
  ld3: { method: 'ld3' },
  dyweight: { method: 'dyweight' },
  neural_solver: { method: 'neural_solver' },
  dode: { method: 'dode' },
  amed: { method: 'amed' },
} as const satisfies Readonly<Record<string, Partial<MethodChoice>>>;

/**
 * What tells why an order that the papers found does not hold: S4S-Alt's numbers all at once instead of in turns, and GS and
 * S4S each from the other's start. Learned only when asked for.
 */
const probes = {
  's4s-alt-joint': { method: 's4s-alt' },
  'gs-from-s4s': { method: 'gs' },
  's4s-from-gs': { method: 's4s' },
} as const satisfies Readonly<Record<string, Partial<MethodChoice>>>;

export type LearnedName = keyof typeof learned | keyof typeof probes;

/** `classic`: the best of all classic solvers. `adam-…`: a learned method by Adam instead of Gauss–Newton. */
export type BenchMethod = 'teacher' | 'classic' | LearnedName | `adam-${LearnedName}`;

export const learnedNames = Object.keys(learned) as (keyof typeof learned)[];
const probeNames = Object.keys(probes) as (keyof typeof probes)[];

/** Adam runs of the table alone, unless others are asked for. */
export const defaultMethods: readonly BenchMethod[] = ['teacher', 'classic', ...learnedNames, 'adam-table'];

/** Ours begins at rows fitted to the teacher's path where that is best, the published methods at classic solvers. */
export function startsAreFitted(method: BenchMethod): boolean {
  return method === 'table';
}

/** K is 3 wherever a method has a window. */
export function choiceOf(name: LearnedName): MethodChoice {
  return { family: 'lms', order: 3, ...{ ...learned, ...probes }[name] };
}

/** Whose classic solver a row begins at, if not at the best one it takes. */
export function lenderOf(name: LearnedName): LearnedName | undefined {
  if (name === 'gs-from-s4s') return 's4s';
  return name === 's4s-from-gs' ? 'gs' : undefined;
}

/** Whether all numbers are learned at once though the method learns them in turns. */
export function isJoint(name: LearnedName): boolean {
  return name === 's4s-alt-joint';
}

export function isAdam(method: BenchMethod): boolean {
  return method.startsWith('adam-');
}

/** The learned method of a row; undefined for teacher and classics. */
export function learnedOf(method: BenchMethod): LearnedName | undefined {
  const name = method.replace(/^adam-/, '');
  return [...learnedNames, ...probeNames].find((known) => known === name);
}

/** @throws Error that says which methods there are */
export function parseMethod(text: string): BenchMethod {
  const all: BenchMethod[] = [
    'teacher',
    'classic',
    ...learnedNames,
    ...learnedNames.map((name) => `adam-${name}` as const),
    ...probeNames,
  ];
  const found = all.find((name) => name === text);
  if (found) return found;
  throw new Error(
    `There is no method "${text}"; there are teacher, classic, ${learnedNames.join(', ')}, adam- before one of those, ` +
      `and ${probeNames.join(', ')}.`,
  );
}
