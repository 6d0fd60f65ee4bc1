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

/**
 * The journey after changes to it, each once the read model shows them: events that the log gives together show as one
 * change. A read model that is behind is waited for, however long that takes.
 */
export async function* journeyChanges(
  log: Pick<EventLog, 'subscribe'>,
  reader: Pick<JourneyReader, 'journeysById'>,
  { id, after, signal }: ChangesOf,
): AsyncGenerator<Journey, void, void> {
  for await (const message of log.subscribe({ after, streams: [journeyStream(id)], signal })) {
    if (message.kind !== 'events') continue;
    const atLeast = message.events.at(-1)!.position;
    const found = await patiently(() => reader.journeysById([id], { atLeast, signal }), signal);
    if (signal.aborted) return;
    // Null: what opened the journey could not be projected.
    if (found?.[0]) yield found[0];
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
