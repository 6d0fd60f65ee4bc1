import { Campaign, type Term } from './campaign.js';
import type { Leases, LeaseState } from './leases.js';

/** All that this process does or would do alone: one campaign for each thing. */
export class Leadership {
  private readonly campaigns = new Set<Campaign>();

  constructor(
    private readonly leases: Leases,
    private readonly warn: (message: string) => void,
  ) {}

  /** Works whenever the lease is held here, until the answer is stopped. */
  lead(name: string, work: (term: Term) => Promise<void>): Campaign {
    const campaign = new Campaign({ leases: this.leases, name, work, warn: this.warn }).start();
    this.campaigns.add(campaign);
    return campaign;
  }

  /** Whether this process has a lease now. */
  has(name: string): boolean {
    return [...this.campaigns].some((campaign) => campaign.name === name && campaign.term !== null);
  }

  list(): Promise<LeaseState[]> {
    return this.leases.list();
  }

  /** What stands in the way of leases, or null. */
  get trouble(): string | null {
    return this.leases.trouble;
  }

  /** Ends all of it that has not ended. */
  async stop(): Promise<void> {
    await Promise.all([...this.campaigns].map((campaign) => campaign.stop()));
  }
}
