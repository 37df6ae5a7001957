import { render } from 'preact';
import { App } from './app';
import { listen, save, saved, send } from './host';
import { receive, state } from './store';

const root = document.getElementById('root');
if (root === null) throw new Error('The page has no element #root to draw in.');
render(<App />, root);

let placed = false;
listen((message) => {
  receive(message);
  const { run } = state.value;
  if (run !== null) save({ runDir: run.runDir, configPath: run.configPath });
  if (message.kind === 'hydrate' && !placed) {
    placed = true;
    // After the content is there, so that there is somewhere to scroll to.
    requestAnimationFrame(() => window.scrollTo(0, saved().scroll));
  }
});
window.addEventListener('scrollend', () => save({ scroll: window.scrollY }));
send('ready');
