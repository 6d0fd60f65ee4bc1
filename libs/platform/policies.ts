import type { ErrorKind } from '@touchstone/eventing/pure';

/**
 * `live`: it follows, and nothing is in its way. `waiting`: for the read models, or for the end of a load; it goes on
 * by itself. `failed`: something it has to decide cannot be recorded; it tries that again by itself, ever more seldom.
 */
export type PolicyState = 'live' | 'waiting' | 'failed';

/** How a policy stands: what decides by itself, from events, and records what it decides. */
export interface PolicyStatus {
  readonly name: string;
  readonly state: PolicyState;
  /** What it could decide now, by everything that is in the log; null while the read models have not come so far. */
  readonly due: number | null;
  /** When the next thing may be decided, by the clock, ISO 8601 in UTC; null: nothing waits for its time. */
  readonly nextDue: string | null;
  /** Decisions recorded since the process started. */
  readonly decided: number;
  /** Attempts since the process started that recorded nothing. */
  readonly failed: number;
  /** Of what is due: what was tried in vain and is tried again later. */
  readonly failing: number;
  /** For how long there has been something due without a break, in ms of real time; 0 when there is nothing. */
  readonly lagMs: number;
  /** What stands in the way now, or null. */
  readonly lastError: PolicyError | null;
}

/** How a policy stands, in whichever process. */
export interface HousePolicyStatus extends PolicyStatus {
  /** The process that runs it, where several could; null: nobody does now, or there is only this one. */
  readonly holder: string | null;
}

export interface PolicyError {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
}

/** A policy as whoever watches over the process sees it. */
export interface Policy {
  /** Null: it does not run in this process now. */
  status(): Promise<PolicyStatus | null>;
  /** Wherever it runs. */
  ofHouse(): Promise<HousePolicyStatus | null>;
}

/** The policies that run in this process, each from when its feature has started. */
export class Policies {
  private readonly all: Policy[] = [];

  add(policy: Policy): void {
    this.all.push(policy);
  }

  async status(): Promise<readonly PolicyStatus[]> {
    const all = await Promise.all(this.all.map((policy) => policy.status()));
    return all.filter((status) => status !== null);
  }

  /** Of all processes that share the work. @throws READ_STORE_UNREACHABLE (unavailable) */
  async ofHouse(): Promise<readonly HousePolicyStatus[]> {
    const all = await Promise.all(this.all.map((policy) => policy.ofHouse()));
    return all.filter((status) => status !== null);
  }
}
