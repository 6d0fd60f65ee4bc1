import type { Position, RecordedEvent } from './envelope.js';
import type { ReadAll } from './event-log.js';
import { recordedFrom, textSize } from './esdb-envelope.js';
import { passes } from './esdb-filter.js';
import { listen, PAGE_TEXT, pageSizeOf, type FollowParts } from './esdb-following.js';
import { BEFORE_ALL, fromPosition } from './esdb-position.js';
import { items, persistently } from './esdb-reading.js';

/** `EventLog.readAll`; `after` was checked. */
export async function* readAll(parts: FollowParts, options: ReadAll): AsyncGenerator<readonly RecordedEvent[]> {
  const limit = pageSizeOf(options.pageSize);
  let left = options.max ?? Infinity;
  if (left <= 0) return;
  let page: RecordedEvent[] = [];
  let size = 0;
  for await (const event of await matching(parts, options)) {
    page.push(event);
    size += textSize(event.data);
    if (--left > 0 && page.length < limit && size < PAGE_TEXT) continue;
    yield page;
    if (left <= 0) return;
    page = [];
    size = 0;
  }
  if (page.length > 0) yield page;
}

async function matching(parts: FollowParts, options: ReadAll): Promise<AsyncIterable<RecordedEvent>> {
  if (options.direction === 'backwards') return backwards(parts, options);
  // A reading ends where the log ended when it began, however fast others write.
  const until = await parts.head.read();
  const { types, streams } = options;
  return types === undefined && streams === undefined
    ? forwards(parts, options.after, until)
    : filtered(parts, options, until);
}

function forwards(parts: FollowParts, after: Position = BEFORE_ALL, until: Position): AsyncIterable<RecordedEvent> {
  let reached = after;
  const read = async function* () {
    if (reached >= until) return;
    const from = reached === BEFORE_ALL ? 'start' : fromPosition(reached);
    const reading = parts.client.readAll({ fromPosition: from, direction: 'forwards' });
    for await (const resolved of items(reading, parts)) {
      const event = recordedFrom(resolved);
      // The server begins with the event at the given position itself.
      if (event === null || event.position <= reached) continue;
      if (event.position > until) return;
      reached = event.position;
      yield event;
      if (reached === until) return;
    }
  };
  return persistently(read, 'reading the log', parts.patienceMs);
}

/** The server filters only in subscriptions: one of those, as far as the head. */
function filtered(parts: FollowParts, options: ReadAll, until: Position): AsyncIterable<RecordedEvent> {
  let reached = options.after ?? BEFORE_ALL;
  const read = async function* () {
    if (reached >= until || options.types?.length === 0 || options.streams?.length === 0) return;
    for await (const heard of listen(parts.client, reached, options, parts)) {
      if (heard.kind === 'fellBehind') continue;
      if (heard.kind === 'caughtUp') return;
      if (heard.kind === 'checkpoint') {
        if (heard.position >= until) return;
        if (heard.position > reached) reached = heard.position;
        continue;
      }
      const event = recordedFrom(heard.resolved);
      if (event === null || event.position <= reached) continue;
      if (event.position > until) return;
      reached = event.position;
      if (passes(event, options)) yield event;
    }
  };
  return persistently(read, 'reading the log', parts.patienceMs);
}

function backwards(parts: FollowParts, options: ReadAll): AsyncIterable<RecordedEvent> {
  let reached = options.after ?? null;
  const read = async function* () {
    if (reached === BEFORE_ALL) return;
    const fromPlace = reached === null ? 'end' : fromPosition(reached);
    const reading = parts.client.readAll({ fromPosition: fromPlace, direction: 'backwards' });
    for await (const resolved of items(reading, parts)) {
      const event = recordedFrom(resolved);
      if (event === null || (reached !== null && event.position >= reached)) continue;
      reached = event.position;
      if (passes(event, options)) yield event;
    }
  };
  return persistently(read, 'reading the log', parts.patienceMs);
}
