// npm run package [-- TARGET...]: out/s4s-studio-<version>-<target>.vsix, for this platform unless targets are named.
import { fail } from './lib/process.mjs';
import { ensureInstalled } from './lib/install.mjs';

try {
  await ensureInstalled();
  const { currentTarget, makeVsix } = await import('./lib/package.mjs');
  const wanted = process.argv.slice(2);
  for (const target of wanted.length > 0 ? wanted : [currentTarget]) await makeVsix(target);
} catch (error) {
  fail(error.message);
}
