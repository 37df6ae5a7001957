/** `1.1 M`, `623 `, `2.4 G`: three digits and a factor, with a space before what is counted. */
export function count(value: number): string {
  const [scaled, prefix] = scale(value, 1000, ['', 'k', 'M', 'G', 'T', 'P']);
  return `${prefix === '' ? String(Math.round(scaled)) : scaled.toPrecision(3)} ${prefix}`;
}

/** `4.38 MB`; a kB is 1,000 bytes. */
export function bytes(value: number): string {
  return `${count(value)}B`;
}

function scale(value: number, step: number, prefixes: readonly string[]): [number, string] {
  let scaled = value;
  let i = 0;
  // 999.5 would be written as 1.00e+3.
  for (; scaled >= step - step / 2000 && i < prefixes.length - 1; i++) scaled /= step;
  return [scaled, prefixes[i] ?? ''];
}
