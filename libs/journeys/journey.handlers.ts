import { isDeepStrictEqual } from 'node:util';
import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import {
  command,
  EventRegistry,
  FORGOTTEN,
  Kernel,
  newId,
  TouchstoneError,
  type EventLog,
  type Executed,
  type RecordedEvent,
  type Vault,
} from '@touchstone/eventing';
import { PackCatalogue, type KindInForce } from '@touchstone/packs';
import { EVENT_LOG, VAULT } from '@touchstone/platform';
import { customerDecider, mustBeKnown } from './customer.js';
import { CorrectTouchpoint, journeyDecider, OpenJourney, RecordTouchpoint } from './journey.js';
import { journeyStream, type TouchpointContent } from './journey.events.js';
import { touchpointContent, type Reported } from './touchpoint-content.js';
import { WholeJourneys } from './whole-journeys.js';
import { holdsTouchpoint, toHolder } from './whole-journeys.handlers.js';

// Commands for which something must be fetched before the decision; all others are generated from the deciders.

/** A touchpoint as a person reports it: its kind is looked up first. */
export class ReportTouchpoint extends command<
  { journeyId: string; touchpointId?: string; kind: string; occurredAt?: string; expectedRevision?: number } & Reported
>() {}

/** What was wrong about a touchpoint; what is not given stays as it was. */
export class AmendTouchpoint extends command<
  {
    journeyId: string;
    touchpointId: string;
    reason: string;
    kind?: string;
    occurredAt?: string;
    /** Fields to take away: `channel`, `unit`, `staff`, `attributes`, `personal`, `objects`. */
    clear?: readonly string[];
    expectedRevision?: number;
  } & Reported
>() {}

@CommandHandler(ReportTouchpoint)
export class ReportTouchpointHandler {
  constructor(
    private readonly kernel: Kernel,
    private readonly packs: PackCatalogue,
  ) {}

  execute(c: ReportTouchpoint): Promise<Executed> {
    const content = touchpointContent(this.packs.kind(c.kind), c);
    const { journeyId, touchpointId = newId(), occurredAt, expectedRevision } = c;
    const record = new RecordTouchpoint({ journeyId, touchpointId, occurredAt, content, expectedRevision });
    return this.kernel.execute(journeyDecider, record);
  }
}

@CommandHandler(AmendTouchpoint)
export class AmendTouchpointHandler {
  constructor(
    readonly kernel: Kernel,
    private readonly packs: PackCatalogue,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly registry: EventRegistry,
    readonly wholes: WholeJourneys,
  ) {}

  async execute(given: AmendTouchpoint): Promise<Executed> {
    const c = await toHolder(given, holdsTouchpoint(given.touchpointId), this);
    for (let attempt = 1; ; attempt++) {
      const before = await this.current(c.journeyId, c.touchpointId);
      // A correction says the whole content again: it must be made from what the stream says now.
      const expectedRevision = c.expectedRevision ?? before.revision;
      try {
        return await this.kernel.execute(journeyDecider, this.correction(c, before, expectedRevision));
      } catch (error) {
        const stale = error instanceof TouchstoneError && error.code === 'WRONG_EXPECTED_REVISION';
        if (!stale || c.expectedRevision !== undefined || attempt >= MAX_ATTEMPTS) throw error;
      }
    }
  }

  private correction(
    c: AmendTouchpoint,
    { content, happenedAt }: Current,
    expectedRevision: number,
  ): CorrectTouchpoint {
    const { journeyId, touchpointId, reason } = c;
    const reported = laidOver(content, c);
    // Another kind brings its own traits; the same kind keeps those that held when the touchpoint was decided.
    const kind = c.kind === undefined ? this.asDecided(content) : this.packs.kind(c.kind);
    const next = {
      ...touchpointContent(kind, reported),
      ...(content.customerId !== undefined && { customerId: content.customerId }),
    };
    const at = c.occurredAt ?? happenedAt;
    const sameAsBefore = at === happenedAt && sameContent(next, content);
    return new CorrectTouchpoint({
      journeyId,
      touchpointId,
      reason,
      happenedAt: at,
      content: next,
      sameAsBefore,
      expectedRevision,
    });
  }

  private asDecided({ kind, kindVersion, traits }: TouchpointContent): KindInForce {
    const published = this.packs.has(kind) ? this.packs.kind(kind) : { pack: '', names: { en: kind } };
    return { ...published, id: kind, version: kindVersion, traits };
  }

  /** The touchpoint as the log has it now, personal fields opened, and where its journey stands. */
  private async current(journeyId: string, touchpointId: string): Promise<Current> {
    let revision = -1;
    for await (const recorded of this.log.readStream(journeyStream(journeyId), { direction: 'backwards' })) {
      revision = Math.max(revision, recorded.revision);
      const event = this.registry.read(recorded);
      const data = event.data as TouchpointContent & { touchpointId?: string; happenedAt?: string };
      if (event.type === 'TouchpointRecorded' && event.id === touchpointId) {
        return { content: this.opened(event), happenedAt: event.occurredAt, revision };
      }
      if (event.type === 'TouchpointCorrected' && data.touchpointId === touchpointId) {
        return { content: this.opened(event), happenedAt: data.happenedAt!, revision };
      }
    }
    const message = `The journey ${journeyId} has no touchpoint ${touchpointId}.`;
    throw new TouchstoneError('TOUCHPOINT_UNKNOWN', message, 'notFound');
  }

  private opened(event: RecordedEvent): TouchpointContent {
    const content = event.data as TouchpointContent & { personal?: unknown };
    if (typeof content.personal !== 'string') return content;
    const personal = this.vault.open(event.metadata.subject!, event.id, 'personal', content.personal);
    // What was forgotten is not written again.
    return { ...content, personal: personal === FORGOTTEN ? undefined : (personal as Record<string, unknown>) };
  }
}

interface Current {
  readonly content: TouchpointContent;
  readonly happenedAt: string;
  readonly revision: number;
}

/** Another correction may come between reading and deciding; each try reads again. */
const MAX_ATTEMPTS = 20;

/** Opens a journey of a customer who is known. */
@CommandHandler(OpenJourney)
export class OpenJourneyHandler {
  constructor(private readonly kernel: Kernel) {}

  async execute(c: OpenJourney): Promise<Executed> {
    if (c.customerId != null) {
      mustBeKnown(c.customerId, (await this.kernel.look(customerDecider, c.customerId)).state);
    }
    return this.kernel.execute(journeyDecider, c);
  }
}

/** Compares what would be stored; keys in any order. */
function sameContent(a: TouchpointContent, b: TouchpointContent): boolean {
  const plain = ({ kind, channel, unit, staff, customerId, attributes, personal, objects }: TouchpointContent) =>
    JSON.parse(JSON.stringify({ kind, channel, unit, staff, customerId, attributes, personal, objects })) as object;
  return isDeepStrictEqual(plain(a), plain(b));
}

/** `clear` takes away first; what is reported comes over what is left: attributes one by one, everything else whole. */
export function laidOver(before: Reported, c: Reported & { readonly clear?: readonly string[] }): Reported {
  const kept: Reported = Object.fromEntries(Object.entries(before).filter(([field]) => !c.clear?.includes(field)));
  const over = (a: Reported['attributes'], b: Reported['attributes']) => (b == null ? a : { ...a, ...b });
  return {
    channel: c.channel ?? kept.channel,
    unit: c.unit ?? kept.unit,
    staff: c.staff ?? kept.staff,
    attributes: over(kept.attributes, c.attributes),
    personal: over(kept.personal, c.personal),
    objects: c.objects ?? kept.objects,
  };
}

export const journeyHandlers = [ReportTouchpointHandler, AmendTouchpointHandler, OpenJourneyHandler];
