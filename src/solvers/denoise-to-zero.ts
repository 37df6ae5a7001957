import type { GridPoint } from '../diffusion/grid-point';
import { combine, TableRecorder, type LinearForm, type RecordedTable, type TableProblem } from './linear-form';
import { rowOffset } from './table';

/**
 * A table with one more evaluation: the data predicted at its sample, whose noise level is that of `end`. It is a step of
 * first order to σ = 0 (Ho et al. 2020 end their sampler so); `denoise_to_zero` in the DPM-Solver and UniPC programs.
 *
 * @param problem what the table was filled for
 */
export function denoiseToZero(problem: TableProblem, table: RecordedTable, end: GridPoint): RecordedTable {
  const { nfe, start, weights, offset, calls } = table;
  const recorder = new TableRecorder(problem, nfe + 1);
  const outputs: LinearForm[] = [];
  const state = (k: number): LinearForm =>
    combine(
      [start[k]!, recorder.start],
      ...outputs.map((output, j): [number, LinearForm] => [weights[rowOffset(k - 1) + j]!, output]),
      [offset?.[k] ?? 0, recorder.one],
    );
  for (const [k, point] of calls.entries()) outputs.push(recorder.evaluate(state(k), point).output);
  return recorder.finish(recorder.evaluate(state(nfe), end).data);
}
