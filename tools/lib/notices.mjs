// The licences of what is bundled: a production build leaves the names of the files in each bundle.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './process.mjs';

/** Packages that ship as files of their own, in no bundle. */
const unbundled = ['node_modules/onnxruntime-node', 'node_modules/onnxruntime-common'];
const licenceFile = /^(licen[cs]e|copying|notice|third-?party-?notices)(\.(txt|md))?$/i;

/** One text with the licence of every package in the bundles of `dist`, of a production build. */
export async function thirdPartyNotices() {
  const folders = [...(await bundledPackages()), ...unbundled].sort();
  const parts = await Promise.all(folders.map(noticeOf));
  return ['S4S Studio contains the packages below, each under its own licence.', ...new Map(parts).values()].join(
    `\n\n${'-'.repeat(80)}\n\n`,
  );
}

async function bundledPackages() {
  const found = new Set();
  for (const file of await readdir(join(root, 'dist'))) {
    if (!file.endsWith('.inputs.json')) continue;
    for (const input of JSON.parse(await readFile(join(root, 'dist', file), 'utf8'))) {
      const [folder] = /^(.*\/)?node_modules\/(@[^/]+\/)?[^/]+/.exec(input) ?? [];
      if (folder) found.add(folder);
    }
  }
  return found;
}

/** A package's name and version, with its text: two copies of one version are told once. */
async function noticeOf(folder) {
  const { name, version, license, homepage } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
  if (!license) throw new Error(`${folder} names no licence; find out under which one it may ship.`);
  const files = (await readdir(join(root, folder))).filter((file) => licenceFile.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(root, folder, file), 'utf8')));
  const title = `${name} ${version} (${license})${homepage ? `\n${homepage}` : ''}`;
  return [`${name} ${version}`, [title, ...texts.map((text) => text.trim())].join('\n\n')];
}
