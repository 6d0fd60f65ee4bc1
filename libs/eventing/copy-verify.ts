import { Digesting, textOf, type LogDigest } from './copy-digest.js';
import type { CopySource } from './copy-ends.js';
import { differs, isIncomplete, sourceChanged, stopped, targetIsAhead, targetIsOtherLog } from './copy-errors.js';
import { differenceOf, inOne } from './copy-resume.js';
import type { Position } from './envelope.js';
import type { TouchstoneError } from './errors.js';

export interface Verifying {
  readonly source: CopySource;
  readonly target: CopySource;
  readonly names: { readonly source: string; readonly target: string };
  /** Position in the source of the last event that the target has to have; absent: all that is there now. */
  readonly upTo?: Position;
  readonly onEvent: (events: number, at: Position) => void;
  readonly signal?: AbortSignal;
}

/**
 * Reads both logs from their first event on and compares them event by event: count, order, and all that an event says.
 * @returns the digest that both have, so that it can be compared another day
 * @throws COPY_TARGET_NOT_EMPTY, COPY_DIFFERS, COPY_INCOMPLETE, COPY_TARGET_AHEAD, COPY_SOURCE_CHANGED
 */
export async function verifyCopy({ source, target, names, upTo, onEvent, signal }: Verifying): Promise<LogDigest> {
  const digest = new Digesting();
  const [ours, theirs] = [inOne(source.readAll()), inOne(target.readAll())];
  let reached: Position | undefined;
  try {
    for (;;) {
      if (signal?.aborted) throw stopped();
      const isOver = upTo !== undefined && reached === upTo;
      const [a, b] = await Promise.all([isOver ? OVER : ours.next(), theirs.next()]);
      if (a.done && b.done) break;
      if (a.done) throw upTo === undefined || isOver ? targetIsAhead(names.target, b.value!) : shorter(names.source);
      if (b.done) throw isIncomplete(names.target, digest.events, a.value);
      const difference = differenceOf(a.value, b.value);
      if (difference !== null && digest.events === 0) throw targetIsOtherLog(names.target, b.value);
      if (difference !== null) throw differs(names.target, { event: digest.events + 1, ...difference });
      digest.add(textOf(a.value));
      reached = a.value.position;
      onEvent(digest.events, reached);
    }
  } finally {
    await Promise.all([ours.return(), theirs.return()]);
  }
  if (upTo !== undefined && reached !== upTo) throw shorter(names.source);
  return digest.done();
}

const OVER = { done: true, value: undefined } as const;

const shorter = (source: string): TouchstoneError =>
  sourceChanged(source, 'events that were copied from it are not there any more');
