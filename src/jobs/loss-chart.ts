/** Losses of one learning by iteration. */
export type LossSeries = readonly {
  readonly iteration: number;
  readonly trainLoss: number;
  readonly validationLoss: number | null;
}[];

const blue = '#1f77b4';
const red = '#d62728';
const width = 640;
const height = 280;
const margin = { left: 64, right: 16, top: 28, bottom: 36 };

export interface LossChartOptions {
  readonly nfe: number;
  /** What the losses are called: `mse`, `LPIPS`, … */
  readonly lossName: string;
  /** The teacher's own error, a dashed line; null where it is not known, or not of this loss. */
  readonly floor: number | null;
  /** The other seeds; only their validation is drawn, faintly. */
  readonly others?: readonly LossSeries[];
}

/** Training and validation loss on a logarithmic axis, as SVG for report.md. */
export function lossChart(series: LossSeries, { nfe, lossName, floor, others = [] }: LossChartOptions): string {
  const values = [
    ...series.flatMap(({ trainLoss, validationLoss }) => [trainLoss, validationLoss ?? trainLoss]),
    ...others.flatMap((other) => other.map(({ trainLoss, validationLoss }) => validationLoss ?? trainLoss)),
    ...(floor === null ? [] : [floor]),
  ];
  const drawable = values.filter((value) => Number.isFinite(value) && value > 0).map(Math.log10);
  const finite = drawable.length > 0 ? drawable : [0];
  const low = Math.floor(Math.min(...finite) * 10) / 10;
  const high = Math.ceil(Math.max(...finite) * 10) / 10 || 0;
  const last = Math.max(1, ...[series, ...others].flat().map(({ iteration }) => iteration));
  const x = (iteration: number): number => margin.left + ((width - margin.left - margin.right) * iteration) / last;
  const y = (loss: number): number =>
    margin.top + ((height - margin.top - margin.bottom) * (high - Math.log10(loss))) / Math.max(1e-9, high - low);
  const line = (points: readonly (readonly [number, number])[], colour: string, look = 'stroke-width="2"'): string =>
    `<polyline fill="none" stroke="${colour}" ${look} points="${points
      .filter(([, loss]) => loss > 0 && Number.isFinite(loss))
      .map(([iteration, loss]) => `${x(iteration).toFixed(1)},${y(loss).toFixed(1)}`)
      .join(' ')}"/>`;
  const ticks = Array.from({ length: 5 }, (_, i) => low + ((high - low) * i) / 4);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${margin.left}" y="18">Loss (${lossName}) at ${nfe} evaluations</text>`,
    ...ticks.map((tick) => {
      const at = y(10 ** tick).toFixed(1);
      return `<line x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}" stroke="#dddddd"/><text x="${margin.left - 6}" y="${at}" text-anchor="end" dominant-baseline="middle">${(10 ** tick).toPrecision(2)}</text>`;
    }),
    ...others.map((other) => line(validationOf(other), red, 'stroke-width="1" stroke-opacity="0.35"')),
    line(
      series.map(({ iteration, trainLoss }) => [iteration, trainLoss] as const),
      blue,
    ),
    line(validationOf(series), red),
    ...(floor !== null && floor > 0 ? [floorLine(y(floor))] : []),
    `<text x="${width - margin.right}" y="18" text-anchor="end"><tspan fill="${blue}">training</tspan> <tspan fill="${red}">validation</tspan></text>`,
    `<text x="${(width + margin.left) / 2}" y="${height - 8}" text-anchor="middle">iteration (0 … ${last})</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function validationOf(series: LossSeries): (readonly [number, number])[] {
  return series.flatMap(({ iteration, validationLoss }) =>
    validationLoss === null ? [] : [[iteration, validationLoss] as const],
  );
}

function floorLine(y: number): string {
  const at = y.toFixed(1);
  return (
    `<line x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}" stroke="#555555" stroke-dasharray="6 4"/>` +
    `<text x="${width - margin.right}" y="${at}" dy="-4" text-anchor="end" fill="#555555">teacher’s own error</text>`
  );
}
