import type { NewEvent, Position, RecordedEvent } from './envelope.js';
import type { AppendRequest } from './event-log.js';

/** Events of one append at most, and their bytes: far below what a server takes at once. */
const RUN_EVENTS = 100;
const RUN_BYTES = 64_000;
/** What is sent before an answer is waited for, at most: what the embedded log writes in one transaction. */
const WINDOW_EVENTS = 1_000;
const WINDOW_BYTES = 4_000_000;

/** Events of one stream that follow one another in the log: one append. */
export interface Run {
  readonly request: AppendRequest;
  readonly events: readonly RecordedEvent[];
  readonly bytes: number;
}

/** Appends that are sent together, in the order of the log. */
export interface CopyWindow {
  readonly runs: readonly Run[];
  readonly events: number;
  /** Position in the source of its last event. */
  readonly upTo: Position;
}

/** An event as it is appended somewhere else: all of it but its place. */
export const withoutPlace = ({
  id,
  type,
  schemaVersion,
  occurredAt,
  recordedAt,
  data,
  metadata,
}: NewEvent): NewEvent => ({
  id,
  type,
  schemaVersion,
  occurredAt,
  recordedAt,
  data,
  metadata,
});

export const sizeOf = ({ data, metadata }: NewEvent): number =>
  Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(metadata));

/** Cuts pages of a log into appends and these into windows; each event stands where it stood. */
export async function* windowsOf(
  pages: AsyncIterable<readonly RecordedEvent[]>,
  inFlight: number,
): AsyncGenerator<CopyWindow> {
  let window = new WindowInTheMaking(inFlight);
  for await (const page of pages) {
    for (const event of page) {
      const bytes = sizeOf(event);
      if (!window.fits(event, bytes)) {
        yield window.done();
        window = new WindowInTheMaking(inFlight);
      }
      window.add(event, bytes);
    }
  }
  if (!window.isEmpty) yield window.done();
}

class WindowInTheMaking {
  private readonly runs: { events: RecordedEvent[]; bytes: number }[] = [];
  private events = 0;
  private bytes = 0;

  constructor(private readonly inFlight: number) {}

  get isEmpty(): boolean {
    return this.events === 0;
  }

  fits(event: RecordedEvent, bytes: number): boolean {
    if (this.isEmpty) return true;
    // What the target may find too large is sent alone: were it refused, what came behind it would stand there already.
    if (bytes > RUN_BYTES || this.runs.at(-1)!.bytes > RUN_BYTES) return false;
    if (this.events >= WINDOW_EVENTS || this.bytes + bytes > WINDOW_BYTES) return false;
    return this.continues(event, bytes) || this.runs.length < this.inFlight;
  }

  add(event: RecordedEvent, bytes: number): void {
    const run = this.runs.at(-1);
    if (run !== undefined && this.continues(event, bytes)) {
      run.events.push(event);
      run.bytes += bytes;
    } else this.runs.push({ events: [event], bytes });
    this.events++;
    this.bytes += bytes;
  }

  done(): CopyWindow {
    const runs = this.runs.map(({ events, bytes }): Run => {
      const { stream, revision } = events[0]!;
      const expected = revision === 0 ? 'none' : revision - 1;
      return { request: { stream, expected, events: events.map(withoutPlace) }, events, bytes };
    });
    return { runs, events: this.events, upTo: runs.at(-1)!.events.at(-1)!.position };
  }

  private continues(event: RecordedEvent, bytes: number): boolean {
    const run = this.runs.at(-1);
    return (
      run !== undefined &&
      run.events.length < RUN_EVENTS &&
      run.bytes + bytes <= RUN_BYTES &&
      run.events.at(-1)!.stream === event.stream &&
      run.events.at(-1)!.revision + 1 === event.revision
    );
  }
}
