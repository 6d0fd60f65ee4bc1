/**
 * Readers that are cut off, that stand still and that are slow, on a real server in a process of its own, whose memory is
 * nobody else's.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seeded } from '@touchstone/readmodel/testing';
import { FeedReader, wholeFeed, type CloudEvent, type Frame } from './feed.kit.js';

const MB = 1024 * 1024;
const main = fileURLToPath(new URL('../apps/server/dist/main.js', import.meta.url));

/** A server as it is started by hand. */
class House {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async open(directory: string, env: Record<string, string> = {}, flags: string[] = []): Promise<House> {
    const child = spawn(process.execPath, [...flags, main], {
      env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: directory, LOG_LEVEL: 'error', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    while (!out.includes('\n')) out += String((await once(child.stdout!, 'data'))[0]);
    return new House(child, /http:\S+/.exec(out)![0]);
  }

  async close(): Promise<void> {
    this.child.kill('SIGTERM');
    if (this.child.exitCode === null) await once(this.child, 'exit');
  }

  /** A figure of its metrics, summed over its labels. */
  async measure(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(name));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  memory(): Promise<number> {
    return this.measure('process_resident_memory_bytes ');
  }
}

/** Sends touchpoints as lines, a piece at a time, and waits until each piece was answered. */
class Import {
  private answered = 0;
  private rest = '';
  private readonly done: Promise<IncomingMessage>;

  private constructor(
    private readonly post: ClientRequest,
    private sent: number,
  ) {
    this.answered = sent;
    this.done = new Promise((resolve, reject) => {
      post.once('error', reject);
      post.once('response', (answer: IncomingMessage) => {
        answer.setEncoding('utf8');
        answer.on('data', (text: string) => this.take(text));
        answer.once('end', () => resolve(answer));
      });
    });
  }

  /** @param from the number of the first touchpoint */
  static open(url: string, from = 0): Import {
    const headers = { 'content-type': 'application/x-ndjson' };
    return new Import(request(`${url}/events`, { method: 'POST', headers, agent: false }), from);
  }

  async send(count: number, filling = ''): Promise<void> {
    const lines = Array.from({ length: count }, () => JSON.stringify(touchpoint(this.sent++, filling)));
    this.post.write(`${lines.join('\n')}\n`);
    for (let tries = 0; this.answered < this.sent; tries++) {
      if (tries > 6_000) throw new Error(`${this.answered} of ${this.sent} events were answered.`);
      await sleep(10);
    }
  }

  async end(): Promise<void> {
    this.post.end();
    await this.done;
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) {
      expect(JSON.parse(line)).toMatchObject({ outcome: 'taken' });
      this.answered++;
    }
  }
}

const touchpoint = (n: number, filling: string) => ({
  specversion: '1.0',
  id: `fact-${n}`,
  source: 'hotline',
  type: 'touchpoint.recorded',
  time: new Date(Date.UTC(2025, 0, 1) + n * 1_000).toISOString(),
  data: {
    journey: { type: 'fault-repair', key: `J${n % 97}` },
    kind: 'crew.arrived',
    channel: 'crew',
    unit: `crew-${n % 5}`,
    ...(filling !== '' && { attributes: { filling } }),
  },
});

/** On a machine that has much else to do, three starts of a server take their time. */
const LONG = 120_000;
/** Facts with much to say, so that what the kernel holds for a connection is soon full. */
const LARGE = 2_000;
const FILLING = 'x'.repeat(10_000);

let directory: string;
let house: House | undefined;
beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'touchstone-feed-'))));
afterEach(() => house?.close());
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const CUTS = 100;

it(
  'a subscriber that is cut off at random 100 times during an import sees every event exactly once and in order',
  async () => {
    const { url } = (house = await House.open(directory));
    const random = seeded(42);
    const seen: CloudEvent[] = [];
    const keep = ({ event, data }: Frame) => event === 'message' && seen.push(data as CloudEvent);
    let position: string | undefined;
    let cuts = 0;
    const source = Import.open(url);
    for (; cuts < CUTS; cuts++) {
      // Anywhere: before the first event, in the midst of one, or while it waits for the next.
      const patience = Math.floor(random() * 30);
      let cut = () => {};
      const reader = await FeedReader.open(url, {
        lastEventId: position,
        on: (frame) => {
          keep(frame);
          if (seen.length % 30 === patience) cut();
        },
      });
      cut = () => reader.cut();
      const sending = source.send(20);
      await Promise.race([sending, reader.closed, sleep(random() * 40)]);
      reader.cut();
      await reader.closed;
      position = reader.position;
      await sending;
    }
    const all = await wholeFeed(url);
    const last = await FeedReader.open(url, { lastEventId: position, on: keep });
    await last.until(() => (last.position ?? '') >= all.at(-1)!.position, 'the end of the log');
    last.cut();
    expect(cuts).toBe(CUTS);
    expect(all.filter(({ type }) => type === 'TouchpointRecorded')).toHaveLength(20 * CUTS);
    expect(seen.slice(0, all.length).map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    expect(seen.slice(0, all.length)).toEqual(all);
    // What rules said while it was compared is there once, too.
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
    // For the tests below; they run on servers of their own, so that what an import needs of memory has gone.
    for (let sent = 0; sent < LARGE; sent += 500) await source.send(500, FILLING);
    await source.end();
  },
  LONG,
);

describe('with ten subscribers, one of them stopped', () => {
  it(
    'the other nine keep up, and memory stays flat',
    async () => {
      const { url } = (house = await House.open(directory, { FEED_SLOW_MS: '600000' }, ['--max-old-space-size=128']));
      const stopped = await FeedReader.open(url);
      stopped.stop();
      const readers = await Promise.all(Array.from({ length: 9 }, () => FeedReader.open(url)));
      const figures: { memory: number; buffered: number }[] = [];
      const all = async (events: number) => {
        await Promise.all(readers.map((reader) => reader.until(() => reader.events >= events, `${events} events`)));
        const buffered = await house!.measure('touchstone_feed_buffered_bytes');
        figures.push({ memory: (await house!.memory()) / MB, buffered: buffered / MB });
      };
      for (let events = 400; events <= LARGE; events += 400) await all(20 * CUTS + events);
      // What was sent would fill the memory of this server; and what the stopped one left would be seen in it.
      expect(readers.reduce((sum, { bytes }) => sum + bytes, 0) / MB).toBeGreaterThan(150);
      expect((readers[0]!.bytes - stopped.bytes) / MB).toBeGreaterThan(10);
      expect(Math.max(...figures.map(({ buffered }) => buffered))).toBeLessThan(2);
      expect(figures.at(-1)!.memory - figures[1]!.memory).toBeLessThan(60);
      // Nor does it hold up what is recorded now.
      const source = Import.open(url, 20 * CUTS + LARGE);
      await source.send(200);
      await source.end();
      const events = (await wholeFeed(url, { type: ['TouchpointRecorded', 'JourneyOpened', 'PackPublished'] })).length;
      await all(events);
      expect(await house.measure('touchstone_feed_lag_seconds')).toBeGreaterThan(0);
      // It is only slowed: when it goes on it misses nothing.
      stopped.goOn();
      await stopped.until(() => stopped.events >= events, 'everything');
      for (const reader of [stopped, ...readers]) reader.cut();
    },
    LONG,
  );

  it(
    'one that stands still too long is cut, hears why, and reads on without a gap',
    async () => {
      const slowMs = 2_500;
      const { url } = (house = await House.open(directory, { FEED_SLOW_MS: String(slowMs) }));
      const seen: string[] = [];
      const on = ({ event, data }: Frame) => event === 'message' && seen.push((data as CloudEvent).id);
      const dead = await FeedReader.open(url);
      dead.stop();
      const slow = await FeedReader.open(url, { on });
      slow.stop();
      // The kernel takes some MB for each; then the server waits for both, cuts them, and in the end hangs up.
      for (let tries = 0; (await house.measure('touchstone_feed_buffered_bytes')) < 100_000; tries++) {
        if (tries > 1_000) throw new Error('The readers hold nothing up.');
        await sleep(20);
      }
      await sleep(slowMs * 1.4);
      slow.goOn();
      await slow.closed;
      expect(slow.end!.data).toMatchObject({ code: 'FEED_TOO_SLOW', position: slow.position });
      const all = await wholeFeed(url);
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.length).toBeLessThan(all.length);
      const again = await FeedReader.open(url, { lastEventId: slow.position, on });
      await again.until(() => seen.length >= all.length, 'everything');
      again.cut();
      expect(seen.slice(0, all.length)).toEqual(all.map(({ id }) => id));
      for (let tries = 0; (await house.measure('touchstone_feeds_open{transport="sse"}')) > 0; tries++) {
        if (tries > 1_000) throw new Error('The dead reader still holds its place.');
        await sleep(20);
      }
      expect(await house.measure('touchstone_feeds_ended_total{transport="sse",reason="FEED_TOO_SLOW"}')).toBe(2);
    },
    LONG,
  );
});
