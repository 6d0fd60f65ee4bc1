import {
  Kernel,
  TouchstoneError,
  type EventLog,
  type Executed,
  type ExecuteOptions,
  type RecordedEvent,
} from '@touchstone/eventing';
import type { KindInForce, MomentSpec } from './kind.js';
import { contentHash, extended, type PackContent } from './pack-body.js';
import { packDecider, packStream, PublishPack, type Pack, type PackBody } from './pack.js';

export interface PublishOptions extends ExecuteOptions {
  /** ISO instant; default the time of the decision. */
  readonly effectiveFrom?: string;
}

/**
 * What ships with the product was in force before anything else was recorded, so that a historical load may still
 * come first and be asked as of its own times.
 */
export const SINCE_EVER: PublishOptions = {
  effectiveFrom: '1970-01-01T00:00:00.000Z',
  recordedAt: 'source',
  historical: true,
};

/**
 * The packs in force, held in memory and kept up from the log, so that a publication of another process is seen too.
 * A kind that no pack has published is unknown: a command with it is refused, a fact goes to quarantine.
 */
export class PackCatalogue {
  private readonly kinds = new Map<string, KindInForce>();
  private readonly moments = new Map<string, MomentSpec & { pack: string }>();
  private readonly bodies = new Map<string, PackBody>();
  /** Of each pack's stream, as far as it was read. */
  private readonly revisions = new Map<string, number>();
  private readonly stopping = new AbortController();
  private following: Promise<void> | undefined;

  constructor(
    private readonly log: EventLog,
    private readonly kernel: Kernel,
  ) {}

  /** Reads what was published so far, then follows. */
  async start(): Promise<void> {
    const types = ['PackPublished', 'PackRetired'];
    let after: string | undefined;
    for await (const page of this.log.readAll({ types, streams: ['pack-'] })) {
      for (const event of page) this.take(event);
      after = page.at(-1)!.position;
    }
    this.following = this.follow(types, after);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.following;
  }

  /** @throws KIND_UNKNOWN */
  kind(id: string): KindInForce {
    const kind = this.kinds.get(id);
    if (!kind) {
      throw new TouchstoneError(
        'KIND_UNKNOWN',
        `No published pack has the touchpoint kind "${id}": publish it in a pack, or map it to a kind that exists.`,
        'invalid',
      );
    }
    return kind;
  }

  has(id: string): boolean {
    return this.kinds.has(id);
  }

  /**
   * Adds kinds and moments to a pack; publishes a new version only when something differs.
   * @throws KIND_TAKEN when a kind belongs to another pack
   */
  async publish(content: PackContent, { effectiveFrom, ...options }: PublishOptions = {}): Promise<Executed<Pack>> {
    for (const kind of content.kinds) {
      const holder = this.kinds.get(kind.id)?.pack;
      if (holder !== undefined && holder !== content.pack) {
        throw new TouchstoneError(
          'KIND_TAKEN',
          `The kind ${kind.id} belongs to the pack ${holder}; use another id or publish there.`,
          'refused',
        );
      }
    }
    for (let attempt = 1; ; attempt++) {
      const body = extended(this.bodies.get(content.pack), content);
      const expectedRevision = this.revisions.get(content.pack) ?? -1;
      const { pack } = content;
      try {
        const command = new PublishPack({
          pack,
          contentHash: contentHash(body),
          body,
          expectedRevision,
          effectiveFrom,
        });
        const done = await this.kernel.execute(packDecider, command, options);
        this.put(pack, done.revision, body, done.state.status === 'published' ? done.state.version : 1);
        return done;
      } catch (error) {
        if (attempt >= 20 || !(error instanceof TouchstoneError) || error.kind !== 'conflict') throw error;
        // Someone else published: lay the content over what the pack is now.
        for await (const event of this.log.readStream(packStream(pack))) this.take(event);
      }
    }
  }

  private async follow(types: string[], after: string | undefined): Promise<void> {
    const subscription = this.log.subscribe({ types, streams: ['pack-'], after, signal: this.stopping.signal });
    for await (const message of subscription) {
      if (message.kind === 'events') for (const event of message.events) this.take(event);
    }
  }

  private take(event: RecordedEvent): void {
    const { pack, version, body } = event.data as { pack: string; version: number; body: PackBody };
    if (event.type === 'PackPublished') this.put(pack, event.revision, body, version);
    else if (this.isNews(pack, event.revision)) this.drop(pack);
  }

  private put(pack: string, revision: number, body: PackBody, version: number): void {
    if (!this.isNews(pack, revision)) return;
    this.drop(pack);
    this.bodies.set(pack, body);
    for (const kind of body.kinds) this.kinds.set(kind.id, { ...kind, pack, version });
    for (const moment of body.moments) this.moments.set(moment.code, { ...moment, pack });
  }

  /** What the subscription brings may have been taken already. */
  private isNews(pack: string, revision: number): boolean {
    if ((this.revisions.get(pack) ?? -1) >= revision) return false;
    this.revisions.set(pack, revision);
    return true;
  }

  private drop(pack: string): void {
    this.bodies.delete(pack);
    for (const [id, kind] of this.kinds) if (kind.pack === pack) this.kinds.delete(id);
    for (const [code, moment] of this.moments) if (moment.pack === pack) this.moments.delete(code);
  }
}
