import type { SpanContext } from '@opentelemetry/api';
import type { Position } from '@touchstone/eventing';

export interface TracedAppend {
  /** Position of the last event. */
  readonly last: Position;
  readonly context: SpanContext;
  /** Of the events, where one request caused them all. */
  readonly correlationId: string | undefined;
}

/**
 * The sampled appends of this process, the last few thousand: what is found elsewhere at their positions, or with their
 * correlation id, belongs to their traces. Nothing of a trace is written to the log (record 27).
 */
export class RecentAppends {
  /** A ring, in the order of their answers; that is nearly, not wholly, the order of positions. */
  private readonly ring: TracedAppend[] = [];
  private next = 0;
  private readonly byCorrelation = new Map<string, TracedAppend>();

  constructor(private readonly kept = 4_096) {}

  add(append: TracedAppend): void {
    const gone = this.ring[this.next];
    if (gone?.correlationId !== undefined && this.byCorrelation.get(gone.correlationId) === gone) {
      this.byCorrelation.delete(gone.correlationId);
    }
    this.ring[this.next] = append;
    this.next = (this.next + 1) % this.kept;
    if (append.correlationId !== undefined) this.byCorrelation.set(append.correlationId, append);
  }

  of(correlationId: string): SpanContext | undefined {
    return this.byCorrelation.get(correlationId)?.context;
  }

  /** Those whose last event stands behind `after` and not behind `last`, in the order of the log. */
  between(after: Position, last: Position): SpanContext[] {
    return this.ring
      .filter((append) => append.last > after && append.last <= last)
      .sort((a, b) => (a.last < b.last ? -1 : 1))
      .map(({ context }) => context);
  }
}
