// Where the test editor lives: code-server, a VS Code that runs in a browser, in a folder that git ignores.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './process.mjs';

/** VS Code 1.99.3, the oldest VS Code the extension supports, and the last code-server for Node 20. */
export const version = '4.99.4';
export const nodeVersion = '20.20.2';

export const home = join(root, '.cache/code-server');
export const entry = join(home, 'node_modules/code-server/out/node/entry.js');
/** Written last: holds the Node program to start code-server with. */
export const readyFile = join(home, 'ready.json');

/** The command line (program first) that starts code-server, or undefined if `node tools/code-server.mjs` has not run. */
export function codeServer() {
  if (!existsSync(readyFile)) return undefined;
  const ready = JSON.parse(readFileSync(readyFile, 'utf8'));
  return ready.version === version && existsSync(ready.node) ? [ready.node, entry] : undefined;
}
