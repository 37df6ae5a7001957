import * as z from 'zod';
import { solverYaml } from './schema';

/** The parts of JSON Schema (draft 7) that the schema of solver.yaml uses, with our own `x-` words. */
export interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  /** Schema of the values of a map with free keys; false for a block of fixed keys. */
  readonly additionalProperties?: SchemaNode | false;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly enum?: readonly unknown[];
  readonly enumDescriptions?: readonly string[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly 'x-unit'?: string;
  readonly 'x-default'?: string;
  readonly 'x-source'?: string;
}

/** JSON Schema of solver.yaml, made from the zod schema; checks, completion, hover and documentation read this one. */
export const jsonSchema = z.toJSONSchema(solverYaml, { target: 'draft-7', io: 'input' }) as SchemaNode;
