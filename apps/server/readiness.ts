import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLog } from '@touchstone/eventing';
import type { Config } from '@touchstone/platform';
import type { RunnerStatus } from '@touchstone/readmodel';

/** What readiness asks: how the read models stand. */
export type StatusSource = () => Promise<readonly RunnerStatus[]>;

/** For how long a log may think about where it ends; one that was never away takes a few milliseconds. */
const LOG_ANSWERS_MS = 2_000;

/** Whether this process may be given work. */
export class Readiness {
  private stopping = false;
  /** What the log is being asked: whoever comes meanwhile waits for the same answer. */
  private asked: Promise<string | null> | null = null;

  constructor(
    private readonly status: StatusSource,
    /** Fails, or takes long, when the log cannot be reached: then nothing can be recorded. */
    private readonly log: Pick<EventLog, 'head'>,
    private readonly config: Pick<Config, 'readyMaxLagMs' | 'roles'>,
    /** Without a leadership this process is alone. */
    private readonly more: {
      readonly leadership?: { readonly trouble: string | null; has(name: string): boolean };
      readonly logAnswersMs?: number;
    } = {},
  ) {}

  /** From now on it says no, so that nobody sends new work to a process that is about to end. */
  stop(): void {
    this.stopping = true;
  }

  /** Empty: ready. Else a sentence for each thing in the way. */
  async reasonsAgainst(): Promise<string[]> {
    if (this.stopping) return ['The server is stopping.'];
    const trouble = this.more.leadership?.trouble;
    if (trouble != null) return [`PostgreSQL does not answer: ${trouble}`];
    const [log, readModels] = await Promise.all([this.againstLog(), this.againstReadModels()]);
    return log === null ? readModels : [log, ...readModels];
  }

  private async againstLog(): Promise<string | null> {
    const { logAnswersMs = LOG_ANSWERS_MS } = this.more;
    this.asked ??= this.log
      .head()
      .then(
        () => null,
        (error: unknown) => `The event log does not answer: ${(error as Error).message}`,
      )
      .finally(() => (this.asked = null));
    const late = new AbortController();
    const silent = `The event log has not answered for ${logAnswersMs} ms.`;
    const wait = sleep(logAnswersMs, silent, { ref: false, signal: late.signal }).catch(() => silent);
    return Promise.race([this.asked, wait]).finally(() => late.abort());
  }

  private async againstReadModels(): Promise<string[]> {
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
    const { leadership } = this.more;
    if (!leadership || roles.includes('api') || roles.includes('delivery')) return true;
    return roles.includes('projector') && leadership.has(`projection:${group}`);
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
