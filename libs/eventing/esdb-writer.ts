import { TouchstoneError } from './errors.js';
import type { Appended, ExpectedRevision } from './event-log.js';
import { logClosed, type PreparedEvent } from './log-input.js';
import type { AppendChannel } from './esdb-append.js';
import { encodeAppend, type Settled } from './esdb-append.wire.js';
import { isPassing, unavailable } from './esdb-errors.js';
import type { Pulse } from './esdb-pulse.js';
import { Repeats, type Attempt, type Tail } from './esdb-repeat.js';

/** What is to be appended, checked. */
export interface Submission {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly PreparedEvent[];
}

/** How much may wait for an answer; beyond it an append is answered `LOG_BUSY` at once. */
export interface QueueLimit {
  /** Default 50,000. */
  readonly events?: number;
  /** Length of data and metadata; default 128,000,000. */
  readonly bytes?: number;
}

/** Appends on the wire at a time; the others wait here, where a time-out does not run yet. */
const ON_THE_WIRE = 512;
/** The number of no call at all. */
const NO_CALL = -1;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

interface Job extends Submission {
  readonly bytes: number;
}

/** Takes appends, keeps them within bounds, and repeats each one until the server has said yes or no. */
export class EsdbWriter {
  private readonly waiting: (() => void)[] = [];
  private readonly underWay = new Set<Promise<unknown>>();
  private onTheWire = 0;
  private events = 0;
  private bytes = 0;
  private isOpen = true;

  constructor(
    private readonly channel: Pick<AppendChannel, 'append' | 'proven'>,
    private readonly tail: Tail,
    private readonly options: { readonly limit: QueueLimit; readonly patienceMs: number; readonly pulse: Pulse },
  ) {}

  get open(): boolean {
    return this.isOpen;
  }

  /** Takes all submissions or none; those of one stream go out one after another. @throws LOG_BUSY, LOG_CLOSED */
  submit(submissions: readonly Submission[]): Promise<Appended>[] {
    if (!this.isOpen) throw logClosed();
    const jobs = submissions.map((s) => ({ ...s, bytes: textLength(s.events) }));
    this.assertRoom(jobs);
    const before = new Map<string, Promise<unknown>>();
    return jobs.map((job) => {
      this.events += job.events.length;
      this.bytes += job.bytes;
      const done = this.run(job, before.get(job.stream));
      before.set(job.stream, done.catch(noop));
      const settled: Promise<unknown> = done.then(noop, noop).then(() => this.underWay.delete(settled));
      this.underWay.add(settled);
      return done;
    });
  }

  /** Refuses from now on; resolves when what was taken is settled one way or the other. */
  async close(): Promise<void> {
    this.isOpen = false;
    await Promise.allSettled(this.underWay);
  }

  private async run(job: Job, before: Promise<unknown> | undefined): Promise<Appended> {
    try {
      await before;
      await this.turn();
      try {
        return await this.write(job);
      } finally {
        this.onTheWire--;
        this.waiting.shift()?.();
      }
    } finally {
      this.events -= job.events.length;
      this.bytes -= job.bytes;
    }
  }

  private async turn(): Promise<void> {
    while (this.onTheWire >= ON_THE_WIRE) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.onTheWire++;
  }

  /** The same ids with the original expectation, again and again: the server then answers as it did the first time. */
  private async write(job: Job): Promise<Appended> {
    const end = performance.now() + this.options.patienceMs;
    const original = encodeAppend(job.stream, job.expected, job.events);
    const repeats =
      job.expected === 'any' || job.expected === 'exists'
        ? new Repeats(original, job.events.at(-1)!.id, this.tail, this.channel)
        : null;
    let attempt: Attempt = { append: original };
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        return await this.placed(job, await this.channel.append(attempt.append, attempt.onlyOn));
      } catch (error) {
        const lostRace = attempt.append !== original && isConflict(error);
        if (!isPassing(error) && !lostRace) throw error;
        if (performance.now() + pause > end) {
          throw lostRace ? unavailable(`appending to ${job.stream}`, 'others were quicker every time', error) : error;
        }
        if (lostRace) repeats?.lostRace();
        else await this.options.pulse.pause(pause);
      }
      if (repeats === null) continue;
      try {
        const next = await repeats.next();
        if ('revision' in next) return next;
        attempt = next;
        // The server answers again: now it is the others who must not get far ahead.
        pause = FIRST_PAUSE_MS;
      } catch (error) {
        if (!isPassing(error)) throw error;
        // Without a look nothing may be sent again; the one that was sent last is looked for once more.
        attempt = { append: original, onlyOn: NO_CALL };
      }
    }
  }

  /** An answer to a repeat may lack the position; the event itself has it. */
  private async placed(job: Job, { revision, position }: Settled): Promise<Appended> {
    if (position !== null) return { revision, position };
    for await (const event of this.tail.newest(job.stream)) {
      if (event.revision === revision) return { revision, position: event.position };
    }
    throw new TouchstoneError('LOG_FAILED', `EventStoreDB gave no position for ${job.stream}.`, 'unavailable');
  }

  private assertRoom(more: readonly Job[]): void {
    // Whatever its size, a request that finds nothing waiting is taken: it could never be taken later either.
    if (this.events === 0) return;
    const { events: mostEvents = 50_000, bytes: mostBytes = 128_000_000 } = this.options.limit;
    const events = more.reduce((n, s) => n + s.events.length, this.events);
    const bytes = more.reduce((n, s) => n + s.bytes, this.bytes);
    if (events <= mostEvents && bytes <= mostBytes) return;
    throw new TouchstoneError(
      'LOG_BUSY',
      `${this.events} events (${this.bytes} bytes) already wait to be written. Nothing of this append was taken; retry shortly.`,
      'busy',
      { waitingEvents: this.events, waitingBytes: this.bytes },
    );
  }
}

const noop = () => undefined;

/** The place that was found for a repeat has been taken since by somebody else's events. */
const isConflict = (error: unknown): boolean =>
  error instanceof TouchstoneError && error.code === 'WRONG_EXPECTED_REVISION';

const textLength = (events: readonly PreparedEvent[]): number =>
  events.reduce((n, e) => n + e.data.length + e.metadata.length, 0);
