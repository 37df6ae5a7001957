/** Losses of one learning by iteration. */
export type LossSeries = readonly {
  readonly iteration: number;
  readonly trainLoss: number;
  readonly validationLoss: number | null;
}[];

const width = 640;
const height = 280;
const margin = { left: 64, right: 16, top: 28, bottom: 36 };

/** Training and validation loss on a logarithmic axis, as SVG for report.md. */
export function lossChart(nfe: number, series: LossSeries): string {
  const values = series.flatMap(({ trainLoss, validationLoss }) => [trainLoss, validationLoss ?? trainLoss]);
  const drawable = values.filter((value) => Number.isFinite(value) && value > 0).map(Math.log10);
  const finite = drawable.length > 0 ? drawable : [0];
  const low = Math.floor(Math.min(...finite) * 10) / 10;
  const high = Math.ceil(Math.max(...finite) * 10) / 10 || 0;
  const last = Math.max(1, ...series.map(({ iteration }) => iteration));
  const x = (iteration: number): number => margin.left + ((width - margin.left - margin.right) * iteration) / last;
  const y = (loss: number): number =>
    margin.top + ((height - margin.top - margin.bottom) * (high - Math.log10(loss))) / Math.max(1e-9, high - low);
  const line = (points: readonly (readonly [number, number])[], colour: string): string =>
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points
      .filter(([, loss]) => loss > 0 && Number.isFinite(loss))
      .map(([iteration, loss]) => `${x(iteration).toFixed(1)},${y(loss).toFixed(1)}`)
      .join(' ')}"/>`;
  const ticks = Array.from({ length: 5 }, (_, i) => low + ((high - low) * i) / 4);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${margin.left}" y="18">Mean squared error at ${nfe} evaluations</text>`,
    ...ticks.map((tick) => {
      const at = y(10 ** tick).toFixed(1);
      return `<line x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}" stroke="#dddddd"/><text x="${margin.left - 6}" y="${at}" text-anchor="end" dominant-baseline="middle">${(10 ** tick).toPrecision(2)}</text>`;
    }),
    line(
      series.map(({ iteration, trainLoss }) => [iteration, trainLoss] as const),
      '#1f77b4',
    ),
    line(
      series.flatMap(({ iteration, validationLoss }) =>
        validationLoss === null ? [] : [[iteration, validationLoss] as const],
      ),
      '#d62728',
    ),
    `<text x="${width - margin.right}" y="18" text-anchor="end"><tspan fill="#1f77b4">training</tspan> <tspan fill="#d62728">validation</tspan></text>`,
    `<text x="${(width + margin.left) / 2}" y="${height - 8}" text-anchor="middle">iteration (0 … ${last})</text>`,
    '</svg>',
    '',
  ].join('\n');
}
