import type { Term } from './campaign.js';
import { pauseFor } from './pause.js';
import type { Projections } from './projections.js';
import type { ProjectorCall } from './projector-worker.js';
import { toWire } from './runner-status.js';
import type { StoredAnswer } from './shared-projections.js';
import type { SharedStore } from './shared-store.js';
import { channelOf, type News, type StoreNews } from './store-news.js';

/** How often it is told how a group stands, and looked for what was asked, without news of either. ms */
const PUBLISH_EVERY_MS = 1_000;

export interface PublishedProjectionsOptions {
  readonly store: SharedStore;
  readonly news: StoreNews;
  /** What keeps the group up in this process. */
  readonly host: Pick<
    Projections,
    'status' | 'parked' | 'retryParked' | 'skipParked' | 'rebuild' | 'rollback' | 'onCheckpoint'
  >;
  readonly group: string;
  readonly term: Pick<Term, 'epoch' | 'lost'>;
}

/**
 * Tells other processes how a group stands that this one keeps up, and does what they ask of it. What one of an earlier term
 * still tells is not believed.
 */
export class PublishedProjections {
  private readonly ended = new AbortController();
  private readonly signal: AbortSignal;
  private readonly inHand = new Set<Promise<void>>();

  constructor(private readonly options: PublishedProjectionsOptions) {
    this.signal = AbortSignal.any([options.term.lost, this.ended.signal]);
  }

  /** Resolves once the term is over and what was asked before that is answered. */
  async run(): Promise<void> {
    const { news, group } = this.options;
    let wake = () => {};
    const quiet = news.on((told) => told.kind === 'asked' && told.group === group && wake());
    // There is a row from here on.
    await this.publish().catch(() => undefined);
    const following = this.followCheckpoint();
    try {
      while (!this.signal.aborted) {
        const early = new AbortController();
        wake = () => early.abort();
        // What PostgreSQL has to say against it is told by the store.
        await this.serve().catch(() => undefined);
        await this.publish().catch(() => undefined);
        await pauseFor(PUBLISH_EVERY_MS, AbortSignal.any([this.signal, early.signal]));
      }
    } finally {
      quiet();
      this.ended.abort();
      await following;
      await Promise.all(this.inHand);
    }
  }

  private async followCheckpoint(): Promise<void> {
    const { host, group, store, term } = this.options;
    for await (const checkpoint of host.onCheckpoint(group, { signal: this.signal })) {
      // One that is frozen and thaws has lost its term by its own clock, too.
      if (this.signal.aborted) return;
      const news: News = { kind: 'checkpoint', group, checkpoint };
      await store
        .query(
          `with put as (update projection_state set checkpoint = $3
             where group_name = $1 and epoch = $2 and checkpoint < $3 returning 1)
           select pg_notify($4, $5) from (select count(*) from put) as put`,
          [group, term.epoch, checkpoint, channelOf(store.schema), JSON.stringify(news)],
        )
        // The next one says as much, and whoever waits looks by itself.
        .catch(() => pauseFor(50, this.signal));
    }
  }

  private async publish(): Promise<void> {
    const { group, store, term } = this.options;
    const status = await this.ownStatus();
    if (!status) return;
    await store.query(
      `insert into projection_state as p (group_name, epoch, checkpoint, status, published_at)
       values ($1, $2, $3, $4, clock_timestamp())
       on conflict (group_name) do update set epoch = excluded.epoch, status = excluded.status,
         published_at = excluded.published_at, checkpoint = case
           when p.epoch = excluded.epoch then greatest(p.checkpoint, excluded.checkpoint) else excluded.checkpoint end
       where p.epoch <= excluded.epoch`,
      [group, term.epoch, status.checkpoint, JSON.stringify(status)],
    );
  }

  private async ownStatus() {
    const { host, group } = this.options;
    return (await host.status()).find((status) => status.group === group);
  }

  private async serve(): Promise<void> {
    const { store, group, term } = this.options;
    const asked = await store.query<{ id: string; call: ProjectorCall }>(
      `update projection_request set taken_by = $2 where id in (
         select id from projection_request where group_name = $1 and taken_by is null and expires_at > clock_timestamp()
         order by asked_at for update skip locked)
       returning id, call`,
      [group, term.epoch],
    );
    // Of processes that ended while they waited.
    await store.query(`delete from projection_request where asked_at < clock_timestamp() - interval '1 day'`);
    for (const { id, call } of asked) {
      const doing = this.answer(id, call).finally(() => this.inHand.delete(doing));
      this.inHand.add(doing);
    }
  }

  private async answer(id: string, call: ProjectorCall): Promise<void> {
    const { store } = this.options;
    const answer: StoredAnswer = await this.carryOut(call).then(
      (value) => ({ value: value ?? null }),
      (error: unknown) => ({ error: toWire(error, 'PROJECTOR_FAILED') }),
    );
    // Whoever asks next how it stands is to find what this led to.
    await this.publish().catch(() => undefined);
    const news: News = { kind: 'answered', id };
    await store
      .query(
        `with put as (update projection_request set answer = $2 where id = $1 returning 1)
         select pg_notify($3, $4) from put`,
        [id, JSON.stringify(answer), channelOf(store.schema), JSON.stringify(news)],
      )
      // Who asked gives up by itself.
      .catch(() => undefined);
  }

  private async carryOut(call: ProjectorCall): Promise<unknown> {
    const { host } = this.options;
    switch (call.method) {
      case 'status':
        return host.status();
      case 'parked':
        return host.parked(call.group, call.options);
      case 'retry':
        return host.retryParked(call.group, call.stream);
      case 'skip':
        return host.skipParked(call.group, call.stream, call.revision, call.reason, call.actor);
      case 'rebuild':
        return host.rebuild(call.group);
      case 'rollback':
        return host.rollback(call.group);
    }
  }
}
