import type { Actor, EventSource } from './envelope.js';
import type { CommandClass } from './command.js';

/** What a decision says about an event besides its data. Absent values are filled in when it is appended. */
export interface About {
  /** Deterministic id; otherwise a UUIDv7 is given. */
  readonly id?: string;
  /** When it happened, original offset kept; otherwise the time of the decision. */
  readonly occurredAt?: string;
  readonly source?: EventSource;
  /** Whose key encrypts the personal fields: `customer:{id}` or `journey:{id}`. */
  readonly subject?: string;
  readonly policyVersion?: string;
  /** The event that made it so, where it is not the one that is being served. */
  readonly causationId?: string;
}

/** An event as a decision makes it: id and times may still be open. */
export interface DecidedEvent<T extends string = string, D = unknown> extends About {
  readonly type: T;
  readonly schemaVersion: number;
  readonly data: D;
}

/** An event as `evolve` sees it: personal fields may be ciphertext. */
export interface Folded<T extends string = string, D = unknown> {
  readonly type: T;
  readonly data: D;
  readonly id: string;
  readonly occurredAt: string;
  readonly source?: EventSource;
}

/** What a decision may know besides the command and the state. Time and ids come from outside. */
export interface DecideContext {
  /** ISO 8601 in UTC: the time of the decision. */
  readonly now: string;
  readonly actor: Actor;
  /** A new UUIDv7; the same call gives a new one each time. */
  newId(): string;
}

/** Pure: no clock, no I/O. No events means "already so"; an expected refusal throws through `refuse`. */
export type Decide<C, S> = (command: C, state: S, context: DecideContext) => readonly DecidedEvent[];

/** The rules of one kind of stream. */
export interface Decider<S = unknown, E extends Folded = Folded> {
  readonly name: string;
  stream(id: string): string;
  /** A fresh state of a stream that does not exist yet. */
  initial(): S;
  /**
   * Total: a fact it dislikes still folds. It owns the state it is given and may change it in place (a journey of ten
   * thousand touchpoints would fold in quadratic time otherwise), but reads no clock, no randomness and no I/O.
   */
  evolve(state: S, event: E): S;
  readonly commands: readonly CommandRule<S>[];
}

/** One command of a decider: its class, the id of the stream it is for, and the decision. */
export interface CommandRule<S = unknown> {
  readonly command: CommandClass;
  id(command: object): string;
  readonly decide: Decide<never, S>;
}

/**
 * Puts a decider together:
 * `decider({ name, stream, initial, evolve }, on => [on(CloseJourney, c => c.journeyId, closeJourney)])`.
 */
export function decider<S, E extends Folded>(
  base: Omit<Decider<S, E>, 'commands'>,
  commands: (
    on: <C extends object>(
      command: new (payload: never) => C,
      id: (command: C) => string,
      decide: Decide<C, S>,
    ) => CommandRule<S>,
  ) => readonly CommandRule<S>[],
): Decider<S, E> {
  return {
    ...base,
    commands: commands((command, id, decide) => ({
      command,
      id: id as (c: object) => string,
      decide: decide as Decide<never, S>,
    })),
  };
}
