import { families } from '../solvers/catalogue';

/** Titles of the papers whose methods learn a solver, and of what learning uses. */
const papers = {
  s4s: 'S4S: Solving for a Diffusion Model Solver, arXiv 2502.17423',
  ld3: 'Learning to Discretize Denoising Diffusion ODEs, arXiv 2405.15506',
  gas: 'GAS: Improving Discretization of Diffusion ODEs via Generalized Adversarial Solver, arXiv 2510.17699',
  bns: 'Bespoke Non-Stationary Solvers for Fast Sampling of Diffusion and Flow Models, arXiv 2403.01329',
  dyweight: 'DyWeight (Zhao et al. 2026), arXiv 2603.11607',
  dode: 'Distilling ODE Solvers of Diffusion Models into Smaller Steps, arXiv 2309.16421',
  neuralSolver: 'Differentiable Solver Search for Fast Diffusion Sampling, arXiv 2505.21114',
  amed: 'Fast ODE-based Sampling for Diffusion Models in Around 5 Steps, arXiv 2312.00094',
} as const;

/** What each method of solver.yaml rests on; `table` is ours, in the space of BNS and with the aim of S4S. */
const methods = {
  table: [papers.s4s, papers.bns],
  s4s: [papers.s4s],
  's4s-alt': [papers.s4s],
  ld3: [papers.ld3],
  gs: [papers.gas],
  bns: [papers.bns],
  dyweight: [papers.dyweight],
  dode: [papers.dode],
  neural_solver: [papers.neuralSolver],
  amed: [papers.amed],
} as const;

/**
 * The papers behind a learned solver, for people who publish with it: those of its method, of the relaxed objective, and
 * of the classic solvers that took part (teacher and starts).
 *
 * @param solvers names of the catalogue or labels (`UniPC-3`); others are left out
 */
export function papersOf({
  method,
  relaxed,
  solvers,
}: {
  readonly method: keyof typeof methods;
  readonly relaxed: boolean;
  readonly solvers: readonly string[];
}): string[] {
  const classics = solvers.flatMap((solver) => {
    const family = families.find(
      ({ name, orders, label }) => name === solver || orders.some((order) => label(order) === solver),
    );
    return family === undefined ? [] : [`${family.title}: ${family.source}`];
  });
  return [...new Set([...methods[method], ...(relaxed ? [papers.ld3] : []), ...classics])];
}
