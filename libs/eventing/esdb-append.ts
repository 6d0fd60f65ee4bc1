import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import {
  attemptOf,
  correlationOf,
  requestsOf,
  settledFrom,
  type EncodedAppend,
  type Settled,
} from './esdb-append.wire.js';
import type { AppendStream, EsdbClient } from './esdb-client.js';
import { translated, unavailable } from './esdb-errors.js';
import type { Pulse } from './esdb-pulse.js';

interface Waiting {
  readonly append: EncodedAppend;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (settled: Settled) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Appends over one call at a time, each with a time-out of our own. A call that breaks, or that a time-out finds
 * silent, is given up with all that waits on it, and the next append opens another one. Nothing is repeated here:
 * whoever hears LOG_UNAVAILABLE does not know whether the events were written.
 */
export class AppendChannel {
  private call: Promise<AppendCall> | null = null;
  private current: AppendCall | null = null;
  private opened = 0;

  constructor(
    private readonly client: EsdbClient,
    private readonly timeoutMs: number,
  ) {}

  /** `onlyOn`: the number of the call that it must go over; when that is over, LOG_UNAVAILABLE. */
  async append(append: EncodedAppend, onlyOn?: number): Promise<Settled> {
    if (onlyOn !== undefined && this.proven !== onlyOn)
      throw unavailable(`appending to ${append.stream}`, 'its call broke');
    const call = await (this.call ??= this.open());
    return call.append(append, this.timeoutMs);
  }

  /** The number of the call that is open, once the server has answered on it. */
  get proven(): number | null {
    return this.current?.hasAnswered ? this.opened : null;
  }

  async close(): Promise<void> {
    const call = await this.call?.catch(() => null);
    call?.end(new Error('the log is being closed'));
  }

  private open(): Promise<AppendCall> {
    const opening = new Promise<AppendCall>((resolve, reject) => {
      let call: AppendCall | null = null;
      let isLate = false;
      // Finding the leader of a cluster can take for ever; that is the client's affair, ours is the caller.
      const late = setTimeout(() => {
        isLate = true;
        reject(unavailable('connecting', `for ${this.timeoutMs} ms`));
      }, this.timeoutMs);
      const over = (error: unknown) => {
        clearTimeout(late);
        if (this.call === opening) this.call = this.current = null;
        call?.broken(error);
        reject(translated(error, 'connecting'));
      };
      const opened = (stream: AppendStream, end: (error: Error) => void) => {
        clearTimeout(late);
        if (isLate) return end(new Error('nobody waits for this call any more'));
        call = this.current = new AppendCall(stream, end, this.client.pulse);
        this.opened++;
        resolve(call);
      };
      this.client.openAppends(opened).catch(over);
    });
    opening.catch(() => {
      if (this.call === opening) this.call = null;
    });
    return opening;
  }
}

/** One call: its own table of what waits for an answer, so that what happens to another one is no affair of it. */
class AppendCall {
  private readonly waiting = new Map<number, Waiting>();
  private readonly outbox: BatchAppendReq[] = [];
  private attempts = 0;
  private heardAt = 0;
  private isFull = false;
  private over: Error | null = null;

  constructor(
    private readonly stream: AppendStream,
    private readonly onEnd: (error: Error) => void,
    private readonly pulse: Pulse,
  ) {
    stream.on('data', (answer: BatchAppendResp) => this.hear(answer));
  }

  get hasAnswered(): boolean {
    return this.heardAt > 0 && this.over === null;
  }

  append(append: EncodedAppend, timeoutMs: number): Promise<Settled> {
    return new Promise((resolve, reject) => {
      if (this.over !== null) return reject(translated(this.over, `appending to ${append.stream}`));
      const attempt = ++this.attempts;
      const sentAt = performance.now();
      const timer = setTimeout(() => this.late(attempt, sentAt, timeoutMs), timeoutMs);
      this.waiting.set(attempt, { append, timer, resolve, reject });
      this.outbox.push(...requestsOf(append, correlationOf(attempt)));
      this.pump();
    });
  }

  /** Gives the call up. The client hears why, and connects anew where that may help. */
  end(error: Error): void {
    this.broken(error);
    this.stream.cancel();
    this.onEnd(error);
  }

  /** The call is over: whoever waits does not know what became of it. */
  broken(error: unknown): void {
    this.over ??= error as Error;
    this.outbox.length = 0;
    const lost = [...this.waiting.values()];
    this.waiting.clear();
    for (const { append, timer, reject } of lost) {
      clearTimeout(timer);
      reject(unavailable(`appending to ${append.stream}`, (error as Error).message || 'the call broke', error));
    }
  }

  private hear(answer: BatchAppendResp): void {
    this.heardAt = performance.now();
    this.pulse.beat();
    const attempt = attemptOf(answer);
    const waiting = this.waiting.get(attempt);
    // An answer that comes after its time-out: by now somebody else may be asking the same again.
    if (waiting === undefined) return;
    this.waiting.delete(attempt);
    clearTimeout(waiting.timer);
    const settled = settledFrom(answer, waiting.append);
    if (settled instanceof Error) waiting.reject(settled);
    else waiting.resolve(settled);
  }

  private late(attempt: number, sentAt: number, timeoutMs: number): void {
    const { append, reject } = this.waiting.get(attempt)!;
    this.waiting.delete(attempt);
    const error = unavailable(`appending to ${append.stream}`, `no answer within ${timeoutMs} ms`);
    reject(error);
    // Not one answer in all that time: the connection is dead, though nobody has said so.
    if (this.heardAt < sentAt)
      this.end(Object.assign(new Error(error.message), { code: 14, details: 'silent', metadata: undefined }));
  }

  /** Writes as fast as the connection takes it. */
  private pump(): void {
    while (!this.isFull && this.outbox.length > 0) {
      if (this.stream.write(this.outbox.shift()!)) continue;
      this.isFull = true;
      this.stream.once('drain', () => {
        this.isFull = false;
        this.pump();
      });
    }
  }
}
