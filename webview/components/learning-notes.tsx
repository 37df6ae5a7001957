import { endReasons, formatLoss } from '../../src/protocol/wording';
import { formatWholeShare, spacingName } from '../numbers';
import type { Learning, SolverView } from '../state';
import { state } from '../store';

interface Props {
  readonly solver: SolverView;
  readonly best: Learning | null;
}

/** What the curves do not say: where learning started, which seed is drawn, how far noises moved, why it ended. */
export function LearningNotes({ solver, best }: Props) {
  const notes = notesOf(solver, best, state.value.started?.seeds ?? 1);
  if (notes.length === 0) return null;
  return (
    <ul class="notes quiet" data-testid="learning-notes">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}

function notesOf({ start, learnings }: SolverView, best: Learning | null, seeds: number): string[] {
  const notes: string[] = [];
  if (start !== null) {
    const from = `${start.solver} on ${timesOf(start.spacing)}`;
    notes.push(`Learning starts from ${from}, at ${formatLoss(start.validationLoss)} on validation noises.`);
  }
  if (seeds > 1 && best !== null) notes.push(seedNote(best.seed, learnings.length, seeds));
  const shift = best?.steps.at(-1)?.noiseShift ?? null;
  if (shift !== null) {
    const [mean, largest] = [shift.mean, shift.largest].map(formatWholeShare);
    notes.push(
      `Training noises moved by ${mean} of the radius they may move within on average, at most by ${largest}.`,
    );
  }
  if (best?.ended != null) {
    const { iteration, reason } = best.ended;
    const what = seeds > 1 ? `Seed ${best.seed + 1}` : 'Learning';
    notes.push(`${what} ended after ${count(iteration)}, because ${endReasons[reason]}.`);
  }
  return notes;
}

function seedNote(seed: number, begun: number, seeds: number): string {
  if (begun === 1) return `Seed ${seed + 1} of ${seeds}: each learns from other training noises.`;
  const soFar = begun < seeds ? `${begun} so far` : `${seeds}`;
  return `Drawn in full: seed ${seed + 1}, the best of ${soFar} on validation noises. Faint: the others.`;
}

function count(iterations: number): string {
  return iterations === 1 ? '1 iteration' : `${iterations} iterations`;
}

/** "Karras times", or "times learned at 4 evaluations" for those of a neighbour. */
function timesOf(spacing: string): string {
  if (/^path \d+$/.test(spacing)) return 'times that suit the path of the teacher';
  const neighbour = /^learned at (\d+)$/.exec(spacing)?.[1];
  return neighbour === undefined ? `${spacingName(spacing)} times` : `times learned at ${neighbour} evaluations`;
}
