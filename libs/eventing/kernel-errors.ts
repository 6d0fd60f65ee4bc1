import { TouchstoneError } from './errors.js';

export const wrongRevision = (stream: string, actual: number, expected: number): TouchstoneError =>
  new TouchstoneError(
    'WRONG_EXPECTED_REVISION',
    `${stream} stands at revision ${actual}, not ${expected}: read it again and decide anew.`,
    'conflict',
    { stream, expected, actual },
  );

export const idTaken = (cause: Error): TouchstoneError =>
  new TouchstoneError(
    'ID_TAKEN',
    'The id that was given belongs to something else already; give a new one.',
    'conflict',
    undefined,
    { cause },
  );
