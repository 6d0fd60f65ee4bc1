import { TouchstoneError } from './errors.js';
import { QueueRoom, type QueueLimit, type Submission } from './append-queue.js';
import type { Appended } from './event-log.js';
import { logClosed } from './log-input.js';
import type { AppendChannel } from './esdb-append.js';
import { encodeAppend, type Settled } from './esdb-append.wire.js';
import { isPassing, unavailable } from './esdb-errors.js';
import type { Pulse } from './esdb-pulse.js';
import { Repeats, type Attempt, type Tail } from './esdb-repeat.js';

/** Appends on the wire at a time; the others wait here, where a time-out does not run yet. */
const ON_THE_WIRE = 512;
/** The number of no call at all. */
const NO_CALL = -1;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

/** Takes appends, keeps them within bounds, and repeats each one until the server has said yes or no. */
export class EsdbWriter {
  private readonly waiting: (() => void)[] = [];
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly room: QueueRoom;
  private onTheWire = 0;
  private isOpen = true;

  constructor(
    private readonly channel: Pick<AppendChannel, 'append' | 'proven'>,
    private readonly tail: Tail,
    private readonly options: { readonly limit: QueueLimit; readonly patienceMs: number; readonly pulse: Pulse },
  ) {
    this.room = new QueueRoom(options.limit);
  }

  get open(): boolean {
    return this.isOpen;
  }

  /** Takes all submissions or none; those of one stream go out one after another. @throws LOG_BUSY, LOG_CLOSED */
  submit(submissions: readonly Submission[]): Promise<Appended>[] {
    if (!this.isOpen) throw logClosed();
    const held = this.room.take(submissions);
    const before = new Map<string, Promise<unknown>>();
    return submissions.map((job, i) => {
      const done = this.run(job, before.get(job.stream)).finally(() => this.room.give(held[i]!));
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

  private async run(job: Submission, before: Promise<unknown> | undefined): Promise<Appended> {
    await before;
    await this.turn();
    try {
      return await this.write(job);
    } finally {
      this.onTheWire--;
      this.waiting.shift()?.();
    }
  }

  private async turn(): Promise<void> {
    while (this.onTheWire >= ON_THE_WIRE) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.onTheWire++;
  }

  /** The same ids with the original expectation, again and again: the server then answers as it did the first time. */
  private async write(job: Submission): Promise<Appended> {
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
  private async placed(job: Submission, { revision, position }: Settled): Promise<Appended> {
    if (position !== null) return { revision, position };
    for await (const event of this.tail.newest(job.stream)) {
      if (event.revision === revision) return { revision, position: event.position };
    }
    throw new TouchstoneError('LOG_FAILED', `EventStoreDB gave no position for ${job.stream}.`, 'unavailable');
  }
}

const noop = () => undefined;

/** The place that was found for a repeat has been taken since by somebody else's events. */
const isConflict = (error: unknown): boolean =>
  error instanceof TouchstoneError && error.code === 'WRONG_EXPECTED_REVISION';
