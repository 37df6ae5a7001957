import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { formatLoss } from '../../src/protocol/wording';
import { chartOptions, floorName } from '../chart';
import { chartData, type LossView } from '../loss-data';
import { spacingName } from '../numbers';
import { bestLearning, comparableFloor, type Learning, type SolverView } from '../state';
import { state } from '../store';
import { themeVersion } from '../theme';
import { LearningNotes } from './learning-notes';

const rowsInTable = 200;

/**
 * Training and validation loss per iteration on a log axis, between the best classic solver, which is to be beaten, and
 * (where losses are mse) the teacher's own error, below which there is nothing to learn. Of several seeds the best one is
 * drawn in full.
 */
export function LossChart({ solver }: { readonly solver: SolverView | null }) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const hovered = useSignal<number | null>(null);
  const best = solver === null ? null : bestLearning(state.value, solver);
  const floor = comparableFloor(state.value);
  const name = state.value.started?.loss;
  const view = solver === null ? null : { solver, best, floor };
  const data = chartData(view);
  const theme = themeVersion.value;
  const empty = solver === null || (solver.learnings.length === 0 && solver.baselines.length === 0);
  const others = Math.max(0, (solver?.learnings.length ?? 0) - 1);

  useEffect(() => {
    if (host.current === null) return undefined;
    const element = host.current;
    const chart = new uPlot(
      chartOptions(element.clientWidth, others, (index) => (hovered.value = index)),
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
  }, [theme, empty, others]);
  useEffect(() => plot.current?.setData(data), [solver, best, floor]);

  const steps = best?.steps ?? [];
  const at = hovered.value === null ? undefined : data[0][hovered.value];
  const step = at === undefined ? steps.at(-1) : steps.findLast(({ iteration }) => iteration <= at);
  return (
    <section aria-labelledby="loss-title">
      <div class="section-line">
        <h2 id="loss-title">{name === undefined ? 'Loss' : `Loss (${name})`}</h2>
        {step !== undefined && (
          <span class="quiet at" aria-hidden="true">
            iteration {step.iteration}
          </span>
        )}
      </div>
      {view === null || empty ? (
        <div class="placeholder">The curves appear when learning starts.</div>
      ) : (
        <>
          <Legend view={view} step={step} />
          <div class="chart" data-testid="loss-chart" role="img" aria-label={summary(view)} ref={host} />
        </>
      )}
      {solver !== null && <LearningNotes solver={solver} best={best} />}
      {steps.length > 0 && <Numbers steps={steps} />}
    </section>
  );
}

interface LegendProps {
  readonly view: LossView;
  /** The iteration whose losses are shown. */
  readonly step: Learning['steps'][number] | undefined;
}

function Legend({ view: { solver, floor }, step }: LegendProps) {
  const classic = bestBaseline(solver);
  const others = solver.learnings.length - 1;
  return (
    <ul class="legend" aria-hidden="true">
      <Key kind="validation" name="validation" value={step?.validationLoss ?? null} />
      <Key kind="train" name="training" value={step?.trainLoss ?? null} />
      {others > 0 && <Key kind="other" name={others === 1 ? 'validation, other seed' : 'validation, other seeds'} />}
      {classic !== null && (
        <Key
          kind="classic"
          name={`${classic.solver}, ${spacingName(classic.spacing)}`}
          value={classic.validationLoss}
        />
      )}
      {floor !== null && <Key kind="floor" name={floorName} value={floor} />}
    </ul>
  );
}

interface KeyProps {
  readonly kind: string;
  readonly name: string;
  /** Left out where a key stands for several lines. */
  readonly value?: number | null;
}

function Key({ kind, name, value }: KeyProps) {
  return (
    <li>
      <svg class={`key key-${kind}`} viewBox="0 0 18 8" width="18" height="8">
        <line x1="0" x2="18" y1="4" y2="4" />
      </svg>
      {name} {value !== undefined && <strong>{value === null ? '–' : formatLoss(value)}</strong>}
    </li>
  );
}

/** The curve as a table, for those who cannot see it and for those who want the numbers. */
function Numbers({ steps }: { readonly steps: Learning['steps'] }) {
  const open = useSignal(false);
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
              {steps.slice(-rowsInTable).map((step) => (
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

function bestBaseline({ baselines }: SolverView): SolverView['baselines'][number] | null {
  return baselines.reduce<SolverView['baselines'][number] | null>(
    (best, next) => (best === null || next.validationLoss < best.validationLoss ? next : best),
    null,
  );
}

function summary({ solver, best, floor }: LossView): string {
  const last = best?.steps.at(-1);
  if (last === undefined) return 'Loss curves; learning has not started.';
  const classic = bestBaseline(solver);
  const sentences = [
    `Loss after ${last.iteration} iterations: the best validation loss is ${formatLoss(last.bestValidationLoss)}.`,
    ...(classic === null
      ? []
      : [`The best classic solver, ${classic.solver}, is at ${formatLoss(classic.validationLoss)}.`]),
    ...(floor === null ? [] : [`The teacher’s own error is ${formatLoss(floor)}.`]),
  ];
  return sentences.join(' ');
}
