import type { Appended } from './event-log.js';
import type { AppendChannel } from './esdb-append.js';
import type { EncodedAppend } from './esdb-append.wire.js';

/** What the repeats of an append ask of the reading half. */
export interface Tail {
  /** The newest events of a stream, newest first, until the consumer has seen enough. */
  newest(stream: string): AsyncIterable<{ id: string; revision: number; position: Appended['position'] }>;
}

/** How the next attempt is made: `onlyOn` a certain call, where it matters who answers. */
export interface Attempt {
  readonly append: EncodedAppend;
  readonly onlyOn?: number;
}

/** How far back the events are looked for at first. */
const LOOK_BACK = 4_096;
/** After so many times that others were quicker, exactness is given up for what the server itself remembers. */
const RACES = 1;

/**
 * The repeats of an append that does not say where it goes (`any`, `exists`). The server remembers the ids of such
 * appends only for a while, and not over a restart, so each repeat is preceded by a look at the end of the stream. When
 * the events are there, that is the answer. When not, the repeat says exactly behind which event it belongs and cannot be
 * written twice. Where others append all the time, it would never get its place: then it goes as it came, but only to
 * the process that was there before the look, for that one still remembers whatever it took after it.
 */
export class Repeats {
  private lookedTo = -1;
  private races = 0;

  constructor(
    private readonly original: EncodedAppend,
    private readonly lastId: string,
    private readonly tail: Tail,
    private readonly channel: Pick<AppendChannel, 'proven'>,
  ) {}

  /** The place that was meant for the last attempt was taken by others. */
  lostRace(): void {
    this.races++;
  }

  /** Where the events stand, or how they are to be sent now. */
  async next(): Promise<Appended | Attempt> {
    const { original } = this;
    const { proven } = this.channel;
    let newest: number | null = null;
    let looked = 0;
    for await (const event of this.tail.newest(original.stream)) {
      newest ??= event.revision;
      if (event.id === this.lastId) return { revision: event.revision, position: event.position };
      if (event.revision <= this.lookedTo || ++looked >= LOOK_BACK) break;
    }
    if (newest === null) {
      // A stream that has to exist and does not: that is an answer of its own.
      return { append: original.expected === 'any' ? { ...original, expected: 'none' } : original };
    }
    this.lookedTo = newest;
    if (this.races > RACES && proven !== null) return { append: original, onlyOn: proven };
    return { append: { ...original, expected: newest } };
  }
}
