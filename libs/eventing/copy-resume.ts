import { textOf } from './copy-digest.js';
import type { CopySource } from './copy-ends.js';
import { differs, targetIsAhead, targetIsOtherLog, type Difference } from './copy-errors.js';
import type { Position, RecordedEvent } from './envelope.js';

/** Where a copy goes on: what both logs end with, so far. */
export interface Resume {
  /** Position in the source of the last event that the target has; absent: it has none. */
  readonly after: Position | undefined;
  /** Position of the same event in the target. */
  readonly last: Position | undefined;
}

/** More than was ever under way at a time when a copy was cut off. */
const LOOKED_BACK = 2_500;

/**
 * Finds out from the target itself where to read on. It has to begin as the source does, and end with events that stand
 * in the source just so; that all between them is equal too is shown at the end of the copy.
 * @throws COPY_TARGET_NOT_EMPTY, COPY_TARGET_AHEAD, COPY_DIFFERS
 */
export async function resumeOf(source: CopySource, target: CopySource, shown: string): Promise<Resume> {
  const last = await lastOf(target);
  if (last === null) return { after: undefined, last: undefined };
  const [first, begins] = await Promise.all([firstOf(source), firstOf(target)]);
  if (first === null || textOf(first) !== textOf(begins!)) throw targetIsOtherLog(shown, begins!);
  const same = await eventAt(source, last);
  if (same === null || textOf(same) !== textOf(last)) throw await notItsEnd(source, target, last, same, shown);
  await compareBack(source, target, { source: same.position, target: last.position }, shown);
  return { after: same.position, last: last.position };
}

/** The target ends with an event that the source does not have there: was it used since, or is it no copy at all? */
async function notItsEnd(
  source: CopySource,
  target: CopySource,
  last: RecordedEvent,
  instead: RecordedEvent | null,
  shown: string,
): Promise<Error> {
  const end = await lastOf(source);
  const there = end && (await eventAt(target, end));
  if (instead === null && there && textOf(there) === textOf(end!)) {
    for await (const [next] of target.readAll({ after: there.position, max: 1 })) return targetIsAhead(shown, next!);
  }
  return differs(shown, { source: named(instead), target: named(last) });
}

async function compareBack(
  source: CopySource,
  target: CopySource,
  from: { readonly source: Position; readonly target: Position },
  shown: string,
): Promise<void> {
  const back = (log: CopySource, after: Position) =>
    inOne(log.readAll({ after, direction: 'backwards', max: LOOKED_BACK }));
  const [ours, theirs] = [back(source, from.source), back(target, from.target)];
  try {
    for (;;) {
      const [a, b] = await Promise.all([ours.next(), theirs.next()]);
      if (a.done && b.done) return;
      const difference = differenceOf(a.done ? null : a.value, b.done ? null : b.value);
      if (difference !== null) throw differs(shown, difference);
    }
  } finally {
    // A reading that is left in the middle keeps its connection, and that the process.
    await Promise.all([ours.return(), theirs.return()]);
  }
}

/** Null when the two are equal but for their positions. */
export function differenceOf(source: RecordedEvent | null, target: RecordedEvent | null): Difference | null {
  if (source !== null && target !== null && textOf(source) === textOf(target)) return null;
  return { source: named(source), target: named(target) };
}

const named = (event: RecordedEvent | null): string =>
  event === null ? 'nothing' : `${event.id} (${event.type}, ${event.stream} revision ${event.revision})`;

/** The event with the stream and revision of another log's event. */
async function eventAt(log: CopySource, { stream, revision }: RecordedEvent): Promise<RecordedEvent | null> {
  for await (const event of log.readStream(stream, { from: revision, max: 1 })) return event;
  return null;
}

export async function firstOf(log: CopySource): Promise<RecordedEvent | null> {
  for await (const [event] of log.readAll({ max: 1 })) return event!;
  return null;
}

export async function lastOf(log: CopySource): Promise<RecordedEvent | null> {
  for await (const [event] of log.readAll({ direction: 'backwards', max: 1 })) return event!;
  return null;
}

/** The events of pages, one by one. */
export async function* inOne(pages: AsyncIterable<readonly RecordedEvent[]>): AsyncGenerator<RecordedEvent, void> {
  for await (const page of pages) yield* page;
}
