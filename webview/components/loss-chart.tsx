import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { formatLoss } from '../../src/protocol/wording';
import { chartOptions } from '../chart';
import { chartData } from '../loss-data';
import { spacingName } from '../numbers';
import type { SolverView } from '../state';
import { themeVersion } from '../theme';

const rowsInTable = 200;

/** Training and validation error per iteration on a log axis; the best classic solver is the line to get below. */
export function LossChart({ solver }: { readonly solver: SolverView | null }) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const hovered = useSignal<number | null>(null);
  const data = chartData(solver);
  const theme = themeVersion.value;
  const empty = solver === null || (solver.steps.length === 0 && solver.baselines.length === 0);

  useEffect(() => {
    if (host.current === null) return undefined;
    const element = host.current;
    const chart = new uPlot(
      chartOptions(element.clientWidth, (index) => (hovered.value = index)),
      data,
      element,
    );
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: chart.height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
    // A canvas keeps the colours it was drawn with: another theme needs another chart.
  }, [theme, empty]);
  useEffect(() => plot.current?.setData(data), [solver]);

  const classic = bestBaseline(solver);
  const steps = solver?.steps ?? [];
  const step = steps[hovered.value ?? steps.length - 1];
  return (
    <section aria-labelledby="loss-title">
      <div class="section-line">
        <h2 id="loss-title">Loss</h2>
        {step !== undefined && (
          <span class="quiet at" aria-hidden="true">
            iteration {step.iteration}
          </span>
        )}
      </div>
      {empty ? (
        <div class="placeholder">The curves appear when learning starts.</div>
      ) : (
        <>
          <ul class="legend" aria-hidden="true">
            <Key kind="validation" name="validation" value={step?.validationLoss ?? null} />
            <Key kind="train" name="training" value={step?.trainLoss ?? null} />
            {classic !== null && (
              <Key
                kind="classic"
                name={`${classic.solver}, ${spacingName(classic.spacing)}`}
                value={classic.validationLoss}
              />
            )}
          </ul>
          <div class="chart" data-testid="loss-chart" role="img" aria-label={summary(solver)} ref={host} />
        </>
      )}
      {steps.length > 0 && <Numbers solver={solver} />}
    </section>
  );
}

interface KeyProps {
  readonly kind: string;
  readonly name: string;
  readonly value: number | null;
}

function Key({ kind, name, value }: KeyProps) {
  return (
    <li>
      <svg class={`key key-${kind}`} viewBox="0 0 18 8" width="18" height="8">
        <line x1="0" x2="18" y1="4" y2="4" />
      </svg>
      {name} <strong>{value === null ? '–' : formatLoss(value)}</strong>
    </li>
  );
}

/** The curve as a table, for those who cannot see it and for those who want the numbers. */
function Numbers({ solver }: { readonly solver: SolverView | null }) {
  const open = useSignal(false);
  const steps = (solver?.steps ?? []).slice(-rowsInTable);
  return (
    <details onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>Numbers</summary>
      {open.value && (
        <div class="scroll tall" tabIndex={0} role="region" aria-label="Loss per iteration">
          <table class="results">
            <thead>
              <tr>
                <th scope="col">Iteration</th>
                <th scope="col">Training</th>
                <th scope="col">Validation</th>
                <th scope="col">Model evaluations</th>
                <th scope="col">Step</th>
              </tr>
            </thead>
            <tbody>
              {steps.map((step) => (
                <tr key={step.iteration}>
                  <th scope="row">{step.iteration}</th>
                  <td>{formatLoss(step.trainLoss)}</td>
                  <td>{step.validationLoss === null ? '–' : formatLoss(step.validationLoss)}</td>
                  <td>{step.evaluations.toLocaleString('en')}</td>
                  <td>{step.accepted ? 'taken' : 'rejected'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

function bestBaseline(solver: SolverView | null): SolverView['baselines'][number] | null {
  return (solver?.baselines ?? []).reduce<SolverView['baselines'][number] | null>(
    (best, next) => (best === null || next.validationLoss < best.validationLoss ? next : best),
    null,
  );
}

function summary(solver: SolverView | null): string {
  const last = solver?.steps.at(-1);
  if (last === undefined) return 'Loss curves; learning has not started.';
  const classic = bestBaseline(solver);
  const against =
    classic === null ? '' : ` The best classic solver, ${classic.solver}, is at ${formatLoss(classic.validationLoss)}.`;
  return `Loss after ${last.iteration} iterations: the best validation error is ${formatLoss(last.bestValidationLoss)}.${against}`;
}
