import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Read } from '@touchstone/readmodel/query';

/**
 * Where a list goes on: the surrogate of what its cursor names, so that cursors outlive the read model that made them. A
 * list is in the order in which the log first named its entries, whichever read model reads it. 0: from the beginning.
 * @throws INVALID_CURSOR for a name that the read model does not know
 */
export async function placeOf(read: Read, dictionary: string, name: string | undefined): Promise<number> {
  if (name === undefined) return 0;
  const place = await read.idOf(dictionary, name);
  if (place !== null) return place;
  throw invalidCursor(`no ${dictionary} is called "${name}" here`);
}

export const invalidCursor = (why: string): TouchstoneError =>
  new TouchstoneError('INVALID_CURSOR', `"after" leads nowhere: ${why}. Leave it out to begin anew.`, 'invalid');
