import type { Site } from './rule';

/**
 * SiLU is written as y = x·σ(x) by all exporters. Taken together, x̄ = g·σ·(1 + x·(1 − σ)) is one pass less over the
 * tensor than the rules of Mul and Sigmoid one after the other, and keeps one tensor less alive (σ is computed again
 * from x where memory is planned).
 *
 * @returns the cotangents of a `Mul` of x and its sigmoid (none for the sigmoid: it is in that of x), undefined for others
 */
export function siluCotangents(site: Site): (string | undefined)[] | undefined {
  const { b, g } = site;
  for (const index of [0, 1]) {
    const [x, s] = [site.x(1 - index), site.x(index)];
    const producer = b.producerOf(s);
    if (producer?.opType !== 'Sigmoid' || producer.input[0] !== x || !site.wants(1 - index)) continue;
    const one = b.scalar(1, x);
    // In this order every product can take the place of an operand that is not needed any more.
    const scaled = b.mul(g, s);
    const cotangent = b.mul(scaled, b.add(b.mul(b.sub(one, s), x), one));
    return index === 1 ? [cotangent, undefined] : [undefined, cotangent];
  }
  return undefined;
}
