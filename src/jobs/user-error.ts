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
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const path = (error as NodeJS.ErrnoException | undefined)?.path ?? 'the run folder';
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `The disk is full: ${path} could not be written. Free some space, then resume; the last checkpoint is intact.`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `No permission to write ${path}. Allow writing there, or set another "output" folder in solver.yaml.`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${path} is in the way: a folder is needed there. Move it, or set another "output" folder in solver.yaml.`;
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
