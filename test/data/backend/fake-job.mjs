// A job that learns nothing, for tests of the supervision: it speaks the protocol of src/protocol/job.ts and keeps the
// files of a run folder. A comment `# job: NAME` in solver.yaml chooses what it does:
//   done   five steps, then finished (the default; a resumed run always does this)
//   wait   steps until it is cancelled
//   crash  three steps and a checkpoint, last words on stderr, exit code 3
//   silent writes events to the log without sending the last two, then ends
//   stuck  hears neither cancel nor SIGTERM
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

let order;
let timer;
let seq = 0;

function emit(event, send = true) {
  const logged = { ...event, seq, at: Date.now() };
  seq += 1;
  appendFileSync(join(order.runDir, 'events.jsonl'), `${JSON.stringify(logged)}\n`);
  if (send) process.send({ kind: 'event', event: logged });
}

function step(iteration) {
  emit({ kind: 'progress', phase: 'learn', nfe: 5, fraction: iteration / 10, etaMs: null, message: `Step ${iteration}.` });
}

function checkpoint(iteration) {
  writeFileSync(join(order.runDir, 'checkpoint.json'), '{}');
  emit({ kind: 'checkpoint', file: 'checkpoint.json', nfe: 5, seed: 0, iteration });
}

function finish(status, message, send = true) {
  emit({ kind: 'finished', status, message, report: null }, send);
  clearInterval(timer);
  if (process.connected) process.disconnect();
}

function start(given) {
  order = given;
  const log = join(order.runDir, 'events.jsonl');
  if (existsSync(log)) seq = readFileSync(log, 'utf8').trim().split('\n').length;
  const mode = order.resume ? 'done' : (/# job: (\w+)/.exec(readFileSync(order.configPath, 'utf8'))?.[1] ?? 'done');
  emit({
    kind: 'run-started',
    version: 2,
    task: order.task,
    name: 'fake',
    configPath: order.configPath,
    resumed: order.resume,
    teacher: 'unipc-3, 20 steps',
    method: 'table',
    nfes: [5],
    seeds: 1,
    loss: 'mse',
  });
  let iteration = 0;
  if (mode === 'stuck') process.on('SIGTERM', () => step(-1));
  if (mode === 'crash') {
    for (iteration = 1; iteration <= 3; iteration++) step(iteration);
    checkpoint(iteration);
    process.stderr.write('onnxruntime: device lost\n');
    // Let the channel empty, as native code that fails between two events would.
    setTimeout(() => process.exit(3), 50);
    return;
  }
  if (mode === 'silent') {
    emit({ kind: 'warning', code: 'test', message: 'Not sent.' }, false);
    finish('done', 'Done unheard.', false);
    return;
  }
  timer = setInterval(() => {
    iteration += 1;
    step(iteration);
    if (mode === 'done' && iteration === 5) finish('done', 'Learned nothing, as asked.');
  }, 20);
  process.on('message', ({ kind }) => {
    if (kind !== 'cancel' || mode === 'stuck') return;
    checkpoint(iteration);
    finish('cancelled', 'Stopped.');
  });
}

process.once('message', (message) => start(message.order));
