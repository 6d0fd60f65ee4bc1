import { TouchstoneError, isInstant, type Position, type RecordedEvent } from '@touchstone/eventing/pure';
import type { EventLog } from '@touchstone/eventing';
import type { Located, RecordedEntry, Sought } from './generation-reader.js';
import type { AsOf } from './query.js';
import type { AsOfInput } from './reads.js';

/** What resolving a past moment needs of the event log. */
export type AsOfLog = Pick<EventLog, 'readAll' | 'comparePositions'>;

export interface AsOfSources {
  readonly log: AsOfLog;
  /** Looks into the recorded-time index of the active generation. */
  locate(sought: Sought): Promise<Located>;
  /** Waits, within the caller's time limit, until the group has passed the position. @throws NOT_YET_PROJECTED */
  waitFor(position: Position): Promise<void>;
}

/** Events read at a time; two entries of the index are never further apart. */
const PAGE = 256;

/**
 * The pair that a question about the past means. A position: its recorded time, which is the running maximum of
 * `recordedAt` up to it, so that time never goes backwards along the log. A moment: the last position recorded at or
 * before it, by the same maximum, judged at that moment. A pair stays as it is: it is an earlier answer's.
 * @throws INVALID_INSTANT, INVALID_POSITION (invalid), NOT_YET_PROJECTED (busy)
 */
export async function resolveAsOf(input: AsOfInput, sources: AsOfSources): Promise<AsOf> {
  if (input.position === undefined) {
    const instant = utc(input.instant ?? '');
    return { position: await positionAt(Date.parse(instant), sources), instant };
  }
  // The log knows what its positions look like.
  sources.log.comparePositions(input.position, input.position);
  await sources.waitFor(input.position);
  if (input.instant !== undefined) return { position: input.position, instant: utc(input.instant) };
  return { position: input.position, instant: new Date(await recordedAt(input.position, sources)).toISOString() };
}

async function recordedAt(position: Position, sources: AsOfSources): Promise<number> {
  const { entry } = await sources.locate({ position });
  let latest = entry?.recordedMs ?? 0;
  if (entry?.position === position) return latest;
  for await (const { event, recordedMs } of walk(sources.log, entry)) {
    if (event.position > position) break;
    latest = recordedMs;
  }
  return latest;
}

async function positionAt(instantMs: number, sources: AsOfSources): Promise<Position> {
  for (;;) {
    const { entry, checkpoint } = await sources.locate({ instantMs });
    let found = entry?.position ?? '';
    let seen = 0;
    for await (const { event, recordedMs } of walk(sources.log, entry)) {
      if (recordedMs > instantMs) return found || beforeAll(event.position);
      found = event.position;
      // Behind the checkpoint nothing is indexed: no need to find the very place before waiting for it.
      if (found > checkpoint.position && ++seen >= PAGE) break;
    }
    if (found <= checkpoint.position) return found || checkpoint.position;
    await sources.waitFor(found);
    if (seen < PAGE) return found;
  }
}

/** Events after an index entry, each with the running maximum of recorded time. */
async function* walk(
  log: AsOfLog,
  from: RecordedEntry | null,
): AsyncGenerator<{ event: RecordedEvent; recordedMs: number }, void, void> {
  let recordedMs = from?.recordedMs ?? 0;
  for await (const page of log.readAll({ after: from?.position || undefined, pageSize: PAGE })) {
    for (const event of page) {
      const ms = Date.parse(event.recordedAt);
      if (ms > recordedMs) recordedMs = ms;
      yield { event, recordedMs };
    }
  }
}

/** A position before every event of the log that has this one: of the same width, so that it sorts. */
const beforeAll = (position: Position): Position => '0'.repeat(position.length);

function utc(instant: string): string {
  if (!isInstant(instant)) throw invalidInstant(instant);
  return new Date(instant).toISOString();
}

const invalidInstant = (instant: string) =>
  new TouchstoneError(
    'INVALID_INSTANT',
    `"${instant}" is no moment; write a date and time with a zone, such as 2024-05-01T08:00:00+08:00.`,
    'invalid',
  );
