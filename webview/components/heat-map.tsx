import { useSignal } from '@preact/signals';
import type { TableData } from '../../src/protocol/table';
import { heatRows, tableChange, type HeatCell } from '../heat';
import { formatEntry, formatTime } from '../numbers';
import type { SolverView } from '../state';

type View = 'learned' | 'start' | 'change';
const viewNames: Readonly<Record<View, string>> = { learned: 'Learned', start: 'Classic start', change: 'Change' };
const predictions: Readonly<Record<TableData['prediction'], string>> = {
  data: 'the clean sample',
  noise: 'the noise',
  velocity: 'the velocity',
};

const spaces: Readonly<Record<TableData['space'], string>> = { vp: 'VP', ve: 'VE', flow: 'flow' };

/** The solver itself: which weight every model evaluation has in every state. */
export function HeatMap({ solver }: { readonly solver: SolverView | null }) {
  const chosen = useSignal<View>('learned');
  const views = tablesOf(solver);
  const view = views[chosen.value] === undefined ? (views.learned === undefined ? 'start' : 'learned') : chosen.value;
  const table = views[view];
  const names = (Object.keys(viewNames) as View[]).filter((name) => views[name] !== undefined);
  return (
    <section aria-labelledby="table-title">
      <div class="section-line">
        <h2 id="table-title">{view === 'start' && table !== undefined ? 'Classic table' : 'Learned table'}</h2>
        {names.length > 1 && (
          <div class="segments" role="group" aria-label="Table shown">
            {names.map((name) => (
              <button key={name} aria-pressed={name === view} onClick={() => (chosen.value = name)}>
                {viewNames[name]}
              </button>
            ))}
          </div>
        )}
      </div>
      {table === undefined ? (
        <div class="placeholder">The table appears when learning starts.</div>
      ) : (
        <>
          <div class="scroll" tabIndex={0} role="region" aria-labelledby="table-title">
            <Table table={table} />
          </div>
          <p class="quiet note">{explanation(table, view)}</p>
        </>
      )}
    </section>
  );
}

function tablesOf(solver: SolverView | null): Partial<Record<View, TableData>> {
  const learned = solver?.learnedTable?.table;
  const start = solver?.startTable?.table;
  const change = learned && start && tableChange(start, learned);
  return { ...(learned && { learned }), ...(start && { start }), ...(change && { change }) };
}

function explanation(table: TableData, view: View): string {
  if (view === 'change') return 'Learned minus classic, entry by entry; the times too.';
  return `Each row adds up its weights to the next state in ${spaces[table.space]} space; y${subscript(table.nfe)} is the sample. D is ${predictions[table.prediction]} that the model predicts at time τ.`;
}

function Table({ table }: { readonly table: TableData }) {
  const rows = heatRows(table);
  return (
    <table class="heat" data-testid="heat-map">
      <thead>
        <tr>
          <th scope="col">state</th>
          <th scope="col">
            x<sub>T</sub>
          </th>
          {table.times.map((_, k) => (
            <th key={k} scope="col">
              D<sub>{k}</sub>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ state, cells }) => (
          <tr key={state}>
            <th scope="row">
              y<sub>{state}</sub>
            </th>
            {cells.map((cell, column) => (
              <Cell key={column} cell={cell} state={state} column={column} />
            ))}
            {state < table.nfe && <td colSpan={table.nfe - state} class="blank" />}
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">
            <abbr title="time the network is evaluated at">τ</abbr>
          </th>
          <td class="blank" />
          {table.times.map((time, k) => (
            <td key={k} title={String(time)}>
              {formatTime(time)}
            </td>
          ))}
        </tr>
      </tfoot>
    </table>
  );
}

interface CellProps {
  readonly cell: HeatCell;
  readonly state: number;
  readonly column: number;
}

function Cell({ cell: { value, heat }, state, column }: CellProps) {
  const from = column === 0 ? 'x_T' : `D_${column - 1}`;
  return (
    <td
      class={heat < 0 ? 'negative' : 'positive'}
      style={{ '--heat': `${(Math.abs(heat) * 100).toFixed(1)}%` }}
      title={`weight of ${from} in y_${state}: ${value}`}
    >
      {formatEntry(value)}
    </td>
  );
}

function subscript(n: number): string {
  return [...String(n)].map((digit) => String.fromCodePoint(0x2080 + Number(digit))).join('');
}
