import type { CaseResult, TensorError } from '../jobs/conformance-onnx';
import type { ModelResult } from './conformance-onnx-run';

export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly float32Cases: number;
  /** Median over float32 cases of the worst gradient error in a case; null without such a case. */
  readonly medianGradientError: number | null;
}

export function summarise(results: readonly ModelResult[]): Summary {
  const cases = results.flatMap((result) => result.cases);
  const passed = cases.filter((result) => result.passed).length;
  const errors = results
    .filter((result) => result.float32)
    .flatMap((result) => result.cases.filter(({ gradients }) => gradients.length > 0))
    .map(({ gradients }) => Math.max(...gradients.map(({ error }) => error)));
  return {
    passed,
    failed: cases.length - passed + results.reduce((sum, result) => sum + result.unchecked, 0),
    float32Cases: errors.length,
    medianGradientError: errors.length > 0 ? median(errors) : null,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** `  batch2  forward 1.2e-7  gradient x 3.4e-6, sigma 5.6e-6  12 ms  pass`; errors above the tolerance have an "!". */
export function caseLine({ name, outputs, gradients, ms, passed }: CaseResult): string {
  const list = (errors: readonly TensorError[]): string =>
    errors.map((tensor) => `${tensor.name} ${number(tensor)}`).join(', ');
  const forward = outputs.length === 1 && outputs[0] ? number(outputs[0]) : list(outputs);
  return `  ${name.padEnd(14)}  forward ${forward}  gradient ${list(gradients)}  ${ms.toFixed(0)} ms  ${passed ? 'pass' : 'FAIL'}`;
}

const number = ({ error, passed }: TensorError): string => `${error.toExponential(1)}${passed ? '' : '!'}`;

export function problemLines({ problem, unchecked }: ModelResult): string[] {
  if (problem === null) return [];
  return [`  FAIL (${unchecked} ${unchecked === 1 ? 'case' : 'cases'}): ${problem}`];
}
