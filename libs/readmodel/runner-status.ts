import { TouchstoneError, type ErrorKind, type Position } from '@touchstone/eventing/pure';

/** `stalled`: the head is ahead and the checkpoint has stood still for too long. `failed`: somebody has to act. */
export type RunnerState = 'catching-up' | 'live' | 'stalled' | 'failed';

export interface RunnerStatus {
  readonly group: string;
  readonly generation: string;
  readonly checkpoint: Position;
  readonly head: Position;
  /** For how long the checkpoint has been behind the head; 0 at the head. */
  readonly lagMs: number;
  /** Events that wait to be retried or skipped, those behind a failed one included. */
  readonly parked: number;
  readonly skipped: number;
  readonly state: RunnerState;
  /** What stands in the way, or null. */
  readonly cause: string | null;
  /** Over the last ten seconds. */
  readonly eventsPerSecond: number;
}

export const messageOf = (error: unknown): string => {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === 'string' && message !== '' ? message : String(error);
};

/** An error as it crosses from one thread to another. */
export interface WireError {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Family errors cross as they are; anything else gets the given code and loses its stack. */
export function toWire(error: unknown, code: string): WireError {
  const { name, code: own, kind, details } = (error ?? {}) as Partial<TouchstoneError>;
  if (name === 'TouchstoneError' && own && kind) return { code: own, kind, message: messageOf(error), details };
  return { code, kind: 'internal', message: messageOf(error) };
}

export const fromWire = ({ code, message, kind, details }: WireError): TouchstoneError =>
  new TouchstoneError(code, message, kind, details);
