import type { Config } from '@touchstone/platform';
import type { RunnerStatus } from '@touchstone/readmodel';

/** What readiness asks: how the read models stand. */
export type StatusSource = () => Promise<readonly RunnerStatus[]>;

/** Whether this process may be given work. */
export class Readiness {
  private stopping = false;

  constructor(
    private readonly status: StatusSource,
    private readonly config: Pick<Config, 'readyMaxLagMs' | 'roles'>,
    /** Absent: this process is alone. */
    private readonly leadership?: { readonly trouble: string | null; has(name: string): boolean },
  ) {}

  /** From now on it says no, so that nobody sends new work to a process that is about to end. */
  stop(): void {
    this.stopping = true;
  }

  /** Empty: ready. Else a sentence for each thing in the way. */
  async reasonsAgainst(): Promise<string[]> {
    if (this.stopping) return ['The server is stopping.'];
    const trouble = this.leadership?.trouble;
    if (trouble != null) return [`PostgreSQL does not answer: ${trouble}`];
    try {
      return (await this.status())
        .filter(({ group }) => this.needs(group))
        .flatMap((projection) => this.against(projection));
    } catch (error) {
      return [`The projections do not answer: ${(error as Error).message}`];
    }
  }

  /**
   * Who answers questions needs the read models, whoever keeps them up; who keeps them up needs those that it has the lease
   * of. One that waits to take over, and one that does something else, can do without.
   */
  private needs(group: string): boolean {
    const { roles } = this.config;
    if (!this.leadership || roles.includes('api') || roles.includes('delivery')) return true;
    return roles.includes('projector') && this.leadership.has(`projection:${group}`);
  }

  private against({ group, state, head, lagMs, cause }: RunnerStatus): string[] {
    const because = cause === null ? '' : ` ${cause}`;
    if (head === '') return [`The read model ${group} has not found the head of the log yet.${because}`];
    switch (state) {
      case 'live':
        return [];
      case 'catching-up':
        if (lagMs <= this.config.readyMaxLagMs) return [];
        return [`The read model ${group} has been behind the log for ${lagMs} ms.${because}`];
      case 'stalled':
        return [`The read model ${group} is behind the log and does not move.${because}`];
      case 'failed':
        return [`The read model ${group} cannot go on.${because}`];
    }
  }
}
