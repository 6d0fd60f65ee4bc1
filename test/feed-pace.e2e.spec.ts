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
import { FeedReader, wholeFeed, type CloudEvent } from './feed.kit.js';

const MB = 1024 * 1024;
const main = fileURLToPath(new URL('../apps/server/dist/main.js', import.meta.url));

/** A server as it is started by hand. */
class House {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async open(directory: string, env: Record<string, string> = {}): Promise<House> {
    const child = spawn(process.execPath, [main], {
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
  private sent = 0;
  private answered = 0;
  private rest = '';
  private readonly done: Promise<IncomingMessage>;

  private constructor(private readonly post: ClientRequest) {
    this.done = new Promise((resolve, reject) => {
      post.once('error', reject);
      post.once('response', (answer: IncomingMessage) => {
        answer.setEncoding('utf8');
        answer.on('data', (text: string) => this.take(text));
        answer.once('end', () => resolve(answer));
      });
    });
  }

  static open(url: string): Import {
    const headers = { 'content-type': 'application/x-ndjson' };
    return new Import(request(`${url}/events`, { method: 'POST', headers, agent: false }));
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

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'touchstone-feed-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const CUTS = 100;

it('a subscriber that is cut off at random 100 times during an import sees every event exactly once and in order', async () => {
  const house = await House.open(directory);
  try {
    const random = seeded(42);
    const seen: CloudEvent[] = [];
    let position: string | undefined;
    let cuts = 0;
    const source = Import.open(house.url);
    for (let round = 0; round < CUTS; round++) {
      // Anywhere: before the first event, in the midst of one, or while it waits for the next.
      const patience = Math.floor(random() * 30);
      const reader: FeedReader = await FeedReader.open(house.url, {
        lastEventId: position,
        on: ({ event, data }) => {
          if (event === 'message') seen.push(data as CloudEvent);
          position = reader?.position ?? position;
          if (event === 'message' && reader && reader.events > patience) reader.cut();
        },
      });
      const sending = source.send(20);
      await Promise.race([sending, reader.closed, sleep(random() * 40)]);
      reader.cut();
      position = reader.position ?? position;
      await reader.closed;
      cuts++;
      await sending;
    }
    await source.end();
    const all = await wholeFeed(house.url);
    const last = await FeedReader.open(house.url, {
      lastEventId: position,
      on: ({ event, data }) => event === 'message' && seen.push(data as CloudEvent),
    });
    await last.until(() => (last.position ?? '') >= all.at(-1)!.position, 'the end of the log');
    last.cut();
    expect(cuts).toBe(CUTS);
    expect(all.filter(({ type }) => type === 'TouchpointRecorded')).toHaveLength(20 * CUTS);
    // Rules speak about these events after the import, too: what came later is not asked for here.
    expect(seen.slice(0, all.length).map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    expect(seen.slice(0, all.length)).toEqual(all);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
  } finally {
    await house.close();
  }
});

describe('with ten subscribers, one of them stopped', () => {
  const FILLING = 'x'.repeat(10_000);

  it('the other nine keep up, and memory stays flat', async () => {
    const house = await House.open(directory, { FEED_SLOW_MS: '600000' });
    try {
      const stopped = await FeedReader.open(house.url);
      stopped.stop();
      const readers = await Promise.all(Array.from({ length: 9 }, () => FeedReader.open(house.url)));
      const source = Import.open(house.url);
      const round = async () => {
        await source.send(500, FILLING);
        const head = (await wholeFeed(house.url, { type: 'JourneyOpened' })).length; // every round answers, too
        expect(head).toBe(97);
        await Promise.all(readers.map((r) => r.until(() => r.events >= touchpoints(), 'what was sent')));
      };
      let sent = 0;
      const touchpoints = () => 97 + 500 * sent;
      const figures: { memory: number; buffered: number; lag: number }[] = [];
      for (; sent < 8;) {
        sent++;
        await round();
        figures.push({
          memory: await house.memory(),
          buffered: await house.measure('touchstone_feed_buffered_bytes'),
          lag: await house.measure('touchstone_feed_lag_seconds'),
        });
      }
      await source.end();
      // The stopped one is far behind: what it has not taken would fill a memory.
      const behind = readers[0]!.bytes - stopped.bytes;
      expect(behind).toBeGreaterThan(30 * MB);
      expect(Math.max(...figures.map(({ buffered }) => buffered))).toBeLessThan(MB);
      expect(figures.at(-1)!.lag).toBeGreaterThan(0);
      // Later rounds add nothing to what the first two needed.
      const warm = Math.max(...figures.slice(0, 3).map(({ memory }) => memory));
      expect((figures.at(-1)!.memory - warm) / MB).toBeLessThan(30);
      // It is only slowed: when it goes on it misses nothing.
      const events = readers[0]!.events;
      stopped.goOn();
      await stopped.until(() => stopped.events >= events, 'everything');
    } finally {
      await house.close();
    }
  });

  it('one that stands still too long is cut, hears why, and reads on without a gap', async () => {
    const house = await House.open(directory, { FEED_SLOW_MS: '1500' });
    try {
      const source = Import.open(house.url);
      await source.send(2_000, FILLING);
      await source.end();
      const seen: string[] = [];
      const on = ({ event, data }: { event: string; data: CloudEvent }) => event === 'message' && seen.push(data.id);
      const slow = await FeedReader.open(house.url, { on });
      slow.stop();
      const dead = await FeedReader.open(house.url);
      dead.stop();
      // Cut after the first time, the connection gone after the second.
      await sleep(2_000);
      slow.goOn();
      await slow.closed;
      expect(slow.end!.data).toMatchObject({ code: 'FEED_TOO_SLOW', position: slow.position });
      expect(seen.length).toBeGreaterThan(0);
      const all = await wholeFeed(house.url);
      expect(seen).toEqual(all.slice(0, seen.length).map(({ id }) => id));
      expect(seen.length).toBeLessThan(all.length);
      const again = await FeedReader.open(house.url, { lastEventId: slow.position, on });
      await again.until(() => seen.length >= all.length, 'everything');
      again.cut();
      expect(seen.slice(0, all.length)).toEqual(all.map(({ id }) => id));
      for (let tries = 0; (await house.measure('touchstone_feeds_open{transport="sse"}')) > 0; tries++) {
        if (tries > 500) throw new Error('The dead reader still holds its place.');
        await sleep(10);
      }
      expect(await house.measure('touchstone_feeds_ended_total{transport="sse",reason="FEED_TOO_SLOW"}')).toBe(2);
    } finally {
      await house.close();
    }
  });
});
