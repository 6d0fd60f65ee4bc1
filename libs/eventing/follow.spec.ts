import type { RecordedEvent } from './envelope.js';
import type { SubscriptionMessage } from './event-log.js';
import { anEvent } from './event-log.contract.kit.js';
import { Bell, CHECKPOINT_EVERY, follow, readPages, type PageSource } from './follow.js';

/** A log of numbers: event n stands at position n; only multiples of `every` pass the filter. */
class Numbers implements PageSource<number> {
  readonly bell = new Bell();
  pagesRead = 0;
  /** Called in the middle of reading a page: what happens in between. */
  meanwhile: () => void = () => undefined;

  constructor(
    public count: number,
    private readonly every = 1,
  ) {}

  start = () => 0;
  end = () => this.count;
  position = (cursor: number) => String(cursor);

  page(cursor: number, _: object, limit: number, until = this.count) {
    this.pagesRead++;
    const events: RecordedEvent[] = [];
    let at = cursor;
    let passedOver = 0;
    while (at < until && events.length < limit) {
      at++;
      passedOver++;
      if (at % this.every !== 0) continue;
      passedOver = 0;
      events.push({ ...anEvent(), stream: 's', revision: at - 1, position: String(at) });
    }
    this.meanwhile();
    return { events, scannedTo: at, atEnd: at === until, passedOver };
  }
}

const short = (m: SubscriptionMessage) =>
  m.kind === 'events' ? m.events.map((e) => e.position).join(' ') : `${m.kind} ${m.position}`;

/** Takes so many messages of a subscription, then leaves it. */
async function take(
  source: AsyncIterable<SubscriptionMessage>,
  count: number,
  each: (n: number) => void = () => undefined,
) {
  const seen: string[] = [];
  for await (const message of source) {
    seen.push(short(message));
    if (seen.length === count) break;
    each(seen.length);
  }
  return seen;
}

describe('following a log', () => {
  it('says caughtUp again when it fell behind by more than a page', async () => {
    const log = new Numbers(1);
    const grow = (n: number) => {
      if (n !== 2) return;
      log.count = 6;
      log.bell.ring();
    };
    expect(await take(follow(log, { pageSize: 2 }), 6, grow)).toEqual([
      '1',
      'caughtUp 1',
      '2 3',
      '4 5',
      '6',
      'caughtUp 6',
    ]);
  });

  it('does not say caughtUp again for a page that it could take at once', async () => {
    const log = new Numbers(1);
    const grow = () => {
      log.count++;
      log.bell.ring();
    };
    expect(await take(follow(log, {}), 4, grow)).toEqual(['1 ', 'caughtUp 1', '2 3', '4'].map((s) => s.trim()));
  });

  it('hears a ring that came while it was reading, without any clock', async () => {
    const log = new Numbers(1);
    let grown = false;
    log.meanwhile = () => {
      if (grown) return;
      grown = true;
      log.count = 2;
      log.bell.ring();
    };
    expect(await take(follow(log, {}), 3)).toEqual(['1', 'caughtUp 1', '2']);
  });

  it('gives a checkpoint where the filter passed over many, and none where it did not', async () => {
    const log = new Numbers(0, 10_000);
    const grow = (to: number) => {
      log.count = to;
      log.bell.ring();
    };
    const seen = await take(follow(log, {}), 3, (n) => grow(n === 1 ? CHECKPOINT_EVERY : 10_000));
    expect(seen).toEqual(['caughtUp 0', `checkpoint ${CHECKPOINT_EVERY}`, '10000']);
    const few = new Numbers(0, 10);
    const growFew = (n: number) => {
      few.count = 10 * n + 9;
      few.bell.ring();
    };
    expect(await take(follow(few, {}), 4, growFew)).toEqual(['caughtUp 0', '10', '20', '30']);
  });

  it('looks by itself every now and then, as a safety net', async () => {
    const log = new Numbers(1);
    setTimeout(() => (log.count = 2), 20);
    expect(await take(follow(log, {}, 10), 3)).toEqual(['1', 'caughtUp 1', '2']);
  });

  it('does not read while it waits', async () => {
    const log = new Numbers(3);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    expect(await take(follow(log, { signal: stop.signal }), 9)).toEqual(['1 2 3', 'caughtUp 3']);
    expect(log.pagesRead).toBe(1);
  });

  it('lets timers have their turn while it catches up and while it reads', async () => {
    for (const reading of [
      follow(new Numbers(50_000), { pageSize: 1 }),
      readPages(new Numbers(50_000), { pageSize: 1 }),
    ]) {
      let ticks = 0;
      const timer = setInterval(() => ticks++, 1);
      const start = performance.now();
      for (;;) {
        const { done } = await reading.next();
        if (done || performance.now() - start > 100) break;
      }
      clearInterval(timer);
      expect(ticks).toBeGreaterThan(5);
    }
  });

  it('leaves no listeners behind on the signal of a long subscription', async () => {
    const log = new Numbers(1);
    const { signal } = new AbortController();
    let listening = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => (listening++, add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (listening--, remove(...args));
    const grow = () => void setImmediate(() => (log.count++, log.bell.ring()));
    await take(follow(log, { signal }), 30, grow);
    expect(listening).toBe(0);
  });

  it('reads as far as the log reached when reading began', async () => {
    const log = new Numbers(5);
    log.meanwhile = () => log.count++;
    const pages: number[] = [];
    for await (const page of readPages(log, { pageSize: 2 })) pages.push(page.length);
    expect(pages).toEqual([2, 2, 1]);
  });
});
