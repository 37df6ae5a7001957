import type { LoggedEvent, PreviewKind } from '../src/protocol/events';
import type { ToPage } from '../src/protocol/page';
import type { RunInfo, RunState } from '../src/protocol/server';

export type EventOf<K extends LoggedEvent['kind']> = Extract<LoggedEvent, { kind: K }>;

export interface Preview {
  readonly which: PreviewKind;
  readonly nfe: number;
  readonly label: string;
  readonly src: string;
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
}

/** One learning of a solver, from one draw of training noises. */
export interface Learning {
  readonly seed: number;
  readonly steps: readonly EventOf<'step'>[];
  /** Null while it goes on. */
  readonly ended: EventOf<'learning-ended'> | null;
}

/** All that is drawn about the solver with one number of evaluations. */
export interface SolverView {
  readonly nfe: number;
  /** In the order in which they began; one where a run has one seed. */
  readonly learnings: readonly Learning[];
  readonly baselines: readonly EventOf<'baseline'>[];
  /** Where learning starts: not always the best classic solver. */
  readonly start: EventOf<'start'> | null;
  /** The best classic table. */
  readonly startTable: EventOf<'table'> | null;
  /** The best learned table so far. */
  readonly learnedTable: EventOf<'table'> | null;
  readonly learnedPreview: Preview | null;
  readonly classicPreview: Preview | null;
}

export interface Warning {
  readonly code: string;
  readonly message: string;
  readonly count: number;
}

export interface PageState {
  /** False until the window has answered `ready`. */
  readonly hydrated: boolean;
  readonly run: RunInfo | null;
  readonly runBase: string;
  /** The newest event drawn; older ones that come again are ignored. */
  readonly lastSeq: number;
  readonly started: EventOf<'run-started'> | null;
  readonly device: EventOf<'device'> | null;
  readonly progress: EventOf<'progress'> | null;
  /** Ascending by number of evaluations. */
  readonly solvers: readonly SolverView[];
  /** The teacher's own error. */
  readonly floor: EventOf<'teacher-floor'> | null;
  readonly teacherPreview: Preview | null;
  readonly warnings: readonly Warning[];
  readonly finished: EventOf<'finished'> | null;
}

export const emptyState: PageState = {
  hydrated: false,
  run: null,
  runBase: '',
  lastSeq: -1,
  started: null,
  device: null,
  progress: null,
  solvers: [],
  floor: null,
  teacherPreview: null,
  warnings: [],
  finished: null,
};

/** The page is a replay of the log: every message gives the next state, and the same messages give the same state. */
export function reduce(state: PageState, message: ToPage): PageState {
  switch (message.kind) {
    case 'hydrate': {
      const fresh: PageState = { ...emptyState, hydrated: true, run: message.run, runBase: message.runBase };
      return message.events.reduce(apply, fresh);
    }
    case 'run':
      return { ...state, run: message.run };
    case 'event':
      return apply(state, message.event);
  }
}

/** What the run is doing, also when only its log is left of it. */
export function runState(state: PageState): RunState | null {
  if (state.run !== null) return state.run.state;
  if (state.finished !== null) return state.finished.status;
  return state.started === null ? null : 'interrupted';
}

/** The teacher's own error, where it can be held against losses: it is an mse. */
export function comparableFloor({ started, floor }: PageState): number | null {
  return started?.loss === 'mse' ? (floor?.mse ?? null) : null;
}

/** The learning whose table is kept: the one with the lowest validation loss, until the report says which. */
export function bestLearning({ finished }: PageState, { nfe, learnings }: SolverView): Learning | null {
  const kept = finished?.report?.solvers.find((solver) => solver.nfe === nfe)?.seed;
  const loss = ({ steps }: Learning): number => steps.at(-1)?.bestValidationLoss ?? Infinity;
  const lowest = learnings.reduce<Learning | null>(
    (best, next) => (best === null || loss(next) < loss(best) ? next : best),
    null,
  );
  return learnings.find(({ seed }) => seed === kept) ?? lowest;
}

function apply(state: PageState, event: LoggedEvent): PageState {
  if (event.seq <= state.lastSeq) return state;
  const next = { ...state, lastSeq: event.seq };
  switch (event.kind) {
    case 'run-started':
      return { ...next, started: event, progress: null, finished: null };
    case 'device':
      return { ...next, device: event };
    case 'progress':
      return { ...next, progress: event };
    case 'baseline':
      return withSolver(next, event.nfe, (solver) => ({ ...solver, baselines: withBaseline(solver.baselines, event) }));
    case 'teacher-floor':
      return { ...next, floor: event };
    case 'start':
      return withSolver(next, event.nfe, (solver) => ({ ...solver, start: event }));
    case 'step':
      return withLearning(next, event, ({ seed, steps }) => ({ seed, steps: withStep(steps, event), ended: null }));
    case 'learning-ended':
      return withLearning(next, event, (learning) => ({ ...learning, ended: event }));
    case 'table':
      return withSolver(next, event.nfe, (solver) =>
        event.learned ? { ...solver, learnedTable: event } : { ...solver, startTable: event },
      );
    case 'preview':
      return withPreview(next, event);
    case 'warning':
      return { ...next, warnings: withWarning(state.warnings, event) };
    case 'finished':
      return { ...next, finished: event };
    case 'checkpoint':
      return next;
  }
}

function withSolver(state: PageState, nfe: number, change: (solver: SolverView) => SolverView): PageState {
  const found = state.solvers.find((solver) => solver.nfe === nfe);
  const changed = change(
    found ?? {
      nfe,
      learnings: [],
      baselines: [],
      start: null,
      startTable: null,
      learnedTable: null,
      learnedPreview: null,
      classicPreview: null,
    },
  );
  const others = state.solvers.filter((solver) => solver.nfe !== nfe);
  return { ...state, solvers: [...others, changed].sort((a, b) => a.nfe - b.nfe) };
}

function withLearning(
  state: PageState,
  { nfe, seed }: { readonly nfe: number; readonly seed: number },
  change: (learning: Learning) => Learning,
): PageState {
  return withSolver(state, nfe, (solver) => {
    const { learnings } = solver;
    const found = learnings.find((learning) => learning.seed === seed);
    if (found === undefined) return { ...solver, learnings: [...learnings, change({ seed, steps: [], ended: null })] };
    return { ...solver, learnings: learnings.map((learning) => (learning === found ? change(found) : learning)) };
  });
}

/** A resumed run goes back to its checkpoint: iterations it does again replace what was drawn of them. */
function withStep(steps: readonly EventOf<'step'>[], step: EventOf<'step'>): readonly EventOf<'step'>[] {
  const last = steps.at(-1);
  const kept =
    last === undefined || last.iteration < step.iteration
      ? steps
      : steps.filter(({ iteration }) => iteration < step.iteration);
  return [...kept, step];
}

/** Baselines are measured again when a run is resumed; each solver and spacing counts once. */
function withBaseline(
  baselines: readonly EventOf<'baseline'>[],
  added: EventOf<'baseline'>,
): readonly EventOf<'baseline'>[] {
  const others = baselines.filter(({ solver, spacing }) => solver !== added.solver || spacing !== added.spacing);
  return [...others, added];
}

function withPreview(state: PageState, event: EventOf<'preview'>): PageState {
  const { which, nfe, label, columns, rows, width, height } = event;
  const path = event.file.split('/').map(encodeURIComponent).join('/');
  // Grids are written again under the same name; the number makes the page load them again.
  const src = `${state.runBase}/${path}?v=${event.seq}`;
  const preview: Preview = { which, nfe, label, src, columns, rows, width, height };
  switch (which) {
    case 'teacher':
      return { ...state, teacherPreview: preview };
    case 'learned':
      return withSolver(state, nfe, (solver) => ({ ...solver, learnedPreview: preview }));
    case 'classic':
      return withSolver(state, nfe, (solver) => ({ ...solver, classicPreview: preview }));
  }
}

function withWarning(warnings: readonly Warning[], { code, message }: EventOf<'warning'>): readonly Warning[] {
  const found = warnings.find((warning) => warning.code === code && warning.message === message);
  if (found === undefined) return [...warnings, { code, message, count: 1 }];
  return warnings.map((warning) => (warning === found ? { ...warning, count: warning.count + 1 } : warning));
}
