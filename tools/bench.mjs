// npm run bench [-- gradient|sampler|learn|… options]: measures what speed claims rest on. Ratios and medians of paired runs,
// because machines are noisy; never part of `npm test`.
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { root, run } from './lib/process.mjs';

const outfile = join(root, 'dist/bench.js');
await esbuild.build({
  absWorkingDir: root,
  entryPoints: ['test/bench/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  mainFields: ['module', 'main'],
  external: ['onnxruntime-node'],
  logLevel: 'warning',
});
process.exitCode = await run(process.execPath, [outfile, ...process.argv.slice(2)]);
