import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/**
 * SHA-256 (hex) of a model file; of a model with weights in other files, the SHA-256 of the digests of all of them, the
 * model's first. Files are streamed, so their size does not matter.
 *
 * @param weights in an order that does not depend on where they lie
 */
export async function hashModel(model: string, weights: readonly string[], signal?: AbortSignal): Promise<string> {
  const digests: string[] = [];
  for (const file of [model, ...weights]) digests.push(await hashFile(file, signal));
  const [only = ''] = digests;
  return digests.length === 1 ? only : createHash('sha256').update(digests.join('\n')).digest('hex');
}

async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const options = { highWaterMark: 4 * 2 ** 20, ...(signal && { signal }) };
  for await (const part of createReadStream(path, options)) hash.update(part as Uint8Array);
  return hash.digest('hex');
}
