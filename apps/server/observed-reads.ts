import { asTouchstoneError } from '@touchstone/eventing';
import type { ReadAnswer, ReadOptions, ReadQuery, Reads } from '@touchstone/readmodel';
import type { Metrics, StructuredLogger, Tracing } from '@touchstone/platform';

export interface ReadObservers {
  readonly metrics: Pick<Metrics, 'observeRead'>;
  readonly logger: Pick<StructuredLogger, 'warn'>;
  readonly tracing?: Tracing;
  /** From this on a read is told of in the log, in ms; 0: none is. */
  readonly slowMs: number;
}

/** The same reads, measured. Of a query its name is told, never what it asks for. */
export function observedReads(reads: Reads, { metrics, logger, tracing, slowMs }: ReadObservers): Reads {
  const measured = async <P, R>(query: ReadQuery<P, R>, params: P, options?: ReadOptions): Promise<ReadAnswer<R>> => {
    const start = performance.now();
    let code = 'OK';
    let ranMs = 0;
    try {
      return await reads.run(query, params, { ...options, onRun: (ms) => (ranMs = ms) });
    } catch (error) {
      code = asTouchstoneError(error)?.code ?? 'INTERNAL';
      throw error;
    } finally {
      metrics.observeRead(query.name, code, (performance.now() - start) / 1_000);
      // Who waits for their own write, or for a server to start, has no slow query.
      if (slowMs > 0 && ranMs >= slowMs) {
        const fields = { event: 'SLOW_QUERY', query: query.name, group: query.group, ms: Math.round(ranMs), code };
        logger.warn(`The query ${query.name} took ${fields.ms} ms (SLOW_QUERY_MS is ${slowMs}).`, fields, 'Reads');
      }
    }
  };
  return {
    run: (query, params, options) => {
      if (!tracing) return measured(query, params, options);
      const attributes = { 'touchstone.query': query.name, 'touchstone.group': query.group };
      return tracing.during(`read ${query.name}`, { attributes }, () => measured(query, params, options));
    },
    close: () => reads.close(),
  };
}
