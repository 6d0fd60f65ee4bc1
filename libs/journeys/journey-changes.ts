import { setTimeout as sleep } from 'node:timers/promises';
import { TouchstoneError, type EventLog } from '@touchstone/eventing';
import type { JourneyReader } from './journey-reader.js';
import { journeyStream } from './journey.events.js';
import type { Journey } from './journeys.graphql.js';

export interface ChangesOf {
  readonly id: string;
  /** Position in the log. */
  readonly after: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Between two tries while the read model is behind; it waits within each try too. */
const PAUSE_MS = 250;

/** Events after which other journeys than before may be seen as one with this one. */
const LINKING: ReadonlySet<string> = new Set([
  'JourneysMerged',
  'JourneysUnmerged',
  'JourneySplit',
  'JourneyPartAdded',
]);

/**
 * The journey after changes to it or to any part of it, each once the read model shows them: events that the log gives
 * together show as one change. It follows all that is seen as one with it, also what is merged or taken apart meanwhile. A
 * read model that is behind is waited for, however long that takes.
 */
export async function* journeyChanges(
  log: Pick<EventLog, 'subscribe'>,
  reader: Pick<JourneyReader, 'journeysById' | 'partsOf'>,
  { id, after, signal }: ChangesOf,
): AsyncGenerator<Journey, void, void> {
  let place = after;
  for (let relinked = true; relinked && !signal.aborted;) {
    relinked = false;
    const parts = await patiently(() => reader.partsOf(id, { atLeast: place, signal }), signal);
    if (!parts) return;
    for await (const message of log.subscribe({ after: place, streams: parts.map(journeyStream), signal })) {
      if (message.kind !== 'events') continue;
      place = message.events.at(-1)!.position;
      const found = await patiently(() => reader.journeysById([id], { atLeast: place, signal }), signal);
      if (signal.aborted) return;
      // Null: what opened the journey could not be projected.
      if (found?.[0]) yield found[0];
      relinked = message.events.some(({ type }) => LINKING.has(type));
      if (relinked) break;
    }
  }
}

/** Undefined: given up by the signal. */
async function patiently<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await read();
    } catch (error) {
      if (signal.aborted) break;
      if (!(error instanceof TouchstoneError) || error.kind !== 'busy') throw error;
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}
