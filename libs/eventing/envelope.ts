/** Opaque place in a log: a fixed-width string that sorts as the log does. Never add to one. */
export type Position = string;

/** Who acted: a person, a system, or a policy of Touchstone. */
export interface Actor {
  readonly id: string;
  readonly role?: string;
  readonly unit?: string;
}

/** Where a fact came from. `sequence` is the 0-based place that the source gave it; `recordedAt` the source's stamp. */
export interface EventSource {
  readonly system: string;
  readonly recordId?: string;
  readonly sequence?: number;
  readonly recordedAt?: string;
}

export interface Metadata {
  readonly correlationId: string;
  readonly causationId?: string;
  readonly actor: Actor;
  readonly source?: EventSource;
  readonly policyVersion?: string;
  /** Whose key encrypts the personal fields: `customer:{id}` or `journey:{id}`. */
  readonly subject?: string;
  /** Part of a historical load: sends nothing to the outside. */
  readonly historical?: boolean;
}

/** An event as a log takes it: everything is decided, personal fields are already encrypted. */
export interface NewEvent {
  /** UUIDv7, or a deterministic UUIDv5; the idempotency key. */
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  /** ISO 8601 with its original offset: what the customer lived. */
  readonly occurredAt: string;
  /** ISO 8601 in UTC: Touchstone's own clock at append. */
  readonly recordedAt: string;
  readonly data: unknown;
  readonly metadata: Metadata;
}

/** An event as a log gives it back. */
export interface RecordedEvent<Type extends string = string, Data = unknown> extends NewEvent {
  readonly type: Type;
  readonly data: Data;
  readonly stream: string;
  /** 0-based and dense within the stream. */
  readonly revision: number;
  readonly position: Position;
}
