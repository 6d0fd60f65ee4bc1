/**
 * What went wrong, for a caller that has to react:
 * `invalid` mend the input · `refused` a rule says no · `notFound` nothing there · `conflict` read again and retry ·
 * `busy` retry later · `limit` ask for less · `unavailable` something it needs does not answer · `internal` our defect.
 */
export type ErrorKind = 'invalid' | 'refused' | 'notFound' | 'conflict' | 'busy' | 'limit' | 'unavailable' | 'internal';

/** The one error family. `code` is stable and may be matched on; `message` tells the reader what to do. */
export class TouchstoneError extends Error {
  override readonly name = 'TouchstoneError';

  constructor(
    readonly code: string,
    message: string,
    readonly kind: ErrorKind = 'refused',
    readonly details?: Readonly<Record<string, unknown>>,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Throws an expected refusal with a stable code; the message is a sentence that tells the reader what to do. */
export function refuse(code: string, message: string, details?: Readonly<Record<string, unknown>>): never {
  throw new TouchstoneError(code, message, 'refused', details);
}

/** The end of an exhaustive switch: a new case that nobody handled fails to compile, and at run time says which. */
export function unreachable(value: never): never {
  throw new TouchstoneError('UNREACHABLE', `Unhandled case: ${JSON.stringify(value)}.`, 'internal');
}

/** The error of the family, also when a worker thread or a second copy of the module made it. */
export function asTouchstoneError(error: unknown): TouchstoneError | null {
  if (error instanceof TouchstoneError) return error;
  const like = error as Partial<TouchstoneError> | null;
  return like?.name === 'TouchstoneError' && typeof like.code === 'string' && typeof like.kind === 'string'
    ? (like as TouchstoneError)
    : null;
}
