import type uPlot from 'uplot';
import type { Learning, SolverView } from './state';

/** What the loss chart draws. */
export interface LossView {
  readonly solver: SolverView;
  /** The learning whose table is kept: the two strong curves. */
  readonly best: Learning | null;
  /** The teacher's own error. */
  readonly floor: number | null;
}

/** A floor further than this factor below all curves would press them flat; it is then only told. */
const farBelow = 30;

/** Iterations, training, validation, the best classic solver, the teacher's own error, and validation of other seeds. */
export function chartData(view: LossView | null): uPlot.AlignedData {
  const learnings = view?.solver.learnings ?? [];
  const iterations = [...new Set(learnings.flatMap(({ steps }) => steps.map(({ iteration }) => iteration)))];
  iterations.sort((a, b) => a - b);
  // Two points make a line: before the first step the classic level is drawn across an empty axis.
  const first = iterations[0] ?? 0;
  const x = iterations.length > 1 ? iterations : [first, first + 1];
  const curve = (learning: Learning | null, loss: 'trainLoss' | 'validationLoss'): (number | null)[] => {
    const losses = new Map(learning?.steps.map((step) => [step.iteration, step[loss]]));
    return x.map((iteration) => positive(losses.get(iteration)));
  };
  const classic = Math.min(...(view?.solver.baselines ?? []).map(({ validationLoss }) => validationLoss));
  const flat = (level: number | null): (number | null)[] => x.map(() => level);
  const others = learnings.filter((learning) => learning !== view?.best);
  const curves = [
    curve(view?.best ?? null, 'trainLoss'),
    curve(view?.best ?? null, 'validationLoss'),
    flat(Number.isFinite(classic) ? classic : null),
  ];
  const faint = others.map((learning) => curve(learning, 'validationLoss'));
  const floor = positive(view?.floor);
  const lowest = Math.min(...[...curves, ...faint].flat().filter((value) => value !== null));
  return [x, ...curves, flat(floor !== null && floor * farBelow > lowest ? floor : null), ...faint];
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
