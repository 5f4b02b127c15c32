/** Why a file is not taken, as its sender is told: `code: reason`. */
export type FileRefusalCode =
  | 'bad_name'
  | 'busy'
  | 'invalid'
  | 'no_space'
  | 'received_full'
  | 'save_failed'
  | 'superseded'
  | 'changed';

export class FileRefusal extends Error {
  override readonly name = 'FileRefusal';
  readonly code: FileRefusalCode;

  constructor(code: FileRefusalCode, reason: string, cause?: unknown) {
    super(`${code}: ${reason}`, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** What went wrong on our disk, without telling the peer about our folders. */
export function refusalOf(error: unknown): FileRefusal {
  if (error instanceof FileRefusal) return error;
  if (error instanceof Error && error.name === 'NameError') {
    return new FileRefusal('bad_name', error.message, error);
  }
  const { code } = Object(error) as { code?: unknown };
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new FileRefusal('no_space', 'the disk of the receiver is full', error);
  }
  const what = typeof code === 'string' ? code : 'error';
  return new FileRefusal('save_failed', `the receiver cannot write it (${what})`, error);
}
