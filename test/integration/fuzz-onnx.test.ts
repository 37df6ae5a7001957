import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildDenoiserVjpGraph, guessPorts, type NetworkPorts } from '../../src/onnx/denoiser-graph';
import { OnnxError } from '../../src/onnx/errors';
import { headerOf } from '../../src/onnx/header';
import { diskFiles, type ModelFiles } from '../../src/onnx/model-files';
import type { OnnxModel } from '../../src/onnx/model';
import { openModelFile } from '../../src/onnx/open-file';
import { buildVjpGraph } from '../../src/onnx/vjp';
import { serializeModel } from '../../src/onnx/write';
import { mutant } from '../support/onnx-mutations';

// Damaged and hostile model files: each is read to the end or refused with one OnnxError, in time, and nothing outside its
// folder is touched. `S4S_FUZZ_COUNT=5000 npx vitest run test/integration/fuzz-onnx.test.ts` for the long run, with
// S4S_FUZZ_FIRST to start elsewhere and S4S_FUZZ_KEEP=<folder> to keep the mutants that get through.
const count = Number(process.env['S4S_FUZZ_COUNT'] ?? 600);
const first = Number(process.env['S4S_FUZZ_FIRST'] ?? 0);
const keep = process.env['S4S_FUZZ_KEEP'];
const longest = 5_000;

const base = realpathSync(mkdtempSync(join(tmpdir(), 's4s-fuzz-')));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const folder = join(base, 'model');
const path = join(folder, 'mutant.onnx');

beforeAll(() => {
  mkdirSync(folder);
  writeFileSync(join(base, 'outside.bin'), new Uint8Array(4096));
  writeFileSync(join(folder, 'weights.bin'), new Uint8Array(4096));
  copyFileSync('test/data/onnx/external/conv_net.onnx.data', join(folder, 'conv_net.onnx.data'));
  symlinkSync(join(base, 'outside.bin'), join(folder, 'link.bin'));
  symlinkSync(base, join(folder, 'up'));
});

const data = 'test/data/onnx';
const seeds = [
  ...['mlp_sin', 'gmm_analytic', 'external/conv_net', 'ddpm_unet2d_op21'].map((name) => join(data, `${name}.onnx`)),
  ...readdirSync(join(data, 'opsets'))
    .filter((name) => name.endsWith('.onnx'))
    .sort()
    .map((name) => join(data, 'opsets', name)),
  'media/demo/unet.onnx',
].map((file) => ({ name: basename(file), bytes: new Uint8Array(readFileSync(file)) }));

/** Files on disk, with a list of what was opened. */
function watched(opened: Set<string>): ModelFiles {
  return {
    ...diskFiles,
    async open(name) {
      opened.add(realpathSync(name));
      return diskFiles.open(name);
    },
  };
}

/** All that the product does with a file before ONNX Runtime sees it; the code of the refusal, or `built`. */
async function outcomeOf(files: ModelFiles): Promise<string> {
  let ports: NetworkPorts | undefined;
  let model: OnnxModel;
  const refusals: OnnxError[] = [];
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error;
      refusals.push(error);
    }
  };
  try {
    model = await openModelFile(path, files);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    expectOneSentence(error);
    return error.code;
  }
  const header = headerOf(model);
  attempt(() => serializeModel(buildVjpGraph(model)));
  const outcome = refusals[0]?.code ?? 'built';
  attempt(() => (ports = guessPorts(header)));
  attempt(() => ports && serializeModel(buildDenoiserVjpGraph(model, { ports, guidance: true }).model));
  refusals.forEach(expectOneSentence);
  return outcome;
}

function expectOneSentence({ code, message, cause }: OnnxError): void {
  // `guardNode` is the last line of defence, not a way to check files.
  if (code !== 'not-onnx' && (cause instanceof TypeError || cause instanceof RangeError)) throw cause;
  expect(message.length).toBeLessThan(1500);
  expect(message).toMatch(/^[^\n\r\0]*[.)]$/);
}

it(
  `${count} damaged and hostile files`,
  async () => {
    const outcomes = new Map<string, number>();
    const problems: string[] = [];
    const opened = new Set<string>();
    let slowest = { ms: 0, title: '' };
    for (let n = first; n < first + count; n++) {
      const { title, bytes } = mutant(seeds, n);
      writeFileSync(path, bytes);
      const start = performance.now();
      let outcome: string;
      try {
        outcome = await outcomeOf(watched(opened));
      } catch (error) {
        outcome = 'crashed';
        problems.push(`${n}: ${title}: ${error instanceof Error ? (error.stack ?? '').slice(0, 700) : String(error)}`);
      }
      const ms = performance.now() - start;
      if (ms > slowest.ms) slowest = { ms, title: `${n}: ${title}` };
      if (ms > longest) problems.push(`${n}: ${title}: took ${ms.toFixed(0)} ms`);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (keep !== undefined && outcome === 'built') copyFileSync(path, join(keep, `${n}.onnx`));
    }
    console.log(
      [...outcomes]
        .sort(([, a], [, b]) => b - a)
        .map(([name, times]) => `${name} ${times}`)
        .join(', '),
      `; slowest ${slowest.ms.toFixed(0)} ms (${slowest.title})`,
    );
    expect(problems).toEqual([]);
    expect([...opened].filter((file) => !file.startsWith(join(folder, '')))).toEqual([]);
    // The mutants are neither all refused at the door nor all harmless; a handful need not have every kind.
    if (count < 300) return;
    expect(outcomes.get('built') ?? 0).toBeGreaterThan(count / 20);
    expect(outcomes.get('not-onnx') ?? 0).toBeGreaterThan(count / 50);
    expect(outcomes.get('invalid-graph') ?? 0).toBeGreaterThan(count / 50);
    expect(outcomes.get('external-data') ?? 0).toBeGreaterThan(0);
  },
  Math.max(60_000, count * 200),
);
