import { send } from '../host';
import { Icon } from './icons';

/** No run yet: what this panel is for, and the one thing to do. */
export function Welcome() {
  return (
    <main class="welcome">
      <h1>No run yet</h1>
      <p>
        Describe your model in <code>solver.yaml</code> and choose Learn Solver. The loss, the learned table and samples
        appear here while it learns.
      </p>
      <button class="primary" data-testid="learn" onClick={() => send('learn')}>
        <Icon name="play" />
        Learn Solver
      </button>
    </main>
  );
}
