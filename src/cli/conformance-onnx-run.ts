import { openModelFile } from '../onnx';
import { readReference, type Reference } from '../onnx/conformance/reference';
import { checkReference, type CaseResult } from '../jobs/conformance-onnx';
import { readJson, type ReferenceFiles } from './conformance-onnx-folder';

export type ConformanceDevice = NonNullable<Parameters<typeof checkReference>[2]>;

export interface ModelResult {
  readonly name: string;
  /** Why the model could not be checked at all, or null. */
  readonly problem: string | null;
  /** How many cases could therefore not be checked. */
  readonly unchecked: number;
  /** No port is narrower or wider than float32. */
  readonly float32: boolean;
  readonly cases: readonly CaseResult[];
}

/** Checks one model after the other; one that cannot be checked is a result with the reason, and the rest goes on. */
export async function* runModels(
  models: readonly ReferenceFiles[],
  device: ConformanceDevice,
): AsyncGenerator<ModelResult> {
  for (const files of models) yield await runModel(files, device);
}

async function runModel({ name, onnx, json }: ReferenceFiles, device: ConformanceDevice): Promise<ModelResult> {
  let reference: Reference | undefined;
  try {
    reference = readReference(await readJson(json), json);
    const cases = await checkReference(await openModelFile(onnx), reference, device);
    return { name, problem: null, unchecked: 0, float32: isFloat32(reference), cases };
  } catch (error) {
    return {
      name,
      problem: error instanceof Error ? error.message : String(error),
      unchecked: reference?.cases.length ?? 1,
      float32: reference !== undefined && isFloat32(reference),
      cases: [],
    };
  }
}

function isFloat32({ cases }: Reference): boolean {
  const fed = cases.flatMap(({ inputs }) => Object.values(inputs));
  return fed.every(({ dtype }) => dtype === 'float32' || !dtype.includes('float'));
}
