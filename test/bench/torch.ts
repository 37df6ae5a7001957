import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Tensor } from 'onnxruntime-node';
import type { BenchModel, Feeds } from './models';

interface JsonArray {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: string;
}

/** Values of a pass in PyTorch: the output and the gradient of each float input, in the order of the inputs. */
export interface TorchValues {
  readonly output: Float32Array;
  readonly gradients: readonly Float32Array[];
}

/** A PyTorch process that runs tools/bench/torch_gradient.py and waits for requests between its turns. */
export class TorchProcess {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;

  constructor(private readonly python: string) {
    this.child = spawn(python, [resolve('tools/bench/torch_gradient.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    });
    // A Python that does not start ends the lines too, which `request` reports.
    this.child.on('error', () => {});
    this.child.stdin!.on('error', () => {});
    this.reader = createInterface({ input: this.child.stdout! });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  /** Builds the network with the weights of the file and makes one pass. */
  async open(model: BenchModel, path: string, feeds: Feeds, cotangent: Tensor, threads: number): Promise<TorchValues> {
    const inputs = Object.keys(model.inputs).map((name) => toJson(feeds[name]!));
    const request = { open: model.name, path: resolve(path), threads, inputs, cotangent: toJson(cotangent) };
    const reply = await this.request<{ output: JsonArray; gradients: JsonArray[] }>(request);
    return { output: fromJson(reply.output), gradients: reply.gradients.map(fromJson) };
  }

  /** Milliseconds of one pass, measured inside PyTorch's process. */
  async time(pass: 'forward' | 'backward'): Promise<number> {
    return (await this.request<{ ms: number }>({ time: pass })).ms;
  }

  close(): void {
    this.child.stdin!.end();
    this.reader.close();
  }

  private async request<Reply>(request: object): Promise<Reply> {
    this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    const answer = await this.lines.next();
    if (answer.done === true) {
      throw new Error(
        `${this.python} could not run tools/bench/torch_gradient.py; it needs the packages of tools/bench/requirements.txt.`,
      );
    }
    return JSON.parse(answer.value) as Reply;
  }
}

function toJson({ type, dims, data }: Tensor): JsonArray {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return { type, dims, data: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
}

function fromJson({ data }: JsonArray): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
  return new Float32Array(bytes.buffer);
}
