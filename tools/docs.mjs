// Writes what is generated from sources: media/solver.schema.json and docs/config.md from src/config/schema.ts,
// docs/operators.md from the tables of src/onnx, the tables in docs/solvers.md from src/solvers and src/diffusion, and those
// in docs/methods.md from src/learn. Tests fail when a file is stale.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';

const root = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

async function load(path) {
  const bundle = await build({
    entryPoints: [root(path)],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
  });
  const source = Buffer.from(bundle.outputFiles[0].contents).toString('base64');
  return import(`data:text/javascript;base64,${source}`);
}

const { schemaFileText, configDocText } = await load('src/config/docs.ts');
const { operatorsDocText } = await load('src/onnx/docs.ts');
const { solversDocText } = await load('src/solvers/docs.ts');
const { methodsDocText } = await load('src/learn/docs.ts');
const solversPage = solversDocText(await readFile(root('docs/solvers.md'), 'utf8'));
const methodsPage = methodsDocText(await readFile(root('docs/methods.md'), 'utf8'));
const style = await resolveConfig(root('docs/config.md'));

for (const [path, text] of [
  ['media/solver.schema.json', schemaFileText()],
  ['docs/config.md', await format(configDocText(), { ...style, parser: 'markdown' })],
  ['docs/operators.md', await format(operatorsDocText(), { ...style, parser: 'markdown' })],
  ['docs/solvers.md', await format(solversPage, { ...style, parser: 'markdown' })],
  ['docs/methods.md', await format(methodsPage, { ...style, parser: 'markdown' })],
]) {
  await mkdir(dirname(root(path)), { recursive: true });
  await writeFile(root(path), text);
  console.log(path);
}
