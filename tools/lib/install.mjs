// Installing this project's npm packages when they are missing or not the ones package-lock.json names.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root, say } from './process.mjs';

function packages(file) {
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/** npm writes what it installed to node_modules/.package-lock.json; optional packages may be missing on this platform. */
function installed() {
  const wanted = packages(join(root, 'package-lock.json'));
  const present = packages(join(root, 'node_modules/.package-lock.json'));
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || present[path]?.version === version || (optional === true && present[path] === undefined),
  );
}

/**
 * Installs node_modules if needed, with the versions of package-lock.json. Nothing but npm packages is fetched: .npmrc
 * switches install scripts off. Not `npm ci`: it refuses a lock file that lacks other platforms' optional binaries, and
 * some registry mirrors do not carry them all; --no-save leaves the lock file as it is.
 */
export async function ensureInstalled() {
  if (installed()) return;
  say('installing npm packages');
  await npm(['install', '--no-save', '--no-fund', '--no-audit', '--loglevel=error']);
}
