import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  CodeAction,
  CompletionItem,
  Diagnostic,
  DocumentDiagnosticReport,
  Hover,
  Range,
} from 'vscode-languageserver/node';
import { methods } from '../../src/protocol';
import type { LoggedEvent, RunInfo } from '../../src/protocol';
import { BackendClient } from './backend-client';

const valid = `version: 1
model:
  path: ./gmm.onnx
  prediction_type: edm
  noise_schedule: { type: edm, sigma_min: 0.002, sigma_max: 80 }
  sample_shape: [2]
student:
  num_inference_steps: 5
`;
const broken = valid
  .replace('edm\n', 'epsilom\n')
  .replace('[2]', '[3]')
  .replace('student:', 'studnet:')
  .replace('80 }', '0.001 }');

let folder: string;
let uri: string;
let client: BackendClient | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 's4s-backend-'));
  copyFileSync('test/data/backend/gmm.onnx', join(folder, 'gmm.onnx'));
  uri = pathToFileURL(join(folder, 'solver.yaml')).href;
});

afterEach(async () => {
  await client?.stop();
  client = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function start(capabilities: object = {}): Promise<BackendClient> {
  client = await BackendClient.start(capabilities, { jobPath: resolve('test/data/backend/fake-job.mjs') });
  return client;
}

function textAt(text: string, { start, end }: Range): string {
  const lines = text.split('\n');
  expect(start.line).toBe(end.line);
  return (lines[start.line] ?? '').slice(start.character, end.character);
}

const shown = (text: string, diagnostics: readonly Diagnostic[]) =>
  diagnostics.map(({ code, range }) => [code, textAt(text, range)]);

const expected = [
  ['unknown-value', 'epsilom'],
  ['conflict', '0.002'],
  ['model-input', '[3]'],
  ['model-output', '[3]'],
  ['unknown-key', 'studnet'],
];

describe('diagnostics', () => {
  test('are pushed with their ranges, and go when the text is right', async () => {
    const backend = await start();
    await backend.open(uri, broken);
    const found = await backend.diagnostics(uri);
    expect(shown(broken, found)).toEqual(expected);
    expect(found.every((diagnostic) => diagnostic.source === 's4s' && diagnostic.severity === 1)).toBe(true);
    await backend.change(uri, valid);
    expect(await backend.diagnostics(uri)).toEqual([]);
    await backend.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  });

  test('are pulled by clients that can', async () => {
    const backend = await start({ textDocument: { diagnostic: {} } });
    await backend.open(uri, broken);
    const report = await backend.request<DocumentDiagnosticReport>('textDocument/diagnostic', {
      textDocument: { uri },
    });
    expect(report.kind === 'full' ? shown(broken, report.items) : []).toEqual(expected);
    expect(backend.published).toEqual([]);
  });

  test('follow the model file: missing, torn, whole', async () => {
    const backend = await start({
      textDocument: { diagnostic: {} },
      workspace: { diagnostics: { refreshSupport: true } },
    });
    const path = join(folder, 'gmm.onnx');
    const pull = async () => {
      const report = await backend.request<DocumentDiagnosticReport>('textDocument/diagnostic', {
        textDocument: { uri },
      });
      return report.kind === 'full' ? shown(valid, report.items) : [];
    };
    const bytes = readFileSync(path);
    rmSync(path);
    await backend.open(uri, valid);
    expect(await pull()).toEqual([['model-missing', './gmm.onnx']]);
    writeFileSync(path, bytes.subarray(0, bytes.length / 2));
    await backend.refreshed();
    expect(await pull()).toEqual([['model-unreadable', './gmm.onnx']]);
    writeFileSync(path, bytes);
    await backend.refreshed();
    expect(await pull()).toEqual([]);
  });

  test('come as quick fixes where there is one way out', async () => {
    const backend = await start();
    await backend.open(uri, broken);
    const found = (await backend.diagnostics(uri)).find(({ code }) => code === 'unknown-key');
    const actions = await backend.request<CodeAction[]>('textDocument/codeAction', {
      textDocument: { uri },
      range: found?.range,
      context: { diagnostics: [] },
    });
    expect(actions.map((action) => action.title)).toEqual(['Rename to student']);
    expect(actions[0]?.edit?.changes?.[uri]).toEqual([{ range: found?.range, newText: 'student' }]);
  });

  test('need no disk for a document that lies on none', async () => {
    const backend = await start();
    const untitled = 'untitled:solver.yaml';
    await backend.open(untitled, broken);
    const codes = (await backend.diagnostics(untitled)).map((diagnostic) => diagnostic.code);
    expect(codes).toEqual(['unknown-value', 'conflict', 'unknown-key']);
  });
});

describe('help while typing', () => {
  test('completion of keys and values in a half-typed file', async () => {
    const backend = await start({ textDocument: { completion: { completionItem: { snippetSupport: true } } } });
    const text = `${valid}  meth\ndevice: `;
    await backend.open(uri, text);
    const at = (line: number, character: number) =>
      backend.request<CompletionItem[]>('textDocument/completion', {
        textDocument: { uri },
        position: { line, character },
      });
    const keys = await at(8, 6);
    expect(keys.find((item) => item.label === 'method')?.textEdit).toEqual({
      range: { start: { line: 8, character: 2 }, end: { line: 8, character: 6 } },
      newText: 'method: ${1|table,s4s,s4s-alt,ld3,gs,bns,dyweight,dode,neural_solver,amed|}',
    });
    expect(keys.map((item) => item.label)).not.toContain('num_inference_steps');
    const values = await at(9, 8);
    expect(values.map((item) => item.label)).toEqual(['auto', 'cpu', 'webgpu', 'cuda', 'dml', 'coreml']);
  });

  test('hover says what a key is', async () => {
    const backend = await start();
    await backend.open(uri, valid);
    const position = { line: 5, character: 4 };
    const found = await backend.request<Hover>('textDocument/hover', { textDocument: { uri }, position });
    expect(found.contents).toMatchObject({ kind: 'markdown' });
    expect(JSON.stringify(found.contents)).toMatch(/model\.sample_shape.*without the batch axis.*Unit/);
    expect(textAt(valid, found.range ?? { start: position, end: position })).toBe('sample_shape');
    const nowhere = { textDocument: { uri }, position: { line: 8, character: 0 } };
    expect(await backend.request('textDocument/hover', nowhere)).toBeNull();
  });
});

describe('requests that make no sense are errors, not the end', () => {
  const refusals: readonly [string, unknown, RegExp][] = [
    ['s4s/nothing', {}, /Unhandled method/],
    [methods.startRun, {}, /file: URI/],
    [methods.startRun, { uri: 'untitled:a', task: 'learn' }, /file: URI/],
    [methods.startRun, { uri: 'file:///nowhere/solver.yaml', task: 'dance' }, /learn or preview/],
    [methods.startRun, { uri: 'file:///nowhere/solver.yaml', task: 'learn' }, /cannot be read/],
    [methods.stopRun, { runDir: 'relative' }, /absolute path/],
    [methods.resumeRun, { runDir: resolve('/nowhere') }, /holds no run/],
    [methods.replay, { runDir: resolve('/nowhere'), fromSeq: -1 }, /whole number/],
    [methods.listRuns, null, /file: URI/],
  ];

  test('each with its sentence', async () => {
    const backend = await start();
    for (const [method, params, words] of refusals) {
      await expect(backend.request(method, params), `${method} ${JSON.stringify(params)}`).rejects.toThrow(words);
    }
    await backend.open(uri, valid);
    expect(await backend.diagnostics(uri)).toEqual([]);
  });

  test('a run of a file with errors', async () => {
    writeFileSync(join(folder, 'solver.yaml'), broken);
    const backend = await start();
    await expect(backend.request(methods.startRun, { uri, task: 'learn' })).rejects.toThrow(
      /has errors: .* \(and 4 more\)/,
    );
  });
});

describe('runs', () => {
  const save = (mode: string) => writeFileSync(join(folder, 'solver.yaml'), `# job: ${mode}\n${valid}`);

  test('start, stream, stop, list, replay, resume', async () => {
    save('wait');
    const backend = await start();
    const started = await backend.request<RunInfo>(methods.startRun, { uri, task: 'learn' });
    await backend.until('progress', () => backend.events.find(({ event }) => event.kind === 'progress'));
    expect(await backend.request(methods.listRuns, { uri })).toEqual([{ ...started, state: 'running' }]);
    const stopped = await backend.request<RunInfo>(methods.stopRun, { runDir: started.runDir });
    expect(stopped).toMatchObject({ state: 'cancelled', resumable: true });
    const log = await backend.request<LoggedEvent[]>(methods.replay, { runDir: started.runDir, fromSeq: 0 });
    expect(log).toEqual(backend.events.map(({ event }) => event));
    await backend.request(methods.resumeRun, { runDir: started.runDir });
    await backend.runState('done');
    expect(await backend.request(methods.listRuns, { uri })).toMatchObject([{ state: 'done', resumable: false }]);
  });

  test('a job that dies leaves diagnostics alive', async () => {
    save('crash');
    const backend = await start();
    await backend.request(methods.startRun, { uri, task: 'learn' });
    expect(await backend.runState('crashed')).toMatchObject({ resumable: true, pid: null });
    await backend.open(uri, broken);
    expect(shown(broken, await backend.diagnostics(uri))).toEqual(expected);
  });

  test('a backend that is shut down stops its job first', async () => {
    save('wait');
    const backend = await start();
    const { runDir } = await backend.request<RunInfo>(methods.startRun, { uri, task: 'learn' });
    await backend.until('progress', () => backend.events.find(({ event }) => event.kind === 'progress'));
    client = undefined;
    expect(await backend.stop()).toBe(0);
    expect(readFileSync(join(runDir, 'events.jsonl'), 'utf8')).toMatch(/"finished","status":"cancelled"/);
  });
});
