import type uPlot from 'uplot';
import { formatLoss } from '../src/protocol/wording';
import type { SolverView } from './state';
import { themeColor } from './theme';

const height = 240;

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

export function chartOptions(width: number, onHover: (index: number | null) => void): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: themeColor('--quiet'),
    font: `11px ${themeColor('--vscode-font-family')}`,
    grid: { stroke: themeColor('--chart-grid'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    padding: [12, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { size: 7 } },
    scales: {
      x: { time: false, range: (_, min, max) => [min, Math.max(max, min + 1)] },
      y: { distr: 3, range: (_, min, max) => lossRange(min, max) },
    },
    axes: [
      { ...axis, size: 30, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
      {
        ...axis,
        size: 52,
        splits: (_, __, min, max) => lossTicks(min, max),
        filter: (_, splits) => splits,
        values: (_, splits) => splits.map(formatLoss),
      },
    ],
    series: [
      {},
      { stroke: themeColor('--train'), width: 1.5, dash: [4, 3], spanGaps: true, points: { show: false } },
      { stroke: themeColor('--learned'), width: 2, spanGaps: true, points: { size: 5 } },
      { stroke: themeColor('--classic'), width: 1.5, dash: [10, 4], points: { show: false } },
    ],
    hooks: { setCursor: [(chart) => onHover(chart.cursor.idx ?? null)] },
  };
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
