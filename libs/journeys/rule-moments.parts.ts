import type { Actor, Clock, EventLog, Kernel, Position } from '@touchstone/eventing';
import type { Reads } from '@touchstone/readmodel';
import type { Loads } from './open-loads.js';

/** Who records what rules decide. */
export const RULE_MOMENTS: Actor = { id: 'rule-moments', role: 'policy' };

export interface RuleMomentsTuning {
  /** Rows read at once; default 1,000. */
  readonly page?: number;
  /** Decisions appended at once, so that commands of people come in between; default 100. */
  readonly chunk?: number;
  /** How often the clock is looked at while something waits for its time: it may be set. ms; default 1,000. */
  readonly lookEveryMs?: number;
  /** Between one look at what is due and the next, at least, however often something happens. ms; default 25. */
  readonly breathMs?: number;
  /** After a first attempt in vain, doubled after each further one up to `longestPauseMs`. ms; default 1,000. */
  readonly firstPauseMs?: number;
  /** ms; default 300,000. */
  readonly longestPauseMs?: number;
  /** How long a read waits for the read models. ms; default 10,000. */
  readonly patienceMs?: number;
}

export interface RuleMomentsParts {
  readonly log: Pick<EventLog, 'head'>;
  readonly reads: Pick<Reads, 'run'>;
  readonly kernel: Pick<Kernel, 'executeMany'>;
  readonly clock: Clock;
  readonly loads: Loads;
  /** The checkpoint of the journeys' read models, as it is and each one from now on. */
  readonly checkpoints: (options: { signal: AbortSignal }) => AsyncIterable<Position>;
  /** Told once of each new trouble that does not go by itself. */
  readonly warn?: (message: string, code: string) => void;
  readonly tuning?: RuleMomentsTuning;
}

export const DEFAULTS: Required<RuleMomentsTuning> = {
  page: 1_000,
  chunk: 100,
  lookEveryMs: 1_000,
  breathMs: 25,
  firstPauseMs: 1_000,
  longestPauseMs: 300_000,
  patienceMs: 10_000,
};
