import { TouchstoneError } from '@touchstone/eventing';

/** A file that is something else than an OCEL 2.0 log. */
export const notOcel = (what: string): TouchstoneError =>
  new TouchstoneError('OCEL_NOT_A_LOG', `This is not an OCEL 2.0 log. ${what}`, 'invalid');

/** A file that says so, and is broken. */
export const malformed = (what: string, cause?: unknown): TouchstoneError =>
  new TouchstoneError(
    'OCEL_MALFORMED',
    `The OCEL file is damaged: ${what}. Export or copy it again.`,
    'invalid',
    undefined,
    { cause },
  );

/** A bound of `OcelLimits` is reached. */
export const tooMuch = (what: string, most: number): TouchstoneError =>
  new TouchstoneError(
    'OCEL_LIMIT_EXCEEDED',
    `The file has more than ${most} ${what}: split it, or check that it is a log.`,
    'limit',
    { most, what },
  );

export const cancelled = (): TouchstoneError =>
  new TouchstoneError('IMPORT_CANCELLED', 'The import was cancelled while the file was read; nothing was appended.');
