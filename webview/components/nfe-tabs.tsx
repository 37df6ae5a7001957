import { formatRatio, outcomes } from '../../src/protocol/wording';
import { chooseNfe, shownSolver, state } from '../store';

const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

/** One tab per number of evaluations, when a run learns several solvers. */
export function NfeTabs() {
  const { solvers, finished } = state.value;
  if (solvers.length < 2) return null;
  const results = finished?.report == null ? [] : outcomes(finished.report);
  const selected = shownSolver.value?.nfe;

  const move = (event: KeyboardEvent): void => {
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const from = solvers.findIndex(({ nfe }) => nfe === selected);
    const to = solvers[Math.min(solvers.length - 1, Math.max(0, from + step))];
    if (to === undefined) return;
    chooseNfe(to.nfe);
    document.getElementById(`tab-${to.nfe}`)?.focus();
  };

  return (
    <div class="tabs" role="tablist" aria-label="Number of model evaluations" onKeyDown={move}>
      {solvers.map(({ nfe }) => {
        const ratio = results.find(({ learned }) => learned.nfe === nfe)?.ratio ?? null;
        return (
          <button
            key={nfe}
            id={`tab-${nfe}`}
            role="tab"
            aria-selected={nfe === selected}
            aria-controls="solver"
            tabIndex={nfe === selected ? 0 : -1}
            onClick={() => chooseNfe(nfe)}
          >
            {nfe} NFE
            {ratio !== null && <span class="quiet"> {formatRatio(ratio)}</span>}
          </button>
        );
      })}
    </div>
  );
}
