// Makes the VSIX: stages exactly what ships, then lets vsce pack it.
import { cp, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createVSIX, listFiles } from '@vscode/vsce';
import { thirdPartyNotices } from './notices.mjs';
import { root, runOrThrow, say } from './process.mjs';

/** The platforms onnxruntime-node has binaries for. */
const targets = ['linux-x64', 'linux-arm64', 'win32-x64', 'win32-arm64', 'darwin-arm64'];
export const currentTarget = `${process.platform}-${process.arch}`;
const limitMB = 40;

const stage = join(root, 'out/stage');
/** Copies a file or folder, but never what somebody's runs left in the demo folder. */
const fromRoot = (path) =>
  cp(join(root, path), join(stage, path), { recursive: true, filter: (source) => basename(source) !== 'runs' });
const readJson = async (path) => JSON.parse(await readFile(join(root, path), 'utf8'));

/** Everything a packaged file may be; a file that fits none of these stops the packaging. */
const allowed = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|ThirdPartyNotices\.txt|language-configuration\.json)$/,
  /^syntaxes\/[\w.-]+\.tmLanguage\.json$/,
  /^dist\/[a-z-]+\.(js|css)$/,
  /^media\/[^.][\w./-]*\.(png|svg|md|jsonl?|yaml|onnx)$/,
  /^node_modules\/onnxruntime-(node|common)\/(package\.json|LICENSE)$/,
  /^node_modules\/onnxruntime-node\/dist\/\w+\.js$/,
  /^node_modules\/onnxruntime-node\/bin\/napi-v6\/\w+\/\w+\/[\w.]+$/,
  /^node_modules\/onnxruntime-common\/dist\/cjs\/[\w.-]+\.(js|json)$/,
];
const copied = ['LICENSE', 'CHANGELOG.md', '.vscodeignore', 'language-configuration.json', 'syntaxes', 'media'];
const required = [
  'ThirdPartyNotices.txt',
  'dist/extension.js',
  'dist/backend.js',
  'dist/job.js',
  'dist/cli.js',
  'dist/webview.js',
];

/** The manifest without what only development needs; vsce takes what it says about dependencies from node_modules. */
async function writeManifest() {
  const { scripts, devDependencies, private: unpublished, ...manifest } = await readJson('package.json');
  void [scripts, devDependencies, unpublished];
  await writeFile(join(stage, 'package.json'), JSON.stringify(manifest, null, 2));
}

/** The manifest names no repository that relative links could lead to: their text stays, relative pictures go. */
async function writeReadme() {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const relative = /(!?)\[([^\]]*)\]\((?!https:|#)[^)]*\)/g;
  await writeFile(
    join(stage, 'README.md'),
    readme.replace(relative, (_link, picture, text) => (picture ? '' : text)),
  );
}

/** onnxruntime-node for one platform, without its installer and the packages that only the installer uses. */
async function stageRuntime(target) {
  const [os, arch] = target.split('-');
  const runtime = 'node_modules/onnxruntime-node';
  const common = 'node_modules/onnxruntime-common';
  const binaries = `${runtime}/bin/napi-v6/${os}/${arch}`;
  await fromRoot(binaries);
  // The package holds the macOS library twice, under the name the binding loads and under its full version.
  for (const file of await readdir(join(stage, binaries))) {
    if (/^libonnxruntime\.\d+\.\d+\.\d+\.dylib$/.test(file)) await rm(join(stage, binaries, file));
  }
  for (const dir of [`${runtime}/dist`, `${common}/dist/cjs`]) {
    await mkdir(join(stage, dir), { recursive: true });
    for (const file of await readdir(join(root, dir))) {
      if (/\.(js|json)$/.test(file)) await fromRoot(`${dir}/${file}`);
    }
  }
  const manifest = await readJson(`${runtime}/package.json`);
  manifest.dependencies = { 'onnxruntime-common': manifest.dependencies['onnxruntime-common'] };
  delete manifest.devDependencies;
  delete manifest.scripts;
  await writeFile(join(stage, runtime, 'package.json'), JSON.stringify(manifest, null, 2));
  await fromRoot(`${common}/package.json`);
}

async function check() {
  const files = await listFiles({ cwd: stage });
  const strangers = files.filter((file) => !allowed.some((pattern) => pattern.test(file)));
  if (strangers.length > 0) throw new Error(`These files must not ship: ${strangers.join(', ')}.`);
  // Whatever the manifest points at (icons, grammars, schemas) must be there too.
  const manifest = await readFile(join(stage, 'package.json'), 'utf8');
  const named = [...manifest.matchAll(/"\.\/([^"]+)"/g)].map(([, file]) => file);
  const missing = [...required, ...named].filter((file) => !files.includes(file));
  if (missing.length > 0) throw new Error(`These files are missing from the package: ${missing.join(', ')}.`);
}

/** Builds for production and packs out/s4s-studio-<version>-<target>.vsix; returns its path. */
export async function makeVsix(target = currentTarget) {
  if (!targets.includes(target)) {
    throw new Error(`ONNX Runtime has no binary for ${target}; there is one for ${targets.join(', ')}.`);
  }
  say(`packing the extension for ${target}`);
  await runOrThrow(process.execPath, ['tools/build.mjs', '--production']);
  await rm(stage, { recursive: true, force: true });
  await mkdir(join(stage, 'dist'), { recursive: true });
  await writeManifest();
  await writeReadme();
  for (const file of copied) await fromRoot(file);
  for (const file of await readdir(join(root, 'dist'))) {
    if (/\.(js|css)$/.test(file)) await fromRoot(`dist/${file}`);
  }
  await writeFile(join(stage, 'ThirdPartyNotices.txt'), await thirdPartyNotices());
  await stageRuntime(target);
  await check();

  const { name, version } = await readJson('package.json');
  const packagePath = join(root, 'out', `${name}-${version}-${target}.vsix`);
  await createVSIX({ cwd: stage, packagePath, target, allowMissingRepository: true });
  const megabytes = (await stat(packagePath)).size / 1e6;
  if (megabytes > limitMB) throw new Error(`The package has ${megabytes.toFixed(1)} MB; the limit is ${limitMB} MB.`);
  say(`${packagePath}: ${megabytes.toFixed(1)} MB (limit ${limitMB} MB)`);
  return packagePath;
}
