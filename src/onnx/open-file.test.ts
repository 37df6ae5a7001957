import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { externalTensor, modelWith, writeLargeModel } from '../../test/support/external-model';
import { buildDenoiserVjpGraph, guessPorts } from './denoiser-graph';
import { DataType } from './dtype';
import { OnnxError } from './errors';
import type { TensorProto } from './generated/onnx_pb';
import { headerOf } from './header';
import { diskFiles } from './model-files';
import { openModelFile } from './open-file';
import { decodeSmall, isExternal } from './tensors';
import { buildVjpGraph } from './vjp';
import { serializeModel } from './write';

const base = realpathSync(mkdtempSync(join(tmpdir(), 's4s-open-')));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let count = 0;
let folder = base;
beforeEach(() => {
  folder = join(base, String(++count));
  mkdirSync(join(folder, 'model', 'weights'), { recursive: true });
});
const inside = (name: string) => join(folder, 'model', name);
const outside = (name: string) => join(folder, name);

/** 100 × 100 floats: too many to be read in. */
const dims = [100, 100];
const size = 40_000;

/** Writes a model whose weight lies where the entries say. */
function write(entries: Record<string, string | number>, change: (tensor: TensorProto) => void = () => {}): string {
  const weight = externalTensor('w', dims, entries);
  change(weight);
  const path = inside('unet.onnx');
  writeFileSync(
    path,
    modelWith([weight], 100, (b) => b.emit('MatMul', ['sample', 'w'])),
  );
  return path;
}

async function refusal(path: string): Promise<OnnxError> {
  const error: unknown = await openModelFile(path).then(
    () => new Error('was opened'),
    (reason: unknown) => reason,
  );
  if (error instanceof OnnxError) return error;
  throw error;
}

describe('an export of the newer PyTorch exporter, with all weights in a second file', () => {
  const path = 'test/data/onnx/external/conv_net.onnx';

  it('has its small tensors read in, and leaves the large one outside', async () => {
    const { graph, weights } = await openModelFile(path);
    const outside = graph.initializer.filter(isExternal).map(({ name }) => name);
    expect(outside).toEqual(['c2.weight']);
    const target = graph.initializer.find(({ name }) => name === 'view_1/shape');
    expect(decodeSmall(target!)).toEqual([-1, 24, 8, 8]);
    expect(weights).toEqual({
      folder: realpathSync('test/data/onnx/external'),
      files: [realpathSync(`${path}.data`)],
    });
  });

  it('is differentiated, and the gradient refers to the same file', async () => {
    const model = await openModelFile(path);
    const header = headerOf(model);
    expect(header.externalData).toEqual(['conv_net.onnx.data']);
    expect(header.parameterCount).toBeGreaterThan(5_600);
    const { model: vjp } = buildDenoiserVjpGraph(model, { ports: guessPorts(header), guidance: true });
    const weight = vjp.graph.initializer.find(({ name }) => name === 'c2.weight');
    expect(weight?.externalData.find(({ key }) => key === 'location')?.value).toBe('conv_net.onnx.data');
    expect(weight?.rawData.length).toBe(0);
  });
});

describe('weights that a model may have', () => {
  it.each([
    ['beside it', 'w.bin'],
    ['in a folder below', 'weights/w.bin'],
    ['spelled oddly', './weights//./w.bin'],
  ])('%s', async (_where, location) => {
    const path = write({ location, offset: 8 });
    writeFileSync(inside(location), new Uint8Array(8 + size));
    expect((await openModelFile(path)).weights?.files).toEqual([
      inside(location.replace('//./', '/').replace('./', '')),
    ]);
  });

  it('behind a link that stays in the folder', async () => {
    const path = write({ location: 'w.bin' });
    writeFileSync(inside('weights/w.bin'), new Uint8Array(size));
    symlinkSync(inside('weights/w.bin'), inside('w.bin'));
    expect((await openModelFile(path)).weights?.files).toEqual([inside('weights/w.bin')]);
  });

  it('in a download cache, where model and weights are links into one folder', async () => {
    const path = write({ location: 'unet.onnx.data' });
    mkdirSync(outside('snapshot'));
    writeFileSync(inside('4f2a'), new Uint8Array(size));
    symlinkSync('../model/unet.onnx', outside('snapshot/unet.onnx'));
    symlinkSync('../model/4f2a', outside('snapshot/unet.onnx.data'));
    const model = await openModelFile(outside('snapshot/unet.onnx'));
    expect(model.weights).toEqual({ folder: join(folder, 'model'), files: [inside('4f2a')] });
    expect(path).toBe(inside('unet.onnx'));
    expect(headerOf(model).externalData).toEqual(['4f2a']);
    const [weight] = model.graph.initializer;
    expect(weight?.externalData.find(({ key }) => key === 'location')?.value).toBe('4f2a');
  });

  it('in a Constant node, where small ones are read in', async () => {
    writeFileSync(inside('c.bin'), Buffer.from(BigInt64Array.of(-1n, 100n).buffer));
    const target = externalTensor('', [2], { location: 'c.bin', length: 16 }, DataType.INT64);
    const path = inside('unet.onnx');
    writeFileSync(
      path,
      modelWith([], 100, (b) => b.emit('Reshape', ['sample', b.emit('Constant', [], { value: target })])),
    );
    const vjp = buildVjpGraph(await openModelFile(path));
    expect(serializeModel(vjp).length).toBeGreaterThan(0);
    const constant = (await openModelFile(path)).graph.node.find(({ opType }) => opType === 'Constant');
    expect(decodeSmall(constant!.attribute[0]!.t!)).toEqual([-1, 100]);
  });
});

describe('weights that a model may not have', () => {
  it.each([
    ['a step up', '../w.bin'],
    ['a step up in the middle', 'weights/../../w.bin'],
    ['a step up that comes back', '../model/w.bin'],
    ['a step up as Windows writes it', '..\\w.bin'],
    ['an absolute path', '/etc/passwd'],
    ['a drive', 'C:\\w.bin'],
    ['a drive without a folder', 'C:w.bin'],
    ['another machine', '\\\\host\\share\\w.bin'],
    ['a null character', 'w.bin\0.txt'],
  ])('%s', async (_what, location) => {
    writeFileSync(outside('w.bin'), new Uint8Array(size));
    writeFileSync(inside('w.bin'), new Uint8Array(size));
    const error = await refusal(write({ location }));
    expect(error.code).toBe('external-data');
    expect(error.message).toBe(
      `${inside('unet.onnx')}: the weights of "w" lie in "${location.replace('\0', '�')}", outside the model's folder; put them beside the model and export it again.`,
    );
  });

  it('a link that leads out, of the file or of a folder', async () => {
    writeFileSync(outside('w.bin'), new Uint8Array(size));
    symlinkSync(outside('w.bin'), inside('w.bin'));
    symlinkSync(folder, inside('up'));
    for (const location of ['w.bin', 'up/w.bin']) {
      expect((await refusal(write({ location }))).message).toMatch(/"w" lie in ".*", outside the model's folder;/);
    }
  });

  it.each([
    [{ location: '' }, /of "w" names no file; export/],
    [{ location: 'gone.bin' }, /of "w" lie in gone\.bin, which is missing; copy it to .*model.gone\.bin too\.$/],
    [{ location: 'weights' }, /weights cannot be read: it is a folder/],
    [{ location: 'w.bin', offset: -4 }, /has the offset "-4", which is no size; export/],
    [{ location: 'w.bin', offset: '99999999999999999999' }, /has the offset "99999999999999999999"/],
    [{ location: 'w.bin', length: '4e4' }, /has the length "4e4", which is no size/],
    [
      { location: 'w.bin', length: 12 },
      /of "w" has 12 bytes, but its dimensions \[100, 100\] and type need 40000; export/,
    ],
    [{ location: 'w.bin', offset: 1 }, /"w" needs 40000 bytes from byte 1 of w\.bin, which has only 40000; the file/],
  ])('%j', async (entries, message) => {
    writeFileSync(inside('w.bin'), new Uint8Array(size));
    const error = await refusal(write(entries));
    expect(error.message).toMatch(message);
    expect(error.message).toContain(inside(''));
  });

  it('strings', async () => {
    const path = write({ location: 'w.bin' }, (tensor) => (tensor.dataType = DataType.STRING));
    expect((await refusal(path)).message).toMatch(/of "w" is of a type that cannot lie outside the model/);
  });
});

describe('files that are no model', () => {
  it.each([
    ['absent', 'none.onnx', /none\.onnx cannot be read: there is no such file; check the path\.$/],
    ['a folder', 'weights', /weights cannot be read: it is a folder; check the path\.$/],
  ])('%s', async (_what, name, message) => {
    const error = await refusal(inside(name));
    expect(error.code).toBe('unreadable');
    expect(error.message).toMatch(message);
  });

  // Windows has no such file in its file system.
  it.skipIf(process.platform === 'win32')('an endless device', async () => {
    expect((await refusal('/dev/zero')).message).toBe('/dev/zero is no ordinary file; a file is needed here.');
  });

  it('larger than protobuf allows', async () => {
    writeFileSync(inside('huge.onnx'), '');
    truncateSync(inside('huge.onnx'), 2 ** 31);
    expect((await refusal(inside('huge.onnx'))).message).toMatch(
      /huge\.onnx has 2\.0 GiB, and an \.onnx file cannot be larger than 2 GiB; export it with its weights as external data/,
    );
  });
});

it('a model with 3 GB of weights costs no memory, and nothing of them is read', async () => {
  const path = writeLargeModel(folder, 12, 8192);
  const before = process.memoryUsage().rss;
  const read: number[] = [];
  const model = await openModelFile(path, {
    ...diskFiles,
    async open(name) {
      const file = await diskFiles.open(name);
      return { ...file, read: (offset, length) => (read.push(length), file.read(offset, length)) };
    },
  });
  const vjp = serializeModel(buildVjpGraph(model));
  expect(headerOf(model).parameterCount * 4).toBeGreaterThan(3e9);
  expect(vjp.length).toBeLessThan(50_000);
  expect(read).toHaveLength(1);
  expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
});
