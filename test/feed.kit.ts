/** For tests of the event feed: a reader of server-sent events that can be cut off, stopped and let go on. */
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** One message of a stream. */
export interface Frame {
  readonly event: string;
  readonly id: string | null;
  // Tests know what they asked for.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data: any;
}

export type CloudEvent = Readonly<Record<string, unknown>> & {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly position: string;
  readonly data: Readonly<Record<string, unknown>>;
};

export interface Asked {
  readonly params?: Readonly<Record<string, string | readonly string[]>>;
  readonly lastEventId?: string;
  /** Of every message; what it throws ends the reader. */
  readonly on?: (frame: Frame) => void;
}

/** The address of a feed. */
export function feedUrl(base: string, params: Asked['params'] = {}): string {
  const url = new URL('/feed', base);
  for (const [name, value] of Object.entries(params)) {
    for (const each of typeof value === 'string' ? [value] : value) url.searchParams.append(name, each);
  }
  return url.href;
}

/** Reads a feed as a browser's EventSource does: a message counts once its empty line has come. */
export class FeedReader {
  /** Where it is: what it would send as Last-Event-ID. */
  position: string | undefined;
  bytes = 0;
  events = 0;
  end: Frame | null = null;
  readonly closed: Promise<void>;
  private rest = '';

  private constructor(
    private readonly sent: ClientRequest,
    private readonly answer: IncomingMessage,
    private readonly on: (frame: Frame) => void,
  ) {
    this.closed = new Promise((resolve) => answer.once('close', resolve));
    answer.on('error', () => undefined);
    answer.setEncoding('utf8');
    answer.on('data', (text: string) => this.take(text));
  }

  static async open(base: string, { params, lastEventId, on = () => undefined }: Asked = {}): Promise<FeedReader> {
    const headers = { accept: 'text/event-stream', ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
    const sent = request(feedUrl(base, params), { headers, agent: false });
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.on('error', reject);
      sent.end();
    });
    if (answer.statusCode !== 200) throw new Error(`The feed answered ${answer.statusCode}.`);
    const reader = new FeedReader(sent, answer, on);
    reader.position = lastEventId;
    return reader;
  }

  /** Takes nothing more from the network. */
  stop(): void {
    this.answer.pause();
  }

  goOn(): void {
    this.answer.resume();
  }

  /** Breaks off, in the middle of whatever comes. */
  cut(): void {
    this.sent.destroy();
  }

  /** @param done what has to come true within a minute */
  async until(done: () => boolean, what: string): Promise<void> {
    for (let tries = 0; !done(); tries++) {
      if (tries > 6_000) throw new Error(`The feed never came to: ${what}. It stands at ${this.position}.`);
      await sleep(10);
    }
  }

  private take(text: string): void {
    this.bytes += text.length;
    const frames = (this.rest + text).split('\n\n');
    this.rest = frames.pop()!;
    for (const frame of frames) {
      if (this.sent.destroyed) return;
      this.give(frame);
    }
  }

  private give(text: string): void {
    const fields = text.split('\n').map((line): [string, string] => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)];
    });
    const { event = 'message', id = null, data } = Object.fromEntries(fields) as Record<string, string | undefined>;
    if (data === undefined) return;
    const frame: Frame = { event, id, data: JSON.parse(data) as unknown };
    if (id !== null) this.position = id;
    if (event === 'message') this.events++;
    if (event === 'end') this.end = frame;
    this.on(frame);
  }
}

/** One answer of a long poll. */
export async function pollFeed(
  base: string,
  params: Asked['params'] = {},
): Promise<{ readonly events: CloudEvent[]; readonly next: string | null; readonly caughtUp: boolean }> {
  const answer = await fetch(feedUrl(base, params));
  if (answer.status !== 200) throw new Error(`The feed answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as never;
}

/** Everything that is in the log now, by long polls. */
export async function wholeFeed(base: string, params: Asked['params'] = {}): Promise<CloudEvent[]> {
  const all: CloudEvent[] = [];
  for (let after = 'beginning'; ;) {
    const { events, next, caughtUp } = await pollFeed(base, { ...params, first: '1000', after });
    all.push(...events);
    if (caughtUp || next === null) return all;
    after = next;
  }
}
