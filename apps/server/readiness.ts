import type { Config } from '@touchstone/platform';
import type { RunnerStatus } from '@touchstone/readmodel';

/** What readiness asks: how the read models stand. */
export type StatusSource = () => Promise<readonly RunnerStatus[]>;

/** Whether this process may be given work. */
export class Readiness {
  private stopping = false;

  constructor(
    private readonly status: StatusSource,
    private readonly config: Pick<Config, 'readyMaxLagMs'>,
  ) {}

  /** From now on it says no, so that nobody sends new work to a process that is about to end. */
  stop(): void {
    this.stopping = true;
  }

  /** Empty: ready. Else a sentence for each thing in the way. */
  async reasonsAgainst(): Promise<string[]> {
    if (this.stopping) return ['The server is stopping.'];
    try {
      return (await this.status()).flatMap((projection) => this.against(projection));
    } catch (error) {
      return [`The projections do not answer: ${(error as Error).message}`];
    }
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
