import type { Position } from '@touchstone/eventing/pure';
import type { ReadQuery } from '@touchstone/readmodel/query';
import { ObjectForm } from './objects.tables.js';

/** A fact of an object, as it was said before a position. */
export interface FactBefore {
  readonly factId: string;
  readonly position: Position;
}

/**
 * At which revision of its object's stream each fact was last said what it is before that position; null where the read
 * model has nothing of it. The streams of objects may be long, and the event in question far back.
 */
export const factRevisionsQuery: ReadQuery<{ facts: readonly FactBefore[] }, (number | null)[]> = {
  name: 'factRevisions',
  group: 'journeys',
  run: async (read, { facts }) => {
    const found: (number | null)[] = [];
    for (const { factId, position } of facts) {
      const fact = (await read.idOf('objectFact', factId)) ?? 0;
      const row = await read.db
        .selectFrom('object_fact')
        .select('revision')
        .where('fact', '=', fact)
        .where('form', '=', ObjectForm.fact)
        .where('from_pos', '<', position)
        .orderBy('from_pos', 'desc')
        .limit(1)
        .executeTakeFirst();
      found.push(row ? Number(row['revision']) : null);
      read.checkpointCancel();
    }
    return found;
  },
};
