import { useSignal } from '@preact/signals';
import type { ResultRow, SolverReport, TeacherReport } from '../../src/protocol/report';
import { endReasons, formatLoss, formatRatio, outcomes } from '../../src/protocol/wording';
import { formatShare, spacingName } from '../numbers';
import type { SolverView } from '../state';
import { state } from '../store';

const rowsAtFirst = 7;

/** Measured on noises that were never used for learning: the learned solver and every classic one of equal cost. */
export function Results({ solver }: { readonly solver: SolverView | null }) {
  const all = useSignal(false);
  const report = state.value.finished?.report;
  if (report == null || solver === null) return null;
  const rows = report.results.filter(({ nfe }) => nfe === solver.nfe).sort((a, b) => a.mse - b.mse);
  if (rows.length === 0) return null;
  const outcome = outcomes(report).find(({ learned }) => learned.nfe === solver.nfe);
  const how = report.solvers.find(({ nfe }) => nfe === solver.nfe);
  const shown = all.value ? rows : rows.slice(0, rowsAtFirst);
  const scale = logScale(rows);
  const extras = {
    fd: rows.some(({ fd }) => fd !== null),
    accuracy: rows.some(({ accuracy }) => accuracy !== null),
  };
  return (
    <section aria-labelledby="results-title">
      <h2 id="results-title">Results at {solver.nfe} evaluations</h2>
      {outcome?.ratio != null && outcome.classic !== null && (
        <p class="headline" data-testid="headline">
          <strong>{formatRatio(outcome.ratio)}</strong> than the best classic solver, {outcome.classic.solver} on{' '}
          {spacingName(outcome.classic.spacing)} times
        </p>
      )}
      {how !== undefined && how.seeds.length > 1 && <Spread how={how} />}
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="results-title">
        <table class="results" data-testid="results">
          <thead>
            <tr>
              <th scope="col">Solver</th>
              <th scope="col">Times</th>
              <th scope="col" class="number">
                <abbr title="mean squared error per element against the teacher, on unseen noises">MSE</abbr>
              </th>
              <th scope="col" class="interval">
                95 % interval
              </th>
              {extras.fd && (
                <th scope="col" class="number">
                  <abbr title="Fréchet distance to real data in the classifier's features">FD</abbr>
                </th>
              )}
              {extras.accuracy && (
                <th scope="col" class="number">
                  Accuracy
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={`${row.solver} ${row.spacing} ${row.learned}`} class={row.learned ? 'learned' : ''}>
                <th scope="row">
                  {row.solver}
                  {row.learned && <span class="badge">learned</span>}
                </th>
                <td>{spacingName(row.spacing)}</td>
                <td class="number">{formatLoss(row.mse)}</td>
                <td class="interval">
                  <Interval row={row} scale={scale} />
                </td>
                {extras.fd && <td class="number">{row.fd === null ? '–' : formatLoss(row.fd)}</td>}
                {extras.accuracy && <td class="number">{row.accuracy === null ? '–' : formatShare(row.accuracy)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > rowsAtFirst && (
        <button class="link" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? 'Show fewer' : `Show all ${rows.length} solvers`}
        </button>
      )}
      <p class="quiet note">{teacherLine(report.teacher)}</p>
    </section>
  );
}

type Scale = (value: number) => number;

/** Where an error lies between the smallest and the largest interval end, 0 … 100, in equal steps per factor. */
function logScale(rows: readonly ResultRow[]): Scale {
  const ends = rows.flatMap(({ mse, mse_ci95 }) => [mse, ...mse_ci95]).filter((value) => value > 0);
  const low = Math.log(Math.min(...ends));
  const high = Math.log(Math.max(...ends));
  return (value) => (high > low ? (Math.max(0, Math.log(value) - low) / (high - low)) * 96 + 2 : 50);
}

function Interval({ row, scale }: { readonly row: ResultRow; readonly scale: Scale }) {
  const [low, high] = row.mse_ci95;
  const text = `${formatLoss(low)} to ${formatLoss(high)}`;
  const at = scale(row.mse);
  return (
    <div title={`${text} (log scale)`}>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <line class="rail" x1="2" x2="98" y1="5" y2="5" />
        <line class="span" x1={scale(low)} x2={scale(high)} y1="5" y2="5" />
        <line class="dot" x1={at} x2={at} y1="5" y2="5" />
      </svg>
      <span class="interval-text">{text}</span>
    </div>
  );
}

/** What another draw of training noises would have given. */
function Spread({ how: { seed, seeds, spread } }: { readonly how: SolverReport }) {
  const { median, min, max } = spread.test_mse;
  return (
    <div class="seeds" data-testid="seeds">
      <p class="note">
        Learned from {seeds.length} draws of training noises; seed {seed + 1}, the best on validation noises, is kept.
        MSE over the seeds: median {formatLoss(median)}, from {formatLoss(min)} to {formatLoss(max)}.
      </p>
      <details>
        <summary>Seeds</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label="Results of each seed">
          <table class="results">
            <thead>
              <tr>
                <th scope="col">Seed</th>
                <th scope="col" class="number">
                  Validation MSE
                </th>
                <th scope="col" class="number">
                  MSE
                </th>
                <th scope="col" class="number">
                  Iterations
                </th>
                <th scope="col" class="number">
                  Model evaluations
                </th>
                <th scope="col">Ended because</th>
              </tr>
            </thead>
            <tbody>
              {seeds.map((one) => (
                <tr key={one.seed} class={one.seed === seed ? 'learned' : ''}>
                  <th scope="row">
                    {one.seed + 1}
                    {one.seed === seed && <span class="badge">kept</span>}
                  </th>
                  <td class="number">{formatLoss(one.validation_mse)}</td>
                  <td class="number">{formatLoss(one.test_mse)}</td>
                  <td class="number">{one.iterations}</td>
                  <td class="number">{one.model_evaluations.toLocaleString('en')}</td>
                  <td>{endReasons[one.ended]}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </div>
  );
}

function teacherLine({
  solver,
  num_inference_steps: steps,
  self_mse,
  self_mse_ci95,
  accuracy,
  fd,
}: TeacherReport): string {
  const interval = self_mse_ci95 === null ? '' : ` (95 % interval ${self_mse_ci95.map(formatLoss).join(' to ')})`;
  const parts = [
    self_mse === null
      ? `The teacher, ${solver} with ${steps} steps, gives NaN at twice the steps, so its own error is not known`
      : `The teacher, ${solver} with ${steps} steps, differs from itself at twice the steps by ${formatLoss(self_mse)}${interval}`,
    ...(accuracy === null ? [] : [`its accuracy is ${formatShare(accuracy)}`]),
    ...(fd === null ? [] : [`its FD ${formatLoss(fd)}`]),
  ];
  return `${new Intl.ListFormat('en').format(parts)}.`;
}
