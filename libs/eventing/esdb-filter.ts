import type { Filter } from '@eventstore/db-client';
import type { RecordedEvent } from './envelope.js';
import type { EventFilter } from './event-log.js';

/** How many events the server looks at between two words on how far it has come, times `EVERY`. */
const WINDOW = 500;
const EVERY = 2;
const NOT_ITS_OWN = '^[^$]';
/** What is longer than this is a burden for the server at every event; then the types are looked at here. */
const LONGEST_REGEX = 4_000;

/** Whether an event passes; the server's filter lets through all that do, and perhaps more. */
export const passes = (event: RecordedEvent, { types, streams }: EventFilter): boolean =>
  (types?.includes(event.type) ?? true) && (streams?.some((prefix) => event.stream.startsWith(prefix)) ?? true);

/** The coarser filter that the server is given: by types where there are any, else by streams; never its own events. */
export function serverFilter({ types, streams }: EventFilter): Filter {
  const common = { checkpointInterval: EVERY, maxSearchWindow: WINDOW };
  const byType = typesRegex(types);
  if (byType !== null) return { ...common, filterOn: 'eventType', regex: byType };
  if (streams !== undefined && streams.length > 0 && !streams.includes('')) {
    return { ...common, filterOn: 'streamName', prefixes: [...streams] };
  }
  return { ...common, filterOn: 'eventType', regex: NOT_ITS_OWN };
}

function typesRegex(types: readonly string[] | undefined): string | null {
  if (types === undefined || types.length === 0) return null;
  const regex = `^(?:${[...new Set(types)].map(escaped).join('|')})$`;
  return regex.length > LONGEST_REGEX ? null : regex;
}

const escaped = (text: string): string =>
  text.replace(/[\\^$.*+?()[\]{}|#\s/-]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
