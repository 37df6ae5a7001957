/**
 * Arithmetic on dimensions that may be symbolic. A dimension is a number, a product such as `2*batch` in a canonical
 * spelling (equal strings are equal sizes), or null when nothing is known (two nulls need not be equal).
 */
export type Dim = number | string | null;
export type Shape = readonly Dim[];

interface Product {
  readonly number: number;
  /** sorted */
  readonly symbols: readonly string[];
}

/** A name or a number, without operators. */
const plain = /^[\w.]+$/;

function toProduct(dim: number | string): Product {
  if (typeof dim === 'number') return { number: dim, symbols: [] };
  // Exporters write expressions such as "2*s0 + 1" too; only plain products are taken apart.
  if (!dim.split('*').every((part) => plain.test(part))) return { number: 1, symbols: [dim] };
  const parts = dim.split('*');
  return {
    number: parts.filter((part) => /^\d+$/.test(part)).reduce((product, part) => product * Number(part), 1),
    symbols: parts.filter((part) => !/^\d+$/.test(part)).sort(),
  };
}

/** Longer expressions are given up: repeated products would otherwise double them without bound. */
const longestExpression = 200;

function fromProduct({ number, symbols }: Product): Dim {
  if (symbols.length === 0 || number === 0) return number;
  if (symbols.length === 1 && number === 1) return symbols[0] ?? 1;
  const factors = symbols.map((symbol) => (plain.test(symbol) ? symbol : `(${symbol})`));
  const expression = [...(number === 1 ? [] : [String(number)]), ...factors].join('*');
  return expression.length > longestExpression ? null : expression;
}

export function multiplyDims(...dims: readonly Dim[]): Dim {
  let number = 1;
  const symbols: string[] = [];
  for (const dim of dims) {
    if (dim === null) return null;
    const factor = toProduct(dim);
    number *= factor.number;
    symbols.push(...factor.symbols);
  }
  return fromProduct({ number, symbols: symbols.sort() });
}

/** The quotient where it is exact, else null. */
export function divideDims(a: Dim, b: Dim): Dim {
  if (a === null || b === null) return null;
  const dividend = toProduct(a);
  const divisor = toProduct(b);
  const symbols = [...dividend.symbols];
  for (const symbol of divisor.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return null;
    symbols.splice(at, 1);
  }
  const number = dividend.number / divisor.number;
  return Number.isInteger(number) ? fromProduct({ number, symbols }) : null;
}

/**
 * ⌊(size + offset) / stride⌋ + 1, the positions of a window along an axis. Of a symbolic size it is a size with a name
 * of its own (the same for the same window), so that layers behind a strided convolution stay comparable.
 */
export function windowDim(size: Dim, offset: number, stride: number): Dim {
  if (size === null) return null;
  if (typeof size === 'number') return Math.floor((size + offset) / stride) + 1;
  const { number, symbols } = toProduct(size);
  if (number % stride === 0) {
    const rest = Math.floor(offset / stride) + 1;
    if (rest === 0) return fromProduct({ number: number / stride, symbols });
  }
  const name = `s4s.window.${size.replace(/[^\w.]/g, '.')}.${offset < 0 ? 'm' : 'p'}${Math.abs(offset)}.${stride}`;
  return name.length > longestExpression ? null : name;
}

export function addDims(a: Dim, b: Dim): Dim {
  if (a === null || b === null) return null;
  if (a === 0) return b;
  if (b === 0) return a;
  const left = toProduct(a);
  const right = toProduct(b);
  if (left.symbols.join('*') !== right.symbols.join('*')) return null;
  return fromProduct({ number: left.number + right.number, symbols: left.symbols });
}

/** The size of two broadcast dimensions (ONNX multidirectional broadcasting). */
export function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (typeof a === 'number') return a;
  return typeof b === 'number' ? b : null;
}

export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) =>
    broadcastDim(
      i < rank - a.length ? 1 : (a[i - rank + a.length] ?? null),
      i < rank - b.length ? 1 : (b[i - rank + b.length] ?? null),
    ),
  );
}

/** Whether two shapes are known to be the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim !== null && dim === b[i]);
}

export function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((dim) => typeof dim === 'number');
}

/** A negative axis counts from the end. */
export function normaliseAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
