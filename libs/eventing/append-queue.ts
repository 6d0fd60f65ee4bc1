/** What every engine does with appends before it writes them: checks them, bounds what waits, answers one by one. */
import { TouchstoneError } from './errors.js';
import type { Appended, AppendOutcome, AppendRequest, ExpectedRevision } from './event-log.js';
import { checkExpected, checkStream, prepareEvents, type PreparedEvent } from './log-input.js';

/** How much may wait to be written; beyond it an append is answered `LOG_BUSY` at once. */
export interface QueueLimit {
  /** Default 50,000. */
  readonly events?: number;
  /** Length of data and metadata; default 128,000,000. */
  readonly bytes?: number;
}

/** An append that was checked. */
export interface Submission {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly PreparedEvent[];
}

/** @throws what `prepareEvents` throws, INVALID_STREAM, INVALID_EXPECTED_REVISION */
export function submissionOf({ stream, expected, events }: AppendRequest): Submission {
  checkStream(stream);
  checkExpected(expected);
  return { stream, expected, events: prepareEvents(stream, events) };
}

/** Submits those that are sound, all together; one answer per request, in order. */
export async function appendEach(
  requests: readonly AppendRequest[],
  submit: (submissions: readonly Submission[]) => Promise<readonly AppendOutcome[]>,
): Promise<AppendOutcome[]> {
  const checked = requests.map((request) => attempt(() => submissionOf(request)));
  let outcomes: readonly AppendOutcome[] | null = null;
  let refusal: Error | null = null;
  try {
    outcomes = await submit(checked.flatMap((c) => (c.ok ? [c.value] : [])));
  } catch (error) {
    refusal = error as Error;
  }
  let next = 0;
  return checked.map((c): AppendOutcome => {
    if (!c.ok) return { ok: false, error: c.error };
    return refusal ? { ok: false, error: refusal } : outcomes![next++]!;
  });
}

/** Of appends that each have a promise of their own. */
export async function outcomesOf(appends: readonly Promise<Appended>[]): Promise<AppendOutcome[]> {
  const settled = await Promise.allSettled(appends);
  return settled.map((answer): AppendOutcome =>
    answer.status === 'fulfilled' ? { ok: true, appended: answer.value } : { ok: false, error: answer.reason as Error },
  );
}

/** What one submission takes up of the room. */
export interface Held {
  readonly events: number;
  /** Length of data and metadata. */
  readonly bytes: number;
}

/** The bound on what waits. */
export class QueueRoom {
  private events = 0;
  private bytes = 0;
  private readonly most: Held;

  constructor({ events = 50_000, bytes = 128_000_000 }: QueueLimit) {
    this.most = { events, bytes };
  }

  /** Takes all submissions or none; answers what each takes up until it is given back. @throws LOG_BUSY */
  take(submissions: readonly Submission[]): Held[] {
    const held = submissions.map(({ events }) => ({ events: events.length, bytes: textLength(events) }));
    const events = held.reduce((n, each) => n + each.events, this.events);
    const bytes = held.reduce((n, each) => n + each.bytes, this.bytes);
    // Whatever its size, a request that finds nothing waiting is taken: it could never be taken later either.
    if (this.events > 0 && (events > this.most.events || bytes > this.most.bytes)) throw this.busy();
    this.events = events;
    this.bytes = bytes;
    return held;
  }

  give({ events, bytes }: Held): void {
    this.events -= events;
    this.bytes -= bytes;
  }

  private busy(): TouchstoneError {
    const { events, bytes } = this;
    const message = `${events} events (${bytes} bytes) already wait to be written. Nothing of this append was taken; retry shortly.`;
    return new TouchstoneError('LOG_BUSY', message, 'busy', { waitingEvents: events, waitingBytes: bytes });
  }
}

const textLength = (events: readonly PreparedEvent[]): number =>
  events.reduce((n, e) => n + e.data.length + e.metadata.length, 0);

type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Error };

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error: error as Error };
  }
}
