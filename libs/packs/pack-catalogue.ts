import {
  EventRegistry,
  type Kernel,
  TouchstoneError,
  type EventLog,
  type Executed,
  type ExecuteOptions,
  type RecordedEvent,
} from '@touchstone/eventing';
import type { CorrelationInForce } from './correlation-rule.js';
import { CorrelationRules } from './correlation-rules.js';
import type { AttributeSpec, ExperiencePolicy, KindInForce, KindSpec, LabelInForce, MomentInForce } from './kind.js';
import { contentHash, extended, type PackContent } from './pack-body.js';
import {
  packDecider,
  PackPublished,
  PackRetired,
  packStream,
  PublishPack,
  refuseTwice,
  RetirePack,
  type Pack,
  type PackBody,
  type PackEvent,
} from './pack.js';

export interface PublishOptions extends ExecuteOptions {
  /** ISO instant; default the time of the decision. */
  readonly effectiveFrom?: string;
}

/** What became of a pack that ships with the product. */
export interface Shipped {
  readonly pack: string;
  /** False: a pack of this id was published here before one shipped; it stays in force as it is. */
  readonly inForce: boolean;
  /** Kinds and moments of it that another pack here has had before: they stay as they are there. */
  readonly leftOut: readonly string[];
}

/**
 * What ships with the product was in force before anything else was recorded, so that a historical load may still
 * come first and be asked as of its own times. True of the first publication only: a later one is in force from then.
 */
const SINCE_EVER: PublishOptions = {
  effectiveFrom: '1970-01-01T00:00:00.000Z',
  recordedAt: 'source',
  historical: true,
};

/** Other processes may publish into the same pack at once. */
const MAX_ATTEMPTS = 20;

/**
 * The packs in force, held in memory and kept up from the log, so that a publication of another process is seen too.
 * A kind that no pack has published is unknown: a command with it is refused, a fact goes to quarantine.
 */
export class PackCatalogue {
  private readonly kinds = new Map<string, KindInForce>();
  private readonly moments = new Map<string, MomentInForce>();
  private readonly experiences = new Map<string, ExperiencePolicy & { pack: string; version: number }>();
  private readonly rules = new CorrelationRules();
  /** Position of the last publication, where one is known: what was recorded before it went by older rules. */
  private rulesSince: string | undefined;
  private readonly bodies = new Map<string, PackBody>();
  private readonly shipped = new Set<string>();
  /** Kept when a pack retires: what is about a person stays so in every pack that has the kind later. */
  private readonly marks = new Map<string, Map<string, AttributeSpec>>();
  /** Of each pack's stream, as far as it was read. */
  private readonly revisions = new Map<string, number>();
  private readonly read = new EventRegistry([PackPublished, PackRetired]).read;
  private readonly stopping = new AbortController();
  private following: Promise<void> | undefined;
  private fault: unknown;

  constructor(
    private readonly log: EventLog,
    private readonly kernel: Kernel,
  ) {}

  /** Reads what was published so far, then follows. @throws what reading an event throws that is not understood here */
  async start(): Promise<void> {
    const types = ['PackPublished', 'PackRetired'];
    let after: string | undefined;
    for await (const page of this.log.readAll({ types, streams: ['pack-'] })) {
      for (const event of page) this.take(event);
      after = page.at(-1)!.position;
    }
    this.following = this.follow(types, after).catch((fault: unknown) => {
      this.fault = fault;
    });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.following;
  }

  /** @throws KIND_UNKNOWN, and what ended the following of the log: nobody knows then what is in force */
  kind(id: string): KindInForce {
    this.mustFollow();
    const kind = this.kinds.get(id);
    if (kind) return kind;
    const message = `No published pack has the touchpoint kind "${id}": publish it in a pack, or map it to a kind that exists.`;
    throw new TouchstoneError('KIND_UNKNOWN', message, 'invalid');
  }

  /** A code of a moment of truth. @throws MOMENT_UNKNOWN, and what `kind` throws of the log */
  moment(code: string): MomentInForce {
    this.mustFollow();
    const moment = this.moments.get(code);
    if (moment) return moment;
    const message = `No published pack has the moment "${code}": give a code of "momentCodes", or publish it in a pack.`;
    throw new TouchstoneError('MOMENT_UNKNOWN', message, 'invalid');
  }

  /**
   * The word for a gap from -2 to +2 (experience less expectation), or null where no pack has words for experience.
   * A pack of one's own comes before what ships.
   * @throws what `kind` throws of the log
   */
  experienceLabel(gap: number): LabelInForce | null {
    this.mustFollow();
    const policy = byPrecedence([...this.experiences.values()], ({ pack }) => this.shipped.has(pack))[0];
    const label = policy?.labels.find(({ from, to }) => from <= gap && gap <= to);
    return policy && label ? { id: label.id, pack: policy.pack, version: policy.version } : null;
  }

  /**
   * The rule by which touchpoints without a journey find one: of the type of journey given; else of the type that claims
   * the kind. Null: there is none. A type that has no rule of its own has the default one.
   * @throws what `kind` throws of the log
   */
  correlation(kind: string, journeyType?: string): { rule: CorrelationInForce; journeyType: string } | null {
    this.mustFollow();
    return this.rules.find(kind, journeyType);
  }

  /** Where the rules in force were published last; undefined where that is not known. */
  get correlationSince(): string | undefined {
    return this.rulesSince;
  }

  private mustFollow(): void {
    if (this.fault !== undefined) throw this.fault as Error;
  }

  has(id: string): boolean {
    return this.kinds.has(id);
  }

  /**
   * Adds kinds and moments to a pack; publishes a new version only when something differs.
   * @throws KIND_TWICE, MOMENT_TWICE, KIND_TAKEN, MOMENT_TAKEN when another pack has it, MOMENT_COUNTER_INVALID,
   * KIND_ID_RESERVED, EXPERIENCE_LABELS_INVALID, EXPERIENCE_LABELS_TAKEN, PACK_SHIPPED
   */
  async publish(content: PackContent, options: PublishOptions = {}): Promise<Executed<Pack>> {
    this.check(content);
    return this.layOver(content, () => options);
  }

  /**
   * Publishes what ships with the product, where it differs from what is in force: since ever when the pack is new
   * here, else from now on. What was published here before stays, so that an upgrade takes nothing from anyone.
   */
  async ship(content: PackContent): Promise<Shipped> {
    const foreign = (holder: { pack: string } | undefined) => holder !== undefined && holder.pack !== content.pack;
    const { pack, kinds, moments = [] } = content;
    const mine = {
      ...content,
      kinds: kinds.filter((kind) => !foreign(this.kinds.get(kind.id))),
      moments: moments.filter((moment) => !foreign(this.moments.get(moment.code))),
    };
    const leftOut = [
      ...kinds.filter((kind) => !mine.kinds.includes(kind)).map((kind) => kind.id),
      ...moments.filter((moment) => !mine.moments.includes(moment)).map((moment) => moment.code),
    ];
    try {
      await this.layOver(mine, (revision) => (revision < 0 ? SINCE_EVER : {}), true);
    } catch (error) {
      if (!(error instanceof TouchstoneError) || error.code !== 'PACK_TAKEN') throw error;
      return { pack, inForce: false, leftOut };
    }
    return { pack, inForce: true, leftOut };
  }

  /** Takes a pack out of force: its kinds and moments become unknown. @throws PACK_UNKNOWN, PACK_SHIPPED */
  async retire(pack: string, reason: string, options: ExecuteOptions = {}): Promise<Executed<Pack>> {
    const done = await this.kernel.execute(packDecider, new RetirePack({ pack, reason }), options);
    if (done.state.status === 'retired' && this.isNews(pack, done.revision)) this.drop(pack, done.position);
    return done;
  }

  private async layOver(
    content: PackContent,
    optionsAt: (revision: number) => PublishOptions,
    shipped = false,
  ): Promise<Executed<Pack>> {
    const { pack } = content;
    for (let attempt = 1; ; attempt++) {
      const body = extended(this.bodies.get(pack), content, this.marks);
      const expectedRevision = this.revisions.get(pack) ?? -1;
      const { effectiveFrom, ...options } = optionsAt(expectedRevision);
      const command = { pack, contentHash: contentHash(body), body, expectedRevision, effectiveFrom, shipped };
      try {
        const done = await this.kernel.execute(packDecider, new PublishPack(command), options);
        if (done.state.status === 'published') {
          const { version, shipped: isShipped } = done.state;
          this.put({ pack, body, version, shipped: isShipped }, done.revision, done.position);
        }
        return done;
      } catch (error) {
        if (attempt >= MAX_ATTEMPTS || !(error instanceof TouchstoneError) || error.kind !== 'conflict') throw error;
        // Someone else published: lay the content over what the pack is now.
        for await (const event of this.log.readStream(packStream(pack))) this.take(event);
      }
    }
  }

  private check({ pack, kinds, moments = [], experience, correlation = [] }: PackContent): void {
    const once = (what: string) => (id: string) => `The ${what} ${id} is given twice; keep one.`;
    refuseTwice(
      'KIND_TWICE',
      kinds.map((kind) => kind.id),
      once('kind'),
    );
    refuseTwice(
      'MOMENT_TWICE',
      moments.map((moment) => moment.code),
      once('moment'),
    );
    for (const { id } of kinds) this.refuseForeign('KIND_TAKEN', `kind ${id}`, pack, this.kinds.get(id));
    for (const { code } of moments) this.refuseForeign('MOMENT_TAKEN', `moment ${code}`, pack, this.moments.get(code));
    if (experience) this.refuseSecondPolicy(pack);
    this.rules.check(pack, correlation);
    const given = new Map(moments.map((moment) => [moment.code, moment]));
    for (const { code, polarity, counter } of moments) {
      if (counter === undefined) continue;
      const answer = given.get(counter) ?? this.moments.get(counter);
      if (polarity === 'negative' && answer?.polarity === 'positive') continue;
      const message = `${code} names the counter ${counter}: a negative moment names a positive one that is published.`;
      throw new TouchstoneError('MOMENT_COUNTER_INVALID', message, 'invalid');
    }
  }

  /** Of two packs of one's own nobody could say whose words hold; those that ship are there to be laid over. */
  private refuseSecondPolicy(pack: string): void {
    const holder = [...this.experiences.keys()].find((other) => other !== pack && !this.shipped.has(other));
    if (holder === undefined) return;
    const message = `The pack ${holder} has experience labels already; publish them there, or retire it.`;
    throw new TouchstoneError('EXPERIENCE_LABELS_TAKEN', message, 'refused');
  }

  private refuseForeign(code: string, what: string, pack: string, holder: { pack: string } | undefined): void {
    if (!holder || holder.pack === pack) return;
    const way = this.shipped.has(holder.pack)
      ? `ships in the pack ${holder.pack} and cannot be changed here; use another id.`
      : `belongs to the pack ${holder.pack}; use another id or publish there.`;
    throw new TouchstoneError(code, `The ${what} ${way}`, 'refused');
  }

  private async follow(types: string[], after: string | undefined): Promise<void> {
    const subscription = this.log.subscribe({ types, streams: ['pack-'], after, signal: this.stopping.signal });
    for await (const message of subscription) {
      if (message.kind === 'events') for (const event of message.events) this.take(event);
    }
  }

  private take(recorded: RecordedEvent): void {
    const event = this.read(recorded) as RecordedEvent & PackEvent;
    if (event.type === 'PackPublished') this.put(event.data, event.revision, event.position);
    else if (this.isNews(event.data.pack, event.revision)) this.drop(event.data.pack, event.position);
  }

  private put(
    published: { pack: string; version: number; shipped?: boolean; body: PackBody },
    revision: number,
    position: string,
  ): void {
    const { pack, version, shipped, body } = published;
    for (const kind of body.kinds) this.mark(kind);
    if (!this.isNews(pack, revision)) return;
    this.drop(pack, position);
    this.bodies.set(pack, body);
    if (shipped) this.shipped.add(pack);
    for (const kind of body.kinds) this.kinds.set(kind.id, { ...kind, pack, version });
    for (const moment of body.moments) this.moments.set(moment.code, { ...moment, pack, version });
    if (body.experience) this.experiences.set(pack, { ...body.experience, pack, version });
    this.rules.put(pack, { version, shipped: shipped ?? false, rules: body.correlation ?? [] });
  }

  private mark({ id, attributes = {} }: KindSpec): void {
    const personal = Object.entries(attributes).filter(([, spec]) => spec.personal);
    if (personal.length > 0) this.marks.set(id, new Map([...(this.marks.get(id) ?? []), ...personal]));
  }

  /** What the subscription brings may have been taken already. */
  private isNews(pack: string, revision: number): boolean {
    if ((this.revisions.get(pack) ?? -1) >= revision) return false;
    this.revisions.set(pack, revision);
    return true;
  }

  private drop(pack: string, position: string): void {
    this.rulesSince = position;
    this.bodies.delete(pack);
    this.shipped.delete(pack);
    this.experiences.delete(pack);
    for (const [id, kind] of this.kinds) if (kind.pack === pack) this.kinds.delete(id);
    for (const [code, moment] of this.moments) if (moment.pack === pack) this.moments.delete(code);
    this.rules.drop(pack);
  }
}

/** What a pack of one's own says comes before what ships; the id decides where two processes published at once. */
function byPrecedence<P extends { readonly pack: string }>(policies: P[], ships: (policy: P) => boolean): P[] {
  return policies.sort((a, b) => Number(ships(a)) - Number(ships(b)) || (a.pack < b.pack ? -1 : 1));
}
