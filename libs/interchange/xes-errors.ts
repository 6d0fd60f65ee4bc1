import { TouchstoneError } from '@touchstone/eventing';

/** A file that is something else than an XES log. */
export const notALog = (what: string): TouchstoneError =>
  new TouchstoneError('XES_NOT_A_LOG', `This is not an XES log. ${what}`, 'invalid');

/** A bound of `XesLimits` is reached. */
export const tooMuch = (what: string, most: number, line?: number): TouchstoneError =>
  new TouchstoneError(
    'XES_LIMIT_EXCEEDED',
    `The file has more than ${most} ${what}${line === undefined ? '' : ` at line ${line}`}: split it, or check that it is a log.`,
    'limit',
    { most, what, line },
  );
