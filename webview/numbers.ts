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

/** Where tenths of a percent would say more than is known; it stays in one piece in running text. */
export function formatWholeShare(value: number): string {
  return `${Math.round(value * 100)}\u00a0%`;
}

const spacingNames: Readonly<Record<string, string>> = { logsnr: 'log SNR', karras: 'Karras' };

/** A name of timestep spacing as people write it; names the page does not know stay as they are. */
export function spacingName(id: string): string {
  return spacingNames[id] ?? id;
}
