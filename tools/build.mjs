// Bundles the programs into dist/: extension, backend, job and cli for Node, the page and its stylesheet for the browser.
//   node tools/build.mjs [--production] [--watch]
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const production = process.argv.includes('--production');
const watch = process.argv.includes('--watch');

const common = {
  absWorkingDir: root,
  bundle: true,
  minify: production,
  sourcemap: production ? 'external' : 'linked',
  sourcesContent: true,
  legalComments: 'eof',
  logLevel: 'warning',
  metafile: true,
  define: { 'process.env.NODE_ENV': JSON.stringify(production ? 'production' : 'development') },
};

/** VS Code's host and Node load CommonJS; Node 20 is the floor of both. ONNX Runtime is native code and stays a package. */
const node = {
  ...common,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  mainFields: ['module', 'main'],
  external: ['vscode', 'onnxruntime-node'],
  loader: { '.py': 'text' },
};

const programs = [
  { ...node, entryPoints: ['src/extension/extension.ts'], outfile: 'dist/extension.js' },
  { ...node, entryPoints: ['src/backend/main.ts'], outfile: 'dist/backend.js' },
  { ...node, entryPoints: ['src/jobs/main.ts'], outfile: 'dist/job.js' },
  { ...node, entryPoints: ['src/cli/main.ts'], outfile: 'dist/cli.js', banner: { js: '#!/usr/bin/env node' } },
  {
    ...common,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    entryPoints: ['webview/main.tsx'],
    outfile: 'dist/webview.js',
  },
  { ...common, target: 'es2022', entryPoints: ['webview/styles/main.css'], outfile: 'dist/webview.css' },
];

async function report(program, result) {
  for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
    if (!file.endsWith('.map'))
      console.log(`${relative(root, join(root, file)).padEnd(20)} ${(bytes / 1024).toFixed(1)} kB`);
  }
  // What the package's licence notices are made from.
  if (production)
    await writeFile(join(root, `${program.outfile}.inputs.json`), JSON.stringify(Object.keys(result.metafile.inputs)));
  if (program.outfile === 'dist/cli.js') await chmod(join(root, program.outfile), 0o755);
}

const reporter = (program) => ({
  name: 'report',
  setup: (build) =>
    build.onEnd(async (result) => {
      if (result.errors.length === 0) await report(program, result);
    }),
});

// What ships must hold nothing stale; while working, the files of a running editor stay in place.
if (production) await rm(join(root, 'dist'), { recursive: true, force: true });
await mkdir(join(root, 'dist'), { recursive: true });
const configured = programs.map((program) => ({ ...program, plugins: [reporter(program)] }));
if (watch) {
  const contexts = await Promise.all(configured.map((program) => esbuild.context(program)));
  await Promise.all(contexts.map((context) => context.watch()));
  console.log('build: watching; stop with Ctrl-C');
} else {
  const results = await Promise.allSettled(configured.map((program) => esbuild.build(program)));
  const failed = results.filter((result) => result.status === 'rejected');
  if (failed.length > 0) {
    console.error(`build: ${failed.length} of ${configured.length} bundles failed; the messages are above.`);
    process.exitCode = 1;
  }
}
