import type { Position } from '@touchstone/eventing';
import { reportOf, type DefectSink } from '@touchstone/platform';
import { Alarm, RANG } from './alarm.js';
import { cloudEventOf } from './cloud-event.js';
import type { FeedPage } from './event-feed.js';
import type { OpenFeed } from './open-feeds.js';
import type { Delivery } from './outgoing-event.js';
import type { PacedResponse } from './paced-response.js';

/** Text that is handed to the network at once, about. */
const CHUNK = 64 * 1024;

export interface EventStream {
  readonly feed: OpenFeed;
  readonly pages: AsyncGenerator<FeedPage, void, void>;
  readonly out: PacedResponse;
  /** Where the reader begins; '' for the beginning of the log. */
  readonly after: Position;
  readonly heartbeatMs: number;
  readonly sink: DefectSink;
}

/**
 * Server-sent events: each event of the log with its position for an id, heartbeats with the position that the reader
 * may go on from, and at the end why it is the end. Resolves when the connection is closed. Never throws.
 */
export async function streamEvents(stream: EventStream): Promise<void> {
  const { feed, out, pages, sink } = stream;
  const cursor = { position: stream.after };
  let fault: unknown = null;
  try {
    await out.write(`retry: 1000\n${heartbeat(cursor.position)}`);
    await follow(stream, cursor);
  } catch (error) {
    fault = error;
  }
  if (out.gone) return feed.close('gone');
  const { code, message } = endOf(feed, fault, sink);
  feed.end(null);
  void pages.return();
  await out.finish(frame('end', cursor.position, { code, message, position: cursor.position }), feed.reason !== null);
  feed.close(code);
}

async function follow({ feed, pages, out, heartbeatMs }: EventStream, cursor: { position: Position }): Promise<void> {
  const beat = new Alarm(heartbeatMs, true);
  try {
    let next = pages.next();
    while (!feed.signal.aborted) {
      const page = await beat.or(next);
      if (page === RANG) {
        await out.write(heartbeat(cursor.position));
        continue;
      }
      if (page.done) return;
      await sendPage(feed, out, page.value, cursor);
      next = pages.next();
    }
  } finally {
    beat.stop();
  }
}

async function sendPage(
  feed: OpenFeed,
  out: PacedResponse,
  { deliveries, position, caughtUp, last }: FeedPage,
  cursor: { position: Position },
): Promise<void> {
  if (!caughtUp) feed.behind();
  for (let from = 0; from < deliveries.length;) {
    const { to, bytes } = pieceOf(deliveries, from);
    // Whatever is said after it reaches the reader after it, so this is where the reader is then.
    cursor.position = deliveries[to - 1]!.event.position;
    feed.sent(to - from);
    await out.write(bytes);
    if (feed.signal.aborted) return;
    from = to;
  }
  cursor.position = position;
  if (last) feed.caughtUp();
}

/** A part of a list of events as it goes over the network. */
interface WrittenPiece {
  /** Index behind its last event. */
  readonly to: number;
  readonly bytes: Buffer;
}

/** Lists that several readers are given are written out once; what is written goes with its list. */
const written = new WeakMap<readonly Delivery[], Map<number, WrittenPiece>>();

function pieceOf(deliveries: readonly Delivery[], from: number): WrittenPiece {
  let pieces = written.get(deliveries);
  if (!pieces) written.set(deliveries, (pieces = new Map()));
  let piece = pieces.get(from);
  if (!piece) {
    let text = '';
    let to = from;
    while (to < deliveries.length && text.length < CHUNK) text += eventFrame(deliveries[to++]!);
    pieces.set(from, (piece = { to, bytes: Buffer.from(text) }));
  }
  return piece;
}

/** What the reader is told: why they are ended, what went wrong, or, where the log just ended, that the server stops. */
function endOf(feed: OpenFeed, fault: unknown, sink: DefectSink): { readonly code: string; readonly message: string } {
  if (feed.reason) return feed.reason;
  if (fault !== null) return reportOf(fault, sink);
  return { code: 'FEEDS_STOPPING', message: 'The log is closed: connect again and read on from your position.' };
}

const eventFrame = (delivery: Delivery): string =>
  `id: ${delivery.event.position}\ndata: ${JSON.stringify(cloudEventOf(delivery))}\n\n`;

const heartbeat = (position: Position): string => frame('heartbeat', position, { position: position || null });

/** An id that is empty would make the reader forget where it is. */
const frame = (event: string, position: Position, data: object): string =>
  `event: ${event}\n${position === '' ? '' : `id: ${position}\n`}data: ${JSON.stringify(data)}\n\n`;
