import type { Actor, Position } from '@touchstone/eventing/pure';
import type { GroupStatus } from './group-projector.js';
import type { ListParked, ParkedEvent } from './parked-events.js';
import type { Unparked } from './projection-runner.js';
import type { Generation } from './read-store.js';
import type { WaitOptions } from './waits.js';

/** How a group stands, and which process keeps it up; null: none does. Undefined: this one, and there is no other. */
export interface ProjectionStatus extends GroupStatus {
  readonly holder?: string | null;
}

/**
 * The read models as the rest of a process sees them, whichever process keeps them up: `ProjectorHost` where it is this one
 * alone, `SharedProjections` where there are others.
 */
export abstract class Projections {
  abstract status(): Promise<readonly ProjectionStatus[]>;
  abstract parked(group: string, options?: ListParked): Promise<ParkedEvent[]>;
  /** Tries parked events again, of one stream or of all. */
  abstract retryParked(group: string, stream?: string): Promise<Unparked>;
  /** Gives an event up, for the record, and goes on behind it. @throws PARKED_NOT_FOUND */
  abstract skipParked(group: string, stream: string, revision: number, reason: string, actor: Actor): Promise<Unparked>;
  /** Builds a new generation and swaps it in. @throws GENERATION_CHANGING */
  abstract rebuild(group: string): Promise<Generation>;
  /** @throws NO_PREVIOUS_GENERATION, GENERATION_MISFIT, GENERATION_CHANGING */
  abstract rollback(group: string): Promise<Generation>;
  /** @throws NOT_YET_PROJECTED (busy) after the time-out */
  abstract waitFor(group: string, position: Position, options?: WaitOptions): Promise<Position>;
  /** Nudges for whoever follows the log up to a group's checkpoint; reads on from its own place. */
  abstract onCheckpoint(group: string, options?: { signal?: AbortSignal }): AsyncGenerator<Position, void, void>;
  abstract checkpoint(group: string): Position;
  abstract stop(): Promise<void>;
}
