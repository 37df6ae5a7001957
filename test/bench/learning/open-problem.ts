import { demoIdentity, openDemoProblem } from './demo-problem';
import { mixtureIdentity, openMixture } from './mixture-problem';
import type { BenchProblem, ProblemName } from './problem';

const problems: Readonly<Record<ProblemName, { identity: () => Promise<string>; open: () => Promise<BenchProblem> }>> =
  {
    mixture: { identity: async () => mixtureIdentity, open: openMixture },
    demo: { identity: demoIdentity, open: openDemoProblem },
  };

export function openProblem(name: ProblemName): Promise<BenchProblem> {
  return problems[name].open();
}

/** What decides a problem's pairs, without opening its model. */
export function problemIdentity(name: ProblemName): Promise<string> {
  return problems[name].identity();
}
