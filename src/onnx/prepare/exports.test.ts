import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openModel, relativeError, type Values } from '../../../test/support/onnx-run';
import { buildVjpGraph, parseModel } from '../index';
import { prepareModel } from './index';

/** Small networks in the forms of several operator sets, with float64 autograd values (see make.py beside them). */
const folder = join(import.meta.dirname, '../../../test/data/onnx/opsets');

const read = (name: string, opset: number) =>
  parseModel(new Uint8Array(readFileSync(join(folder, `${name}_op${opset}.onnx`))), `${name}_op${opset}.onnx`);

interface Reference {
  readonly inputs: Record<string, Values>;
  readonly outputs: Record<string, Values>;
  readonly cotangents: Record<string, Values>;
  readonly gradients: Record<string, Values>;
}

const files = [
  ...[9, 11, 13, 16, 18, 20].flatMap((opset) => [['convolutional', opset] as const, ['attention', opset] as const]),
  ['branches', 11] as const,
  ['branches', 17] as const,
  ['functions', 15] as const,
];

describe.each(files)('%s, operator set %i', (name, opset) => {
  const model = read(name, opset);
  const reference = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Reference;

  test('forward and VJP agree with PyTorch', async () => {
    const cotangents = Object.entries(reference.cotangents).map(([y, values]) => [`${y}_cotangent`, values] as const);
    const run = await openModel(buildVjpGraph(model));
    const results = await run({ ...reference.inputs, ...Object.fromEntries(cotangents) });
    for (const [y, values] of Object.entries(reference.outputs)) {
      expect(relativeError(results[y], values), y).toBeLessThan(1e-5);
    }
    for (const [x, values] of Object.entries(reference.gradients)) {
      expect(relativeError(results[`${x}_gradient`], values), `gradient of ${x}`).toBeLessThan(2e-5);
    }
  });

  test('is prepared without functions and branches, with the weights it had', () => {
    const prepared = prepareModel(model);
    expect(prepared.opset).toBe(21);
    expect(prepared.proto.functions).toEqual([]);
    expect(prepared.graph.node.filter((node) => node.opType === 'If')).toEqual([]);
    for (const weight of model.graph.initializer) expect(prepared.graph.initializer).toContain(weight);
  });
});
