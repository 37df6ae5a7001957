import type { Operation } from '../rules/rule';

/**
 * Writes a composite operator as primitive ones, each of which has a gradient rule; returns the values that stand for
 * the node's outputs, in order (undefined for outputs that nothing reads).
 */
export type Expansion = (operation: Operation) => (string | undefined)[];

/** Expansions by operator, with its domain where that is not the default one: `Attention`, `com.microsoft.QuickGelu`. */
export type ExpansionTable = Readonly<Record<string, Expansion>>;
