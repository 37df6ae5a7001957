// Writes what is generated from src/config/schema.ts: media/solver.schema.json and docs/config.md.
// A test fails when either file is stale.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';

const root = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const bundle = await build({
  entryPoints: [root('src/config/docs.ts')],
  bundle: true,
  write: false,
  platform: 'node',
  format: 'esm',
});
const source = Buffer.from(bundle.outputFiles[0].contents).toString('base64');
const { schemaFileText, configDocText } = await import(`data:text/javascript;base64,${source}`);
const style = await resolveConfig(root('docs/config.md'));

for (const [path, text] of [
  ['media/solver.schema.json', schemaFileText()],
  ['docs/config.md', await format(configDocText(), { ...style, parser: 'markdown' })],
]) {
  await mkdir(dirname(root(path)), { recursive: true });
  await writeFile(root(path), text);
  console.log(path);
}
