/**
 * The door for pure files (deciders, projections, samples): schema builders, refusals and types.
 * Nothing behind it knows Nest, a clock, randomness or I/O.
 */
export { checker, t, type Checker, type Static, type Schema } from './schema.js';
export { event, type EventDefinition, type EventDescription, type EventOf } from './event-definition.js';
export { command, type CommandClass } from './command.js';
export { asTouchstoneError, TouchstoneError, refuse, unreachable, type ErrorKind } from './errors.js';
export { esdbAddress } from './esdb-address.js';
export { DEFAULT_SCHEMA, postgresAddress, storeUnreachable, type PostgresAddress } from './postgres-address.js';
export { byInstant, instantMs, isInstant } from './instant.js';
export {
  decider,
  type About,
  type Decide,
  type DecideContext,
  type Decider,
  type DecidedEvent,
  type Folded,
} from './decider.js';
export type { Actor, EventSource, Metadata, Position, RecordedEvent } from './envelope.js';
