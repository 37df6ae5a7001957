import type uPlot from 'uplot';
import type { SolverView } from './state';

/** Iterations, training, validation, and the best classic solver as a flat line across them. */
export function chartData(solver: SolverView | null): uPlot.AlignedData {
  const steps = solver?.steps ?? [];
  const classic = Math.min(...(solver?.baselines ?? []).map(({ validationLoss }) => validationLoss));
  const flat = Number.isFinite(classic) ? classic : null;
  // Two points make a line: before the first step the classic level is drawn across an empty axis.
  const x =
    steps.length > 1
      ? steps.map(({ iteration }) => iteration)
      : [steps[0]?.iteration ?? 0, (steps[0]?.iteration ?? 0) + 1];
  return [
    x,
    x.map((_, i) => positive(steps[i]?.trainLoss)),
    x.map((_, i) => positive(steps[i]?.validationLoss)),
    x.map(() => flat),
  ];
}

/** A log axis has no place for zero or for a loss that was not measured. */
function positive(value: number | null | undefined): number | null {
  return value != null && value > 0 ? value : null;
}

/** A little air above and below. Without any value there is still an axis to draw. */
export function lossRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0.001, 1];
  return [min / 1.25, max * 1.25];
}

/** 1, 2 and 5 of every decade in the range; powers of ten alone where that would be a crowd. */
export function lossTicks(min: number, max: number): number[] {
  const first = Math.floor(Math.log10(min));
  const last = Math.ceil(Math.log10(max));
  const mantissas = last - first > 4 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let decade = first; decade <= last; decade++) {
    for (const mantissa of mantissas) {
      const tick = Number(`${mantissa}e${decade}`);
      if (tick >= min && tick <= max) ticks.push(tick);
    }
  }
  return ticks;
}
