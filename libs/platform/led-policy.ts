import { setTimeout as sleep } from 'node:timers/promises';
import type { HousePolicyStatus, Policy, PolicyStatus } from './policies.js';
import { TELL_EVERY_MS, type PublishedPolicies } from './published-policies.js';

/** A time during which a policy runs here and nowhere else; `lost` is aborted when that is to end. */
export interface PolicyTerm {
  readonly name: string;
  readonly epoch: number;
  readonly lost: AbortSignal;
}

/** A policy that can be begun and ended. */
export interface RunnablePolicy {
  status(): Promise<PolicyStatus>;
  start(): void | Promise<void>;
  /** Finishes what it has in hand. */
  stop(): Promise<void>;
}

/** Where it is decided which process a policy runs in. */
export interface Leading {
  /** Calls `work` whenever the lease is held here; it resolves once `lost` was aborted and all has ended. */
  lead(name: string, work: (term: PolicyTerm) => Promise<void>): { stop(): Promise<void> };
}

/**
 * A policy that one process runs, of all that could: made anew each time this one is to. Without anybody to share with it
 * runs from beginning to end.
 */
export class LedPolicy implements Policy {
  private running: RunnablePolicy | null = null;
  private campaign: { stop(): Promise<void> } | null = null;

  constructor(
    private readonly parts: {
      /** As in the policy's status; the lease is `policy:` and this. */
      readonly name: string;
      readonly make: (term: PolicyTerm | null) => RunnablePolicy;
      /** Null: this process is alone. */
      readonly leading: Leading | null;
      /** Whether this process may run it at all. */
      readonly isWanted: boolean;
      /** What other processes are told, and tell; null: there are none. */
      readonly published?: PublishedPolicies | null;
      /** Default `TELL_EVERY_MS`. */
      readonly tellEveryMs?: number;
    },
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { name, make, leading, isWanted } = this.parts;
    if (!isWanted || this.campaign) return;
    if (!leading) {
      this.running = make(null);
      await this.running.start();
      return;
    }
    this.campaign = leading.lead(`policy:${name}`, (term) => this.serve(term));
  }

  async beforeApplicationShutdown(): Promise<void> {
    if (this.campaign) return this.campaign.stop();
    await this.running?.stop();
  }

  /** Null: it does not run here now. */
  async status(): Promise<PolicyStatus | null> {
    return (await this.running?.status()) ?? null;
  }

  async ofHouse(): Promise<HousePolicyStatus | null> {
    const { name, published } = this.parts;
    const own = await this.status();
    if (!published) return own && { ...own, holder: null };
    if (!own) return published.of(name);
    // How it stands here is known better than it was told.
    const holder = await published.of(name).then(
      (told) => told.holder,
      () => null,
    );
    return { ...own, holder };
  }

  private async serve(term: PolicyTerm): Promise<void> {
    const policy = this.parts.make(term);
    try {
      await policy.start();
      this.running = policy;
      await this.tell(policy, term);
    } finally {
      this.running = null;
      await policy.stop();
    }
  }

  /** Tells how it stands for as long as it runs here. */
  private async tell(policy: RunnablePolicy, term: PolicyTerm): Promise<void> {
    const { published, tellEveryMs = TELL_EVERY_MS } = this.parts;
    while (!term.lost.aborted) {
      // What is in the way is told by the store; nobody believes what is too old.
      await policy
        .status()
        .then((status) => published?.tell(status, term))
        .catch(() => undefined);
      await sleep(tellEveryMs, undefined, { signal: term.lost }).catch(() => undefined);
    }
  }
}
