import type { Decider, Folded } from './decider.js';
import type { NewEvent, Position } from './envelope.js';
import type { EventLog } from './event-log.js';
import type { EventRegistry } from './registry.js';

/** A stream's state, and where its last event stands. */
export interface Folding {
  state: unknown;
  revision: number;
  position: Position;
}

/** A stream without events. */
export const unbegun = ({ decider }: { readonly decider: Decider<unknown, Folded> }): Folding => ({
  state: decider.initial(),
  revision: -1,
  position: '',
});

/** An event as `evolve` sees it. */
export const folded = ({ type, data, id, occurredAt, metadata }: NewEvent): Folded => ({
  type,
  data,
  id,
  occurredAt,
  source: metadata.source,
});

interface Parts {
  readonly log: Pick<EventLog, 'readStream'>;
  readonly registry: Pick<EventRegistry, 'read'>;
}

/** Folds what the stream has behind the state; the same object, changed. */
export async function readOn(
  { log, registry }: Parts,
  { stream, decider }: { readonly stream: string; readonly decider: Decider<unknown, Folded> },
  folding: Folding,
): Promise<Folding> {
  for await (const recorded of log.readStream(stream, { from: folding.revision + 1 })) {
    const event = registry.read(recorded);
    folding.state = decider.evolve(folding.state, folded(event));
    folding.revision = recorded.revision;
    folding.position = recorded.position;
  }
  return folding;
}

/** Whether a stream has more than it had; false where that cannot be asked now. */
export async function goesOn(log: Parts['log'], stream: string, revision: number): Promise<boolean> {
  try {
    const later = log.readStream(stream, { from: revision + 1, max: 1 })[Symbol.asyncIterator]();
    const { done } = await later.next();
    await later.return?.();
    return !done;
  } catch {
    return false;
  }
}
