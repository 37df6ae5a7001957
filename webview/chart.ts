import type uPlot from 'uplot';
import { lossRange, lossTicks } from './loss-data';
import { themeColor } from './theme';

const height = 240;

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
        values: (_, splits) => splits.map(String),
      },
    ],
    series: [
      {},
      { stroke: themeColor('--train'), width: 1.5, dash: [4, 3], spanGaps: true, points: { show: false } },
      { stroke: themeColor('--learned'), width: 2, spanGaps: true, points: { size: 5, fill: themeColor('--learned') } },
      { stroke: themeColor('--classic'), width: 1.5, dash: [10, 4], points: { show: false } },
    ],
    hooks: { setCursor: [(chart) => onHover(chart.cursor.idx ?? null)] },
  };
}
