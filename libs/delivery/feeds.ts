import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { EventRegistry, type EventLog, type Position, type RecordedEvent } from '@touchstone/eventing';
import type { EventInContext } from '@touchstone/journeys';
import { CONFIG, EVENT_LOG, Metrics, READS, reportOf, type Config, type DefectSink } from '@touchstone/platform';
import type { Reads } from '@touchstone/readmodel';
import { EventContexts } from './event-contexts.js';
import { EventFeed, type FeedPage } from './event-feed.js';
import type { FeedFilter, FeedStart } from './feed-filter.js';
import { FeedMetrics } from './feed-metrics.js';
import { OpenFeeds, type OpenFeed, type Transport } from './open-feeds.js';
import type { Delivery } from './outgoing-event.js';
import { paced } from './paced-items.js';

/** How long somebody who asks for a page waits for the read model, in ms. */
const QUERY_MS = 10_000;

/** A feed that was asked for: checked, counted, and ready to be read. */
export interface Opened {
  readonly feed: OpenFeed;
  readonly after: Position | undefined;
  readonly pages: AsyncGenerator<FeedPage, void, void>;
}

/** The feeds of this process, whoever reads them and how. */
@Injectable()
export class Feeds implements OnModuleDestroy {
  private readonly logger = new Logger('Feeds');
  private readonly contexts: EventContexts;
  private readonly events: EventFeed;
  private readonly open: OpenFeeds;
  readonly slowMs: number;

  constructor(
    @Inject(EVENT_LOG) log: EventLog,
    @Inject(READS) reads: Reads,
    @Inject(EventRegistry) registry: EventRegistry,
    @Inject(CONFIG) config: Pick<Config, 'feedMaxOpen' | 'feedSlowMs'>,
    @Inject(Metrics) metrics: Metrics,
  ) {
    const meter = new FeedMetrics(metrics.registry);
    this.contexts = new EventContexts({ log, reads });
    this.events = new EventFeed({ log, registry, contexts: this.contexts });
    this.open = new OpenFeeds(config.feedMaxOpen, meter);
    this.slowMs = config.feedSlowMs;
    meter.collect(() => this.open.all);
  }

  /** Takes our own defects. */
  readonly sink: DefectSink = (error, correlationId) => this.logger.error(error, { event: 'DEFECT', correlationId });

  /** @throws EVENT_TYPE_UNKNOWN, INVALID_POSITION, FEEDS_TOO_MANY, FEEDS_STOPPING */
  async start(transport: Transport, start: FeedStart, filter: FeedFilter): Promise<Opened> {
    this.events.check(filter);
    const after = await this.events.startOf(start);
    const feed = this.open.open(transport);
    return { feed, after, pages: this.events.pages({ after, filter, signal: feed.signal }) };
  }

  /**
   * One event after the other, for whoever takes them one by one. It ends with an error that says why.
   * @throws as `start`; while it is read FEED_TOO_SLOW, FEED_BEHIND, FEEDS_STOPPING
   */
  async items(start: FeedStart, filter: FeedFilter): Promise<AsyncIterableIterator<Delivery>> {
    return paced(await this.start('graphql', start, filter), this.slowMs, (error) => reportOf(error, this.sink).code);
  }

  /** What stood around events, for readers of the log that are no feed. */
  contextsOf(events: readonly RecordedEvent[]): Promise<readonly EventInContext[]> {
    return this.contexts.of(events, QUERY_MS);
  }

  /** Readers are told, and given a moment to hear it, before the server closes. */
  onModuleDestroy(): Promise<void> {
    return this.open.stop();
  }
}
