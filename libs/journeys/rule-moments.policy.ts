/** Records the moments of truth that rules derive, and takes back those that do not hold any more. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Bell, newId, TouchstoneError, type Position, type WorkOutcome } from '@touchstone/eventing';
import type { PolicyError, PolicyStatus, RunnablePolicy } from '@touchstone/platform';
import { Backoff } from './rule-moments.backoff.js';
import { keyOf, nothingDecided, thoughtUntil, touchpointGone, workOf } from './rule-moments.decisions.js';
import { DEFAULTS, RULE_MOMENTS, type RuleMomentsParts, type RuleMomentsTuning } from './rule-moments.parts.js';
import { momentsDueCountQuery, momentsDueQuery, type DueCursor, type DueMoment } from './rule-moments.queries.js';

/** When to look again; ms. */
interface NextLook {
  /** By the clock: when the next thing may be decided. */
  readonly dueMs: number | null;
  /** By a timer of real time: when something that failed may be tried again. */
  readonly retryAt: number | null;
}

/** When so many rows fail, it is not the rows: everything waits a while and is tried again. */
const TOO_MANY = 20_000;

/**
 * The policy of rule moments. What it still has to do are the rows of a derived table, so it keeps no checkpoint of its
 * own: whatever crashes, what is due is still there, and what is recorded is due no more.
 */
export class RuleMoments implements RunnablePolicy {
  private readonly bell = new Bell();
  private readonly stopping = new AbortController();
  private readonly tuning: Required<RuleMomentsTuning>;
  private readonly backoff: Backoff;
  private running: Promise<void> | null = null;
  private decided = 0;
  private dueSince: number | null = null;
  private trouble: PolicyError | null = null;
  private told = '';
  private floor: Position = '';

  constructor(private readonly parts: RuleMomentsParts) {
    this.tuning = { ...DEFAULTS, ...parts.tuning };
    const { firstPauseMs: firstMs, longestPauseMs: longestMs } = this.tuning;
    this.backoff = new Backoff({ firstMs, longestMs, now: () => performance.now() });
  }

  start(): void {
    this.running ??= Promise.all([this.follow(), this.run()]).then(() => undefined);
  }

  /** Finishes the decisions in hand. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.bell.close();
    await this.running;
  }

  async status(): Promise<PolicyStatus> {
    const count = await this.count();
    const failing = this.backoff.failing;
    const lastError = this.trouble ?? (failing > 0 ? this.backoff.lastError : null) ?? count.error;
    const passing = lastError === null || isPassing(lastError);
    return {
      name: RULE_MOMENTS.id,
      state: !passing ? 'failed' : lastError !== null || this.parts.loads.any ? 'waiting' : 'live',
      due: count.due,
      nextDue: count.nextDueMs === null ? null : new Date(count.nextDueMs).toISOString(),
      decided: this.decided,
      failed: this.backoff.attempts,
      failing,
      lagMs: count.due === 0 || this.dueSince === null ? 0 : Math.round(performance.now() - this.dueSince),
      lastError,
    };
  }

  private get now(): number {
    return this.parts.clock.now().getTime();
  }

  /** Rings whenever there may be something new. */
  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    const quiet = this.parts.loads.onLastEnd(() => this.bell.ring());
    try {
      const nudges = this.parts.checkpoints({ signal })[Symbol.asyncIterator]();
      while (!(await nudges.next()).done) this.bell.ring();
    } finally {
      quiet();
    }
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let failures = 0;
    while (!signal.aborted) {
      const look = this.bell.look();
      try {
        const next = await this.pass();
        this.trouble = null;
        failures = 0;
        await this.idle(look, next);
        await pause(this.tuning.breathMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.inTrouble(error, failures);
        // Not the bell: it may ring all the time.
        await pause(Math.min(PATIENT_MS * 2 ** failures++, LONGEST_PATIENCE_MS), signal);
      }
    }
  }

  /** Everything that may be decided now, page by page. */
  private async pass(): Promise<NextLook> {
    const { loads } = this.parts;
    this.floor = await this.parts.log.head();
    let thinkingUntil: number | null = null;
    let open = false;
    for (let after: DueCursor | undefined; ;) {
      if (this.stopping.signal.aborted || (await loads.look())) return { dueMs: null, retryAt: null };
      const { due, next, nextDueMs } = await this.read(after);
      const settled = due.filter((row) => {
        const until = thoughtUntil(row);
        if (until <= this.now) return true;
        thinkingUntil = earlier(thinkingUntil, until);
        return false;
      });
      open ||= due.length > 0;
      if (open) this.dueSince ??= performance.now();
      if (!(await this.decide(settled.filter((row) => this.backoff.allows(keyOf(row)))))) continue;
      if (this.backoff.size > TOO_MANY) throw this.tooMany();
      if (next !== null) {
        after = next;
        continue;
      }
      this.backoff.endPass();
      if (!open) this.dueSince = null;
      if (this.backoff.size === 0) this.told = '';
      return { dueMs: earlier(thinkingUntil, nextDueMs), retryAt: this.backoff.next() };
    }
  }

  /**
   * A page of what is due, by a read model that had come as far as the log had a page ago: so the next page is read
   * while the decisions of the last one are being projected, and no decision rests on a read model that lags behind.
   */
  private async read(after: DueCursor | undefined) {
    const atLeast = this.floor;
    this.floor = await this.parts.log.head();
    const { page: first, patienceMs: timeoutMs } = this.tuning;
    const { signal } = this.stopping;
    const options = { ...(atLeast !== '' && { atLeast }), timeoutMs, signal };
    return (await this.parts.reads.run(momentsDueQuery, { at: this.now, after, first }, options)).result;
  }

  /** False: it was broken off, since a load began or the process is to stop. */
  private async decide(rows: readonly DueMoment[]): Promise<boolean> {
    const { chunk } = this.tuning;
    let before: Promise<Error | null> = Promise.resolve(null);
    let trouble: Error | null = null;
    let from = 0;
    for (; from < rows.length && !trouble && !this.stopping.signal.aborted; from += chunk) {
      const held = await this.parts.loads.look().catch((error: Error) => error);
      if (held === true) break;
      // While one is being appended the journeys of the next are read.
      const current =
        held instanceof Error
          ? Promise.resolve(held)
          : this.decideChunk(rows.slice(from, from + chunk)).catch((error: Error) => error);
      trouble = await before;
      before = current;
      // Commands of people come in between.
      await nextTurn();
    }
    trouble = (await before) ?? trouble;
    if (trouble) throw trouble;
    return from >= rows.length;
  }

  /** Answers what is not the fault of any row: then everything waits. */
  private async decideChunk(rows: readonly DueMoment[]): Promise<Error | null> {
    const judged = rows.filter((row) => {
      if (row.action === 'withdraw' || row.occurredAt !== null) return true;
      this.inVain(row, touchpointGone(row));
      return false;
    });
    const context = { actor: RULE_MOMENTS, correlationId: newId() };
    let unavailable: Error | null = null;
    const outcomes = await this.parts.kernel.executeMany(judged.map(workOf), { context });
    outcomes.forEach((outcome, i) => {
      if (!outcome.ok && isPassing(outcome.error)) unavailable = outcome.error;
      else this.note(judged[i]!, outcome);
    });
    return unavailable;
  }

  private note(row: DueMoment, outcome: WorkOutcome): void {
    if (!outcome.ok) return this.inVain(row, outcome.error);
    if (outcome.done.events.length > 0) {
      this.decided++;
      return this.backoff.succeeded(keyOf(row));
    }
    // Somebody may have been quicker; then the row goes by itself, and only one that stays is at fault.
    this.inVain(row, this.backoff.timesOf(keyOf(row)) < 2 ? null : nothingDecided(row));
  }

  private inVain(row: DueMoment, error: Error | null): void {
    const problem = error && problemOf(error);
    this.backoff.failed(keyOf(row), problem);
    if (problem) this.tell(problem);
  }

  /** Until something new may be there, or the time of something has come. Never spins, even where the clock stands. */
  private async idle(look: number, next: NextLook): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted && this.bell.look() === look) {
      const left = Math.min(
        next.dueMs === null ? Infinity : next.dueMs - this.now,
        next.retryAt === null ? Infinity : next.retryAt - performance.now(),
      );
      if (left <= 0) return;
      await this.bell.wait(look, Math.min(Math.ceil(left), this.tuning.lookEveryMs), signal);
    }
  }

  private async count(): Promise<{ due: number | null; nextDueMs: number | null; error: PolicyError | null }> {
    try {
      const atLeast = await this.parts.log.head();
      const options = { ...(atLeast !== '' && { atLeast }), timeoutMs: COUNT_MS };
      const { result } = await this.parts.reads.run(momentsDueCountQuery, { at: this.now }, options);
      return { ...result, error: null };
    } catch (error) {
      return { due: null, nextDueMs: null, error: problemOf(error) };
    }
  }

  private inTrouble(error: unknown, failures: number): void {
    this.trouble = problemOf(error);
    // A read model of an older version answers until the new one is built.
    if (!isPassing(this.trouble) && failures >= QUIET_FAILURES) this.tell(this.trouble);
  }

  private tell({ code, message }: PolicyError): void {
    if (this.told === code) return;
    this.told = code;
    this.parts.warn?.(`A moment of a rule cannot be recorded for now (${code}): ${message}`, code);
  }

  private tooMany(): TouchstoneError {
    const last = this.backoff.lastError;
    this.backoff.forget();
    return new TouchstoneError(
      'RULE_MOMENTS_FAILING',
      `More than ${TOO_MANY} moments of rules cannot be recorded${last ? `, the last one because: ${last.message}` : ''}; they are all tried again in a while.`,
      'internal',
    );
  }
}

/** After a failure of the whole; doubled after each further one. */
const PATIENT_MS = 250;
const LONGEST_PATIENCE_MS = 60_000;
/** Failures of the whole in a row that nobody is told of. */
const QUIET_FAILURES = 3;
/** How long a question for the policy's state waits for the read models. */
const COUNT_MS = 1_000;

const earlier = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.min(a, b);

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);

/** Goes by itself: the read models catch up, the log takes more again. */
const isPassing = (error: unknown): boolean => {
  const { kind } = error as Partial<TouchstoneError>;
  return kind === 'busy' || kind === 'unavailable' || kind === 'limit';
};

function problemOf(error: unknown): PolicyError {
  const { code, kind, message } = (error ?? {}) as Partial<TouchstoneError>;
  return { code: code ?? 'INTERNAL', kind: kind ?? 'internal', message: message ?? String(error) };
}
