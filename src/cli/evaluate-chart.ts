import type { Evaluation, EvaluationRow } from '../jobs/evaluation-file';

/** One line of a panel. */
interface Series {
  readonly name: string;
  /** Place in the palette, or null for the thin lines of the other classic solvers. */
  readonly colour: number | null;
  readonly points: readonly { readonly nfe: number; readonly row: EvaluationRow }[];
}

interface Quality {
  readonly title: string;
  readonly value: (row: EvaluationRow) => number | null;
  readonly interval: (row: EvaluationRow) => readonly [number, number] | null;
  /** What the teacher has. */
  readonly reference: number | null;
}

const width = 720;
const panelHeight = 300;
const margin = { left: 64, right: 20, top: 36, bottom: 44 };
const legendLine = 18;
/** More lines than this cannot be told apart: the classic ones then are thin, and their best is one line. */
const mostNamed = 8;

const light = ['#0072b2', '#d55e00', '#007a5a', '#a3407f', '#6b5b00', '#5b3fb8', '#9c1f1f', '#3f4a56'];
const dark = ['#56b4e9', '#ff9a4d', '#3fcf9f', '#e58fc5', '#e0cf3a', '#b7a3ff', '#ff8a8a', '#b9c4cf'];

/** Quality against evaluations, a line for each solver, as an SVG that follows the light or dark theme of its reader. */
export function evaluationChart(evaluation: Evaluation): string {
  const { results, teacher } = evaluation;
  const { floor, quality } = teacher;
  const series = seriesOf(results);
  const panels: Quality[] = [
    {
      title: 'Mean squared error to the teacher (logarithmic)',
      value: (row) => row.quality?.mse ?? null,
      interval: (row) => row.quality?.mse_ci95 ?? null,
      reference: floor && floor.mse > 0 ? floor.mse : null,
    },
    ...(quality.fd === null
      ? []
      : [
          {
            title: `Fréchet distance to real data (${evaluation.key.samples} samples, biased upwards; logarithmic)`,
            value: (row: EvaluationRow) => row.quality?.fd ?? null,
            interval: (row: EvaluationRow) => row.quality?.fd_ci95 ?? null,
            reference: quality.fd > 0 ? quality.fd : null,
          },
        ]),
  ];
  const named = series.filter(({ colour }) => colour !== null);
  const hasOthers = named.length < series.length;
  const legendTop = panels.length * panelHeight + 8;
  const height = legendTop + (named.length + (hasOthers ? 2 : 1)) * legendLine + 8;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" role="img" aria-label="Quality against network evaluations">`,
    `<style>${styles()}</style>`,
    `<rect width="${width}" height="${height}" class="paper"/>`,
    ...panels.map(
      (panel, i) => `<g transform="translate(0 ${i * panelHeight})">${panelMarks(panel, series, results)}</g>`,
    ),
    ...named.map(({ name, colour }, i) => legendEntry(legendTop + i * legendLine, name, `c${colour}`, colour)),
    ...(hasOthers ? [legendEntry(legendTop + named.length * legendLine, 'other classic solvers', 'other', null)] : []),
    dashedEntry(height - legendLine - 8),
    '</svg>',
    '',
  ].join('\n');
}

function styles(): string {
  const colours = (palette: readonly string[]): string =>
    palette.map((colour, i) => `.c${i}{stroke:${colour};fill:${colour}}`).join('');
  return (
    `.paper{fill:#fff}text{fill:#24292f}.grid{stroke:#e3e6e9}.floor{stroke:#57606a}.other{stroke:#b3bac1;fill:#b3bac1}${colours(light)}` +
    `@media (prefers-color-scheme:dark){.paper{fill:#1b1f24}text{fill:#e6e9ec}.grid{stroke:#343a41}.floor{stroke:#a9b2bb}.other{stroke:#59626c;fill:#59626c}${colours(dark)}}` +
    '.thick{stroke-width:2}'
  );
}

/** A line for each name; where there are too many, the best classic table at each number of evaluations is one. */
function seriesOf(results: readonly EvaluationRow[]): Series[] {
  const lines = new Map<string, { row: EvaluationRow; nfe: number }[]>();
  for (const row of results) {
    if (!row.quality) continue;
    for (const name of row.learned ? row.names.slice(0, 1) : row.names) {
      lines.set(name, [...(lines.get(name) ?? []), { row, nfe: row.nfe }]);
    }
  }
  const isLearned = (points: readonly { row: EvaluationRow }[]): boolean => points.some(({ row }) => row.learned);
  const all = [...lines].map(([name, points]) => ({ name, points })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const learned = all.filter(({ points }) => isLearned(points));
  const classic = all.filter(({ points }) => !isLearned(points));
  if (all.length <= mostNamed) return [...learned, ...classic].map((line, colour) => ({ ...line, colour }));
  const best = [...new Set(results.map(({ nfe }) => nfe))].flatMap((nfe) => {
    const row = results.find((candidate) => candidate.nfe === nfe && !candidate.learned && candidate.quality);
    return row ? [{ nfe, row }] : [];
  });
  return [
    ...classic.map((line) => ({ ...line, colour: null })),
    { name: 'best classic solver (by mean squared error) at each number of evaluations', points: best, colour: 0 },
    ...learned.map((line, i) => ({ ...line, colour: (i % (mostNamed - 1)) + 1 })),
  ];
}

function panelMarks(quality: Quality, series: readonly Series[], results: readonly EvaluationRow[]): string {
  const values = results.flatMap((row) => [quality.value(row) ?? 0, ...(quality.interval(row) ?? [])]);
  const drawable = [...values, quality.reference ?? 0].filter((value) => value > 0 && Number.isFinite(value));
  const [low, high] = logRange(drawable);
  const all = results.map(({ nfe }) => nfe);
  const [first, last] = all.length === 0 ? [1, 2] : [Math.min(...all), Math.max(...all)];
  const inner = width - margin.left - margin.right - 24;
  const x = (nfe: number): number =>
    margin.left + 12 + (last === first ? inner / 2 : (inner * (nfe - first)) / (last - first));
  const bottom = panelHeight - margin.bottom;
  const y = (value: number): number => margin.top + ((bottom - margin.top) * (high - Math.log10(value))) / (high - low);
  const marks = [`<text x="${margin.left}" y="20" font-weight="bold">${escaped(quality.title)}</text>`];
  for (const tick of logTicks(low, high)) {
    const at = y(tick).toFixed(1);
    marks.push(
      `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/>`,
      `<text x="${margin.left - 8}" y="${at}" text-anchor="end" dominant-baseline="middle">${label(tick)}</text>`,
    );
  }
  for (const nfe of new Set(all)) {
    marks.push(`<text x="${x(nfe).toFixed(1)}" y="${bottom + 18}" text-anchor="middle">${nfe}</text>`);
  }
  const middle = (margin.left + width - margin.right) / 2;
  marks.push(`<text x="${middle}" y="${bottom + 36}" text-anchor="middle">network evaluations a sample (NFE)</text>`);
  for (const { colour, points } of series) {
    const shown = points.flatMap(({ nfe, row }) => {
      const value = quality.value(row);
      return value !== null && value > 0 ? [{ nfe, value, interval: quality.interval(row) }] : [];
    });
    const style = colour === null ? 'other' : `c${colour} thick`;
    const path = shown.map(({ nfe, value }) => `${x(nfe).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    marks.push(`<polyline class="${style}" style="fill:none" points="${path}"/>`);
    if (colour === null) continue;
    for (const { nfe, value, interval } of shown) {
      if (interval && interval[0] > 0) {
        const at = x(nfe).toFixed(1);
        marks.push(
          `<line class="${style}" x1="${at}" x2="${at}" y1="${y(interval[0]).toFixed(1)}" y2="${y(interval[1]).toFixed(1)}"/>`,
        );
      }
      marks.push(marker(x(nfe), y(value), style, colour));
    }
  }
  if (quality.reference !== null) {
    const at = y(quality.reference).toFixed(1);
    marks.push(
      `<line class="floor" stroke-dasharray="5 4" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/>`,
    );
  }
  return marks.join('\n');
}

/** The range of the values in decades, with a margin, at least a third of a decade. */
function logRange(values: readonly number[]): readonly [number, number] {
  const logs = values.length === 0 ? [0] : values.map(Math.log10);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const margin = Math.max(0.04 * (high - low), (1 / 3 - (high - low)) / 2, 0.02);
  return [low - margin, high + margin];
}

/** Round numbers: powers of ten over many decades, 1, 2 and 5 of each over few. */
function logTicks(low: number, high: number): number[] {
  const factors = high - low > 3 ? [1] : high - low > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
  const ticks: number[] = [];
  for (let decade = Math.floor(low); decade <= high; decade++) {
    for (const factor of factors) ticks.push(Number(`${factor}e${decade}`));
  }
  return ticks.filter((tick) => Math.log10(tick) >= low && Math.log10(tick) <= high);
}

function label(value: number): string {
  return value >= 0.001 && value < 10_000 ? String(value) : value.toExponential().replace('e+', 'e');
}

/** A shape for each colour, so that lines can be told apart without it. */
function marker(x: number, y: number, style: string, colour: number): string {
  const at = (dx: number, dy: number): string => `${(x + dx).toFixed(1)},${(y + dy).toFixed(1)}`;
  const shapes = [
    `<circle class="${style}" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3.5"/>`,
    `<polygon class="${style}" points="${at(-3.5, -3.5)} ${at(3.5, -3.5)} ${at(3.5, 3.5)} ${at(-3.5, 3.5)}"/>`,
    `<polygon class="${style}" points="${at(0, -4.5)} ${at(4.5, 3.5)} ${at(-4.5, 3.5)}"/>`,
    `<polygon class="${style}" points="${at(0, -5)} ${at(5, 0)} ${at(0, 5)} ${at(-5, 0)}"/>`,
  ];
  return shapes[colour % shapes.length]!;
}

function legendEntry(y: number, name: string, style: string, colour: number | null): string {
  const middle = y + 6;
  const line = `<line class="${style}${colour === null ? '' : ' thick'}" x1="${margin.left}" x2="${margin.left + 28}" y1="${middle}" y2="${middle}"/>`;
  const sign = colour === null ? '' : marker(margin.left + 14, middle, style, colour);
  return `${line}${sign}<text x="${margin.left + 36}" y="${middle}" dominant-baseline="middle">${escaped(name)}</text>`;
}

function dashedEntry(y: number): string {
  return (
    `<line class="floor" stroke-dasharray="5 4" x1="${margin.left}" x2="${margin.left + 28}" y1="${y + 6}" y2="${y + 6}"/>` +
    `<text x="${margin.left + 36}" y="${y + 6}" dominant-baseline="middle">the teacher (its error: against itself at twice the steps)</text>`
  );
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
