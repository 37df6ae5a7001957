import { Header } from './components/header';
import { HeatMap } from './components/heat-map';
import { LossChart } from './components/loss-chart';
import { NfeTabs } from './components/nfe-tabs';
import { Results } from './components/results';
import { Samples } from './components/samples';
import { Warnings } from './components/warnings';
import { Welcome } from './components/welcome';
import { runState } from './state';
import { shownSolver, state } from './store';

export function App() {
  const { hydrated } = state.value;
  if (!hydrated) return <main aria-busy="true" />;
  if (runState(state.value) === null) return <Welcome />;
  const solver = shownSolver.value;
  return (
    <main>
      <Header />
      <Warnings />
      <NfeTabs />
      <div class="sections" id="solver" role={state.value.solvers.length > 1 ? 'tabpanel' : undefined}>
        <div class="pair">
          <LossChart solver={solver} />
          <HeatMap solver={solver} />
        </div>
        <Samples solver={solver} />
        <Results solver={solver} />
      </div>
    </main>
  );
}
