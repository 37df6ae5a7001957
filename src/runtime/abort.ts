/**
 * Lets messages and timers in, then throws `AbortError` when the signal has fired. `InferenceSession.run` blocks the
 * event loop, so without this a cancel would not be seen between two runs.
 */
export async function breathe(signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}
