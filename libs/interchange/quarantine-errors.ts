import { TouchstoneError } from '@touchstone/eventing';

export const done = (id: string, state: string): TouchstoneError =>
  new TouchstoneError('QUARANTINED_DONE', `The record ${id} is ${state} already; nothing can be done about it.`);

export const changed = (id: string, revision: number): TouchstoneError =>
  new TouchstoneError(
    'QUARANTINED_CHANGED',
    `Somebody has changed the record ${id} meanwhile (revision ${revision}): look at it again before you mend it.`,
    'conflict',
    { revision },
  );

export const notErased = (): TouchstoneError =>
  new TouchstoneError(
    'QUARANTINE_NOT_ERASED',
    'Records were removed from quarantine, but another program reads quarantine.db and keeps their bytes: end that ' +
      'program (a backup, a database browser), then repeat this.',
    'busy',
  );

export const unknownRecord = (id: string): TouchstoneError =>
  new TouchstoneError('QUARANTINED_UNKNOWN', `No record ${id} is in quarantine; it may have expired.`, 'notFound');
