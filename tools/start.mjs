// `npm start`: learns a solver for the bundled demo model and shows the result. One command on a fresh clone.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled } from './lib/install.mjs';
import { root, run, runOrThrow, say } from './lib/process.mjs';

// Ctrl-C reaches the run too, which ends by itself with its best table kept; this program only waits for it.
process.on('SIGINT', () => {});

await ensureInstalled();
say('building');
await runOrThrow(process.execPath, [join(root, 'tools/build.mjs')], { stdio: ['ignore', 'ignore', 'inherit'] });
const out = join(root, '.s4s/demo');
// A run that was stopped goes on; a finished one is done again from the start (teacher samples come from the cache).
const unfinished = existsSync(join(out, 'checkpoint.json')) && !existsSync(join(out, 'report.json'));
say(`${unfinished ? 'going on with' : 'learning'} a 5-evaluation solver for the demo model in media/demo`);
const target = unfinished ? ['--resume', out] : ['--out', out];
process.exitCode = await run(process.execPath, [
  join(root, 'dist/cli.js'),
  'learn',
  'media/demo/solver.yaml',
  ...target,
]);
