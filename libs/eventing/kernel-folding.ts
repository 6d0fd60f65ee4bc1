import type { Decider, Folded } from './decider.js';
import type { NewEvent, Position } from './envelope.js';

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
