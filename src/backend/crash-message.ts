import { readFileSync } from 'node:fs';
import type { ProcessEnd } from './run-process';

const maxLines = 3;
const maxChars = 400;

/** One paragraph about a job that died without saying why: how it ended, its last words, what to do. */
export function crashMessage(end: ProcessEnd, logPath: string, resumable: boolean): string {
  const advice = resumable ? 'Choose Resume to go on from the last checkpoint' : 'Start the run again';
  if (end.startError !== null) return `The job process could not be started: ${end.startError}. ${advice}.`;
  const words = lastWords(logPath);
  const said = words === '' ? '' : ` Its last words: ${words}`;
  return `The job process ended unexpectedly (${causeOf(end)}). ${advice}; ${logPath} has the details.${said}`;
}

function causeOf({ code, signal }: ProcessEnd): string {
  switch (signal) {
    case null:
      return `exit code ${code ?? 'unknown'}`;
    case 'SIGKILL':
      return 'SIGKILL: someone or the system killed it, often for lack of memory';
    case 'SIGSEGV':
    case 'SIGABRT':
    case 'SIGBUS':
    case 'SIGILL':
      return `${signal}: native code failed, try device: cpu`;
    default:
      return signal;
  }
}

function lastWords(logPath: string): string {
  let text: string;
  try {
    text = readFileSync(logPath, 'utf8');
  } catch {
    return '';
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(-maxLines).join(' | ').slice(-maxChars);
}
