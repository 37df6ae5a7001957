import { OnnxError } from './errors';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  ELOOP: 'its symbolic links lead in a circle',
};

/** Whether Node says that a file is not there. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** What went wrong while a model file was read, as an `OnnxError`; those pass unchanged. */
export function readFileError(error: unknown, path: string): OnnxError {
  if (error instanceof OnnxError) return error;
  const reason = reasons[codeOf(error) ?? ''] ?? (error instanceof Error ? error.message : String(error));
  return new OnnxError('unreadable', `${path} cannot be read: ${reason}; check the path.`, undefined, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
