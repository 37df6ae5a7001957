const minus = '\u2212';

/** A table entry in a few characters: three decimals, three digits from ten on, with a real minus sign. */
export function formatEntry(value: number): string {
  const size = Math.abs(value);
  const text =
    size >= 1000 ? size.toExponential(1).replace('e+', 'e') : size.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 3);
  const zero = Number(text) === 0;
  return value < 0 && !zero ? minus + text : text;
}

/** An evaluation time: whole where it is whole, else four significant digits. */
export function formatTime(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

export function formatShare(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}

const solverNames: Readonly<Record<string, string>> = {
  ddim: 'DDIM',
  dpmpp: 'DPM-Solver++',
  ipndm: 'iPNDM',
  unipc: 'UniPC',
  heun: 'Heun',
};

const spacingNames: Readonly<Record<string, string>> = { logsnr: 'log SNR', karras: 'Karras' };

/** "DPM-Solver++ 3" for `dpmpp3`, `dpmpp-3` or `dpmpp 3`; names the page does not know stay as they are. */
export function solverName(id: string): string {
  const [, base = id, order = ''] = /^([a-z]+?)[-_ ]?(\d*)$/.exec(id) ?? [];
  const name = solverNames[base];
  return name === undefined ? id : [name, order].filter((part) => part !== '').join(' ');
}

export function spacingName(id: string): string {
  return spacingNames[id] ?? id;
}
