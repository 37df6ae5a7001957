import { OnnxError } from '../onnx/errors';
import { SessionError } from '../runtime/session';

/** An expected failure: one sentence for a person that says what is wrong, where, and what to do. Never a bug. */
export class UserError extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.name = 'UserError';
  }
}

/** A sentence for any error that reaches the top of a run. */
export function describeError(error: unknown): string {
  if (error instanceof UserError) return error.message;
  if (error instanceof SessionError && error.stage === 'run') {
    return (
      `${error.message} Resume the run to go on from its last checkpoint (on the CPU when ${error.device} has gone),` +
      ' or set a smaller training.batch_size if memory ran out.'
    );
  }
  if (error instanceof TypeError || error instanceof ReferenceError) {
    return `This is a mistake in S4S Studio, please report it: ${error.message}. What was learned is in the last checkpoint.`;
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const path = (error as NodeJS.ErrnoException | undefined)?.path ?? 'a file of the run';
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `The disk is full: ${path} could not be written. Free some space, then resume; the last checkpoint is intact.`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `There is no permission to write ${path}. Allow writing there, or set another "output" folder in solver.yaml.`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${path} cannot be made because a file is in the way. Move that file, or set another "output" folder in solver.yaml.`;
    case 'ENOENT':
      return `${path} is not there (any more). Put it back and resume, or start a new run.`;
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

/** Failures that what the user gave is to blame for: a config, a model or a file that the config names. */
export function isInputError(error: unknown): boolean {
  return error instanceof OnnxError || (error instanceof UserError && inputCodes.has(error.code));
}

const inputCodes: ReadonlySet<string> = new Set([
  'config',
  'config-missing',
  'adaptive',
  'input-changed',
  'no-decoder',
  'no-gradient',
  'no-start',
  'nothing-to-resume',
  'objective-not-finite',
  'paths-too-large',
  'sample-weights',
  'solver-file',
  'solver-settings',
  'start-not-in-family',
  'statistics-shape',
  'statistics-unreadable',
  'text-encoder',
]);

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
