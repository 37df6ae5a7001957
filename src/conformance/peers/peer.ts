import type { ReferenceCase, ReferenceStatistics } from '../case';
import type { RecordedTable } from '../../solvers/linear-form';

/** What a peer may see of a case: the settings, never the stored table or samples. */
export interface PeerSettings extends Pick<ReferenceCase, 'schedule' | 'space' | 'pred' | 'params'> {
  /** The program's own grid, for parameters that do not determine it. */
  readonly grid?: ReferenceCase['grid'];
  readonly statistics?: ReferenceStatistics;
}

/** The settings of a published program in this program's terms. */
export interface PeerRun {
  /** Its `calls` hold the time and noise level of every evaluation, its start weight s_0 is 1. */
  readonly table: RecordedTable;
  /** y_0 = startScale · unit noise. */
  readonly startScale: number;
  /** The program's grid as made from the parameters, under the names the program has for its parts. */
  readonly grid?: Readonly<Record<string, ArrayLike<number>>>;
}

/**
 * One published program: turns its parameters into a table.
 *
 * @throws ZodError for parameters it does not know, so that none is ignored
 */
export type Peer = (settings: PeerSettings) => PeerRun;

/** Programs by the name that cases have in `impl`. */
export type Peers = Readonly<Record<string, Peer>>;
