/** Checks of parsed JSON. Each gives the value in its type, or throws a RangeError that names the key. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function objectAt(value: unknown, key: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw wrong(value, key, 'an object');
}

export function listAt(value: unknown, key: string): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw wrong(value, key, 'a list');
}

export function textAt(value: unknown, key: string): string {
  if (typeof value === 'string') return value;
  throw wrong(value, key, 'a text');
}

export function numberAt(value: unknown, key: string): number {
  if (typeof value === 'number') return value;
  throw wrong(value, key, 'a number');
}

export function numbersAt(value: unknown, key: string): readonly number[] {
  return listAt(value, key).map((entry, i) => numberAt(entry, `${key}[${i}]`));
}

/** One of a few texts. */
export function choiceAt<Choice extends string>(value: unknown, key: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw wrong(value, key, `one of ${choices.join(', ')}`);
}

function wrong(value: unknown, key: string, needed: string): RangeError {
  return new RangeError(value === undefined ? `"${key}" is missing` : `"${key}" is not ${needed}`);
}
