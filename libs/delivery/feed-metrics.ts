import { Counter, Gauge, type Registry } from 'prom-client';
import type { FeedMeter, OpenFeed, Transport } from './open-feeds.js';

const TRANSPORTS: readonly Transport[] = ['sse', 'poll', 'graphql'];

/** The instruments of feeds, for Prometheus. */
export class FeedMetrics implements FeedMeter {
  private readonly events: Counter<'transport'>;
  private readonly openings: Counter<'transport'>;
  private readonly refusals: Counter<'transport'>;
  private readonly ends: Counter<'transport' | 'reason'>;

  constructor(private readonly registry: Registry) {
    const counter = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
      new Counter({ name: `touchstone_feed${name}`, help, labelNames, registers: [registry] });
    this.events = counter('_events_total', 'Events given to subscribers.', ['transport']);
    this.openings = counter('s_opened_total', 'Feeds that were opened.', ['transport']);
    this.refusals = counter('s_refused_total', 'Feeds that were refused since too many are open.', ['transport']);
    this.ends = counter('s_ended_total', 'Feeds that ended, by the code that their reader was told.', [
      'transport',
      'reason',
    ]);
  }

  /** Asks for the open feeds at each scrape. */
  collect(open: () => Iterable<OpenFeed>): void {
    const gauge = (name: string, help: string, value: (feeds: readonly OpenFeed[]) => number) =>
      new Gauge({
        name: `touchstone_feed${name}`,
        help,
        labelNames: ['transport'],
        registers: [this.registry],
        collect() {
          const feeds = [...open()];
          for (const transport of TRANSPORTS)
            this.set({ transport }, value(feeds.filter((feed) => feed.transport === transport)));
        },
      });
    gauge('s_open', 'Feeds that are open.', (feeds) => feeds.length);
    gauge(
      '_lag_seconds',
      'How long the open feed that is behind the longest has been behind the log.',
      (feeds) => feeds.reduce((most, feed) => Math.max(most, feed.lagMs()), 0) / 1_000,
    );
    gauge('_buffered_bytes', 'Bytes made for the readers of open feeds that the network has not taken yet.', (feeds) =>
      feeds.reduce((sum, feed) => sum + feed.buffered(), 0),
    );
  }

  opened(transport: Transport): void {
    this.openings.inc({ transport });
  }

  refused(transport: Transport): void {
    this.refusals.inc({ transport });
  }

  sent(transport: Transport, events: number): void {
    this.events.inc({ transport }, events);
  }

  ended(transport: Transport, reason: string): void {
    this.ends.inc({ transport, reason });
  }
}
