import { isDeepStrictEqual } from 'node:util';
import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import {
  command,
  FORGOTTEN,
  Kernel,
  newId,
  TouchstoneError,
  type EventLog,
  type Executed,
  type RecordedEvent,
  type Vault,
} from '@touchstone/eventing';
import { PackCatalogue } from '@touchstone/packs';
import { EVENT_LOG, VAULT } from '@touchstone/platform';
import { customerDecider, RegisterCustomer, type Identifier } from './customer.js';
import { CorrectTouchpoint, journeyDecider, RecordTouchpoint } from './journey.js';
import { journeyStream, type TouchpointContent } from './journey.events.js';
import { BindKey, keyDecider } from './lookup-key.js';
import { touchpointContent, type Reported } from './touchpoint-content.js';

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
    expectedRevision?: number;
  } & Reported
>() {}

/** A new customer with the identifiers they are known by. */
export class EnrolCustomer extends command<{
  identifiers: readonly Identifier[];
  name?: string;
  phone?: string;
  segment?: string;
  region?: string;
  tier?: string;
}>() {}

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
    private readonly kernel: Kernel,
    private readonly packs: PackCatalogue,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  async execute(c: AmendTouchpoint): Promise<Executed> {
    const before = await this.current(c.journeyId, c.touchpointId);
    const kind = this.packs.kind(c.kind ?? before.content.kind);
    const { customerId } = before.content;
    const content = {
      ...touchpointContent(kind, { ...before.content, ...given(c) }),
      ...(customerId && { customerId }),
    };
    const happenedAt = c.occurredAt ?? before.happenedAt;
    const correct = new CorrectTouchpoint({
      journeyId: c.journeyId,
      touchpointId: c.touchpointId,
      reason: c.reason,
      happenedAt,
      content,
      sameAsBefore: happenedAt === before.happenedAt && sameContent(content, before.content),
      expectedRevision: c.expectedRevision,
    });
    return this.kernel.execute(journeyDecider, correct);
  }

  /** The touchpoint as the log has it now, personal fields opened. */
  private async current(
    journeyId: string,
    touchpointId: string,
  ): Promise<{ content: TouchpointContent; happenedAt: string }> {
    for await (const event of this.log.readStream(journeyStream(journeyId), { direction: 'backwards' })) {
      const data = event.data as TouchpointContent & { touchpointId?: string; happenedAt?: string };
      if (event.type === 'TouchpointRecorded' && event.id === touchpointId) {
        return { content: this.opened(event), happenedAt: event.occurredAt };
      }
      if (event.type === 'TouchpointCorrected' && data.touchpointId === touchpointId) {
        return { content: this.opened(event), happenedAt: data.happenedAt! };
      }
    }
    throw new TouchstoneError(
      'TOUCHPOINT_UNKNOWN',
      `The journey ${journeyId} has no touchpoint ${touchpointId}.`,
      'notFound',
    );
  }

  private opened(event: RecordedEvent): TouchpointContent {
    const content = event.data as TouchpointContent & { personal?: unknown };
    if (typeof content.personal !== 'string') return content;
    const personal = this.vault.open(event.metadata.subject!, event.id, 'personal', content.personal);
    // What was forgotten is not written again.
    return { ...content, personal: personal === FORGOTTEN ? undefined : (personal as Record<string, unknown>) };
  }
}

@CommandHandler(EnrolCustomer)
export class EnrolCustomerHandler {
  constructor(
    private readonly kernel: Kernel,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /** Claims each identifier, then registers. A repeat finds the customer that the identifiers lead to. */
  async execute(c: EnrolCustomer): Promise<Executed> {
    let customerId: string | undefined;
    for (const { type, value } of c.identifiers) {
      const bind = new BindKey({
        hash: this.vault.lookupHash(type, value),
        keyType: type,
        customerId: (customerId ??= newId()),
      });
      const { state, events } = await this.kernel.execute(keyDecider, bind);
      const holder = state.status === 'bound' ? state.customerId : undefined;
      if (events.length > 0 || holder === customerId) continue;
      if (bind.hash !== this.vault.lookupHash(c.identifiers[0]!.type, c.identifiers[0]!.value)) {
        throw new TouchstoneError(
          'IDENTIFIER_TAKEN',
          `The ${type} given belongs to another customer; look them up by it first.`,
          'conflict',
        );
      }
      customerId = holder;
    }
    const { identifiers, ...profile } = c;
    return this.kernel.execute(
      customerDecider,
      new RegisterCustomer({ customerId: customerId!, identifiers, ...profile }),
    );
  }
}

/** Compares what would be stored; keys in any order. */
function sameContent(a: TouchpointContent, b: TouchpointContent): boolean {
  const plain = ({ kind, channel, unit, staff, customerId, attributes, personal, objects }: TouchpointContent) =>
    JSON.parse(JSON.stringify({ kind, channel, unit, staff, customerId, attributes, personal, objects })) as object;
  return isDeepStrictEqual(plain(a), plain(b));
}

const given = ({ channel, unit, staff, attributes, personal, objects }: Reported): Reported =>
  Object.fromEntries(
    Object.entries({ channel, unit, staff, attributes, personal, objects }).filter(
      ([, v]) => v !== undefined && v !== null,
    ),
  );

export const journeyHandlers = [ReportTouchpointHandler, AmendTouchpointHandler, EnrolCustomerHandler];
