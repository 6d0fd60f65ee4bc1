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
  const found = await matching(parts, options);
  let page: RecordedEvent[] = [];
  let size = 0;
  for await (const come of persistently(found, 'reading the log', parts)) {
    for (const event of come) {
      page.push(event);
      size += textSize(event.data);
      if (--left > 0 && page.length < limit && size < PAGE_TEXT) continue;
      yield page;
      if (left <= 0) return;
      page = [];
      size = 0;
    }
  }
  if (page.length > 0) yield page;
}

/** Reads what matches, as much at a time as has come; called again, it goes on where it was. */
type Reading = () => AsyncGenerator<readonly RecordedEvent[]>;

async function matching(parts: FollowParts, options: ReadAll): Promise<Reading> {
  if (options.direction === 'backwards') return backwards(parts, options);
  // A reading ends where the log ended when it began, however fast others write.
  const until = await parts.head.read();
  const { types, streams } = options;
  if (types?.length === 0 || streams?.length === 0) return nothing;
  return types === undefined && streams === undefined
    ? forwards(parts, options.after ?? BEFORE_ALL, until)
    : filtered(parts, options, until);
}

async function* nothing(): AsyncGenerator<readonly RecordedEvent[]> {}

function forwards(parts: FollowParts, after: Position, until: Position): Reading {
  let reached = after;
  return async function* () {
    if (reached >= until) return;
    const from = reached === BEFORE_ALL ? 'start' : fromPosition(reached);
    for await (const come of items(parts.client.readAll({ fromPosition: from, direction: 'forwards' }), parts)) {
      const events: RecordedEvent[] = [];
      for (const resolved of come) {
        const event = recordedFrom(resolved);
        // The server begins with the event at the given position itself.
        if (event === null || event.position <= reached || event.position > until) continue;
        reached = event.position;
        events.push(event);
      }
      yield events;
      if (reached >= until) return;
    }
  };
}

/** The server filters only in subscriptions: one of those, as far as the head. */
function filtered(parts: FollowParts, options: ReadAll, until: Position): Reading {
  let reached = options.after ?? BEFORE_ALL;
  return async function* () {
    if (reached >= until) return;
    for await (const come of listen(parts.client, reached, options, parts)) {
      const events: RecordedEvent[] = [];
      let isOver = false;
      for (const heard of come) {
        if (heard.kind === 'caughtUp') isOver = true;
        else if (heard.kind === 'checkpoint' && heard.position > reached) reached = heard.position;
        if (heard.kind !== 'event') continue;
        const event = recordedFrom(heard.resolved);
        if (event === null || event.position <= reached) continue;
        reached = event.position;
        if (reached <= until && passes(event, options)) events.push(event);
      }
      yield events;
      if (isOver || reached >= until) return;
    }
  };
}

function backwards(parts: FollowParts, options: ReadAll): Reading {
  let reached = options.after ?? null;
  return async function* () {
    if (reached === BEFORE_ALL) return;
    const from = reached === null ? 'end' : fromPosition(reached);
    for await (const come of items(parts.client.readAll({ fromPosition: from, direction: 'backwards' }), parts)) {
      const events: RecordedEvent[] = [];
      for (const resolved of come) {
        const event = recordedFrom(resolved);
        if (event === null || (reached !== null && event.position >= reached)) continue;
        reached = event.position;
        if (passes(event, options)) events.push(event);
      }
      yield events;
    }
  };
}
