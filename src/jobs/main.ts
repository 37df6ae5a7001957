import { isToJob } from '../protocol';
import type { FromJob } from '../protocol';
import { runJob } from './run';

// The job process: started by the backend with an IPC channel, does one run, ends. Losing the channel means the
// backend is gone; the run then stops at its next evaluation with everything so far in its checkpoint.
const controller = new AbortController();
let started = false;

function send(message: FromJob): void {
  if (process.connected) process.send?.(message);
}

process.on('message', (message: unknown) => {
  if (!isToJob(message)) return;
  if (message.kind === 'cancel') {
    controller.abort();
    return;
  }
  if (started) return;
  started = true;
  void runJob(message.order, (event) => send({ kind: 'event', event }), controller.signal).then(({ status }) => {
    process.exitCode = status === 'failed' ? 1 : 0;
    // Leave when the channel has been emptied; native threads of a GPU provider would otherwise keep the process.
    if (process.connected) process.disconnect();
    setTimeout(() => process.exit(), 1000).unref();
  });
});

process.on('disconnect', () => controller.abort());
process.on('SIGTERM', () => controller.abort());
