import { computed, signal } from '@preact/signals';
import type { ToPage } from '../src/protocol/page';
import { save, saved } from './host';
import { emptyState, reduce, type SolverView } from './state';

export const state = signal(emptyState);

export function receive(message: ToPage): void {
  state.value = reduce(state.value, message);
}

/** The number of evaluations a person chose to look at; none follows the run. */
const chosenNfe = signal(saved().nfe);

export function chooseNfe(nfe: number): void {
  chosenNfe.value = nfe;
  save({ nfe });
}

/** The solver shown: the chosen one, else the one being learned, else the last one. */
export const shownSolver = computed<SolverView | null>(() => {
  const { solvers, progress } = state.value;
  const find = (nfe: number | null | undefined): SolverView | undefined => solvers.find((solver) => solver.nfe === nfe);
  return find(chosenNfe.value) ?? find(progress?.nfe) ?? solvers.at(-1) ?? null;
});
