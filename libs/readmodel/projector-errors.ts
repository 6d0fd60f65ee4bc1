import { TouchstoneError, type Position } from '@touchstone/eventing/pure';
import type { Generation } from './read-store.js';
import { messageOf } from './runner-status.js';

export const aheadOfLog = (generation: string, checkpoint: Position, head: Position) =>
  new TouchstoneError(
    'CHECKPOINT_AHEAD_OF_LOG',
    `The read model ${generation} stands at ${checkpoint}, behind the log's end at ${head}: it was made from another log. Rebuild the group.`,
    'conflict',
    { generation, checkpoint, head },
  );

export const lostFromLog = (stream: string, revision: number) =>
  new TouchstoneError(
    'PARKED_EVENT_MISSING',
    `The log has no revision ${revision} of "${stream}", which is parked; check that this is the log it came from.`,
    'conflict',
    { stream, revision },
  );

export const noPrevious = (group: string) =>
  new TouchstoneError(
    'NO_PREVIOUS_GENERATION',
    `"${group}" has no previous generation to go back to; rebuild it instead.`,
    'notFound',
    { group },
  );

export const misfit = (generation: Generation) =>
  new TouchstoneError(
    'GENERATION_MISFIT',
    `${generation.name} was made by other versions (${JSON.stringify(generation.versions)}); start the release that has them and it takes it up again.`,
    'refused',
    { generation: generation.name, versions: generation.versions },
  );

export const changing = (group: string) =>
  new TouchstoneError(
    'GENERATION_CHANGING',
    `A generation of "${group}" is being built or swapped right now; ask again when that has ended.`,
    'conflict',
    { group },
  );

export const storeLost = (cause: unknown): TouchstoneError =>
  new TouchstoneError(
    'READ_STORE_LOST',
    `The connection to the read store broke (${messageOf(cause)}); it is opened anew, and goes on from the checkpoint.`,
    'unavailable',
    undefined,
    { cause },
  );
