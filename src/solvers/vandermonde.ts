/**
 * The coefficients of Lagrange's polynomials: `[m][k]` is that of u^k in ℓ_m(u) = Π_{i≠m} (u − u_i)/(u_m − u_i). They
 * are the inverse of the Vandermonde matrix. A node at infinity has the limit: its own ℓ is zero, and it is no factor of
 * the others.
 *
 * @param nodes distinct numbers
 */
export function lagrangeCoefficients(nodes: readonly number[]): number[][] {
  return nodes.map((node, m) => {
    if (!Number.isFinite(node)) return [0];
    let basis = [1];
    for (const [i, other] of nodes.entries()) {
      if (i === m || !Number.isFinite(other)) continue;
      // basis ← basis · (u − other)/(node − other)
      const scale = 1 / (node - other);
      const lower = basis;
      basis = Array.from(
        { length: lower.length + 1 },
        (_, k) => scale * ((lower[k - 1] ?? 0) - other * (lower[k] ?? 0)),
      );
    }
    return basis;
  });
}

/** Solves Σ_m nodes_m^k·ρ_m = right_k, k = 0 … nodes.length − 1. */
export function solveVandermonde(nodes: readonly number[], right: readonly number[]): number[] {
  return lagrangeCoefficients(nodes).map((basis) =>
    basis.reduce((sum, coefficient, k) => sum + coefficient * right[k]!, 0),
  );
}
