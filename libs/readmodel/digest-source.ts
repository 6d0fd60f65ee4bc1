/** Where a runner has its events from: digested in its own thread, or in another one at the end of a port. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import type { Position } from '@touchstone/eventing/pure';
import type { EventLog } from '@touchstone/eventing';
import type { DigestBatch, Digester } from './digest.js';
import { fromWire, toWire, type WireError } from './runner-status.js';

export interface DigestRequest {
  /** Position; absent: from the beginning. */
  readonly after?: Position;
  readonly signal: AbortSignal;
  /** Events per batch at most. */
  readonly pageSize: number;
}

export type DigestMessage =
  | { readonly kind: 'batch'; readonly batch: DigestBatch }
  /** Nothing was behind `position` when it was looked. */
  | { readonly kind: 'caughtUp'; readonly position: Position };

/** Follows the log like a subscription. */
export type DigestSource = (request: DigestRequest) => AsyncIterable<DigestMessage>;

/** In this thread. */
export function digestsOf(log: Pick<EventLog, 'subscribe'>, digester: Digester): DigestSource {
  return async function* ({ after, signal, pageSize }) {
    for await (const message of log.subscribe({ after, signal, pageSize })) {
      if (message.kind === 'events') yield { kind: 'batch', batch: digester.digest(message.events) };
      else if (message.kind === 'caughtUp') yield message;
    }
  };
}

/** Batches that are on their way or wait to be taken. */
const AHEAD = 3;

type ToDigester =
  | { readonly kind: 'read'; readonly run: number; readonly after?: Position; readonly pageSize: number }
  | { readonly kind: 'taken'; readonly run: number };
type FromDigester = { readonly run: number } & (
  DigestMessage | { readonly kind: 'ended'; readonly error: WireError | null }
);

/**
 * In the thread at the other end of the port, which runs `serveDigests` and reads ahead a little; where that thread has
 * ended, `otherwise`.
 */
export function digestsBehind(port: MessagePort, otherwise: DigestSource): DigestSource {
  let runs = 0;
  let isClosed = false;
  port.once('close', () => (isClosed = true));
  return async function* (request) {
    if (isClosed) return yield* otherwise(request);
    const { after, signal, pageSize } = request;
    const run = ++runs;
    const arrived: FromDigester[] = [];
    let wake = () => {};
    const ended: FromDigester = { run, kind: 'ended', error: null };
    const hear = (message: FromDigester) => {
      // What an earlier reading had sent is of no use any more, and the port serves other ends too.
      if (message.run !== run) return;
      arrived.push(message);
      wake();
    };
    // It is taken up again, by then in this thread.
    const close = () => hear(ended);
    const abort = () => hear(ended);
    port.on('message', hear);
    port.once('close', close);
    signal.addEventListener('abort', abort, { once: true });
    try {
      port.postMessage({ kind: 'read', run, after, pageSize } satisfies ToDigester);
      for (;;) {
        while (arrived.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const message = arrived.shift()!;
        if (signal.aborted) return;
        if (message.kind === 'ended') {
          if (message.error) throw fromWire(message.error);
          return;
        }
        yield message;
        port.postMessage({ kind: 'taken', run } satisfies ToDigester);
      }
    } finally {
      port.off('message', hear);
      port.off('close', close);
      signal.removeEventListener('abort', abort);
    }
  };
}

/** Reads and digests for whoever holds the other end of the port, until that is closed. */
export async function serveDigests(
  port: MessagePort,
  log: Pick<EventLog, 'subscribe'>,
  digester: Digester,
): Promise<void> {
  let current: { readonly run: number; readonly stop: AbortController; readonly credit: Credit } | null = null;
  let reading: Promise<void> = Promise.resolve();
  const closed = new Promise<void>((resolve) => port.once('close', resolve));
  port.on('message', (message: ToDigester) => {
    if (message.kind === 'taken') {
      if (current?.run === message.run) current.credit.give();
      return;
    }
    if (message.kind !== 'read') return;
    current?.stop.abort();
    const [stop, credit] = [new AbortController(), new Credit(AHEAD)];
    current = { run: message.run, stop, credit };
    reading = reading.then(() => read(message, stop.signal, credit));
  });
  const read = async (
    { run, after, pageSize }: Extract<ToDigester, { kind: 'read' }>,
    signal: AbortSignal,
    credit: Credit,
  ) => {
    const send = (message: FromDigester, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
    try {
      for await (const message of digestsOf(log, digester)({ after, signal, pageSize })) {
        await credit.take(signal);
        if (signal.aborted) return;
        if (message.kind === 'caughtUp') send({ ...message, run });
        else send({ ...message, run }, buffersOf(message.batch));
        // Reading is synchronous: let what the other end says have its turn.
        await nextTurn();
      }
      send({ run, kind: 'ended', error: null });
    } catch (error) {
      send({ run, kind: 'ended', error: toWire(error, 'DIGEST_FAILED') });
    }
  };
  await closed;
  (current as { stop: AbortController } | null)?.stop.abort();
  await reading;
}

const buffersOf = ({ starts, numbers }: DigestBatch): ArrayBuffer[] => [
  starts.buffer as ArrayBuffer,
  numbers.buffer as ArrayBuffer,
];

/** How many more may be sent. */
class Credit {
  private wake = () => {};

  constructor(private left: number) {}

  give(): void {
    this.left++;
    this.wake();
  }

  async take(signal: AbortSignal): Promise<void> {
    const wake = () => this.wake();
    signal.addEventListener('abort', wake, { once: true });
    while (this.left <= 0 && !signal.aborted) await new Promise<void>((resolve) => (this.wake = resolve));
    signal.removeEventListener('abort', wake);
    this.left--;
  }
}
