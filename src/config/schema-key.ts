import * as z from 'zod';

/** What a reader needs to know about one key; it becomes hover text, completion text, JSON Schema and docs/config.md. */
interface KeyDoc {
  readonly text: string;
  readonly unit?: string;
  /** Said in words where the default depends on other keys. */
  readonly defaultText?: string;
  /** The paper or library that the name or the number comes from. */
  readonly source?: string;
  /** What a template or a quick fix writes for a key without a default. */
  readonly example?: unknown;
}

/** The words about a key, as its schema carries them. */
export function meta({ text, unit, defaultText, source, example }: KeyDoc) {
  return {
    description: text,
    ...(example === undefined ? {} : { examples: [example] }),
    ...(unit === undefined ? {} : { 'x-unit': unit }),
    ...(defaultText === undefined ? {} : { 'x-default': defaultText }),
    ...(source === undefined ? {} : { 'x-source': source }),
  };
}

/** An enumeration with one sentence for each value; JSON Schema readers know `enumDescriptions`. */
export function choice<const T extends Record<string, string>>(values: T) {
  const names = Object.keys(values) as [keyof T & string, ...(keyof T & string)[]];
  return z.enum(names).meta({ enumDescriptions: Object.values(values) });
}

/** A whole number within bounds. */
export const count = (min: number, max: number) => z.int().min(min).max(max);
export const filePath = () => z.string().min(1).max(4096);
