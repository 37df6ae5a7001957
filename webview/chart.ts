import type uPlot from 'uplot';
import { lossRange, lossTicks } from './loss-data';
import { themeColor } from './theme';

const height = 240;
const floorIndex = 4;

/**
 * Series as `chartData` orders them.
 *
 * @param others how many learnings there are besides the best one
 */
export function chartOptions(width: number, others: number, onHover: (index: number | null) => void): uPlot.Options {
  const faint: uPlot.Series = {
    stroke: themeColor('--faint-curve'),
    width: 1.25,
    spanGaps: true,
    points: { show: false },
  };
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
        values: (_, splits) => splits.map(String),
      },
    ],
    series: [
      {},
      { stroke: themeColor('--train'), width: 1.5, dash: [4, 3], spanGaps: true, points: { show: false } },
      { stroke: themeColor('--learned'), width: 2, spanGaps: true, points: { size: 5, fill: themeColor('--learned') } },
      { stroke: themeColor('--classic'), width: 1.5, dash: [10, 4], points: { show: false } },
      { stroke: themeColor('--floor'), width: 1.5, dash: [2, 3], points: { show: false } },
      ...Array.from({ length: others }, () => faint),
    ],
    hooks: { setCursor: [(chart) => onHover(chart.cursor.idx ?? null)], draw: [nameFloor] },
  };
}

/** Writes what the lowest line is beside it, at the left: that is where the curves are high. */
function nameFloor(chart: uPlot): void {
  const level = chart.data[floorIndex]?.[0];
  if (level == null) return;
  const { ctx, bbox } = chart;
  const pixels = devicePixelRatio;
  const y = chart.valToPos(level, 'y', true);
  const above = y - bbox.top > 20 * pixels;
  ctx.save();
  ctx.fillStyle = themeColor('--quiet');
  ctx.font = `${11 * pixels}px ${themeColor('--vscode-font-family')}`;
  ctx.textAlign = 'left';
  ctx.textBaseline = above ? 'bottom' : 'top';
  ctx.fillText(floorName, bbox.left + 6 * pixels, y + (above ? -4 : 4) * pixels);
  ctx.restore();
}

/** What the flat line at the bottom is, in the chart and in its legend. */
export const floorName = 'the teacher’s own error';
