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
import { customerDecider } from './customer.js';
import { FactIntake } from './fact-intake.js';
import { laidOver } from './journey.handlers.js';
import { ChangeObject, CorrectObjectFact, LinkObjects, mustHave, objectDecider, RecordObjectFact } from './object.js';
import {
  objectName,
  objectStream,
  type Audience,
  type ObjectEvent,
  type ObjectFactContent,
  type ObjectKey,
} from './object.events.js';
import { customersNamed } from './object-fact-intake.js';
import { touchpointContent, type Reported } from './touchpoint-content.js';

/** Whom a fact concerns, as a person says it: customers also by an identifier. */
export interface ReportedAudience {
  readonly customerIds?: readonly string[];
  readonly identifiers?: readonly { readonly type: string; readonly value: string }[];
  readonly linked?: Audience['linked'];
}

interface AboutFact extends Reported {
  readonly object: ObjectKey;
  readonly customerId?: string;
  readonly audience?: ReportedAudience;
  readonly occurredAt?: string;
  readonly expectedRevision?: number;
}

/** A fact of an object as a person reports it: its kind and its customers are looked up first. */
export class ReportObjectFact extends command<AboutFact & { readonly factId?: string; readonly kind: string }>() {}

/** What was wrong about a fact; what is not given stays as it was, the audience as a whole. */
export class AmendObjectFact extends command<
  AboutFact & {
    readonly factId: string;
    readonly reason: string;
    readonly kind?: string;
    readonly clear?: readonly string[];
  }
>() {}

/** Another correction may come between reading and deciding; each try reads again. */
const MAX_ATTEMPTS = 20;
/** Customers that are looked up at once. */
const AT_ONCE = 100;

@CommandHandler(ReportObjectFact)
export class ReportObjectFactHandler {
  constructor(
    private readonly kernel: Kernel,
    private readonly packs: PackCatalogue,
    private readonly intake: FactIntake,
  ) {}

  async execute(c: ReportObjectFact): Promise<Executed> {
    const { object, factId = newId(), occurredAt, expectedRevision, customerId } = c;
    const reported = touchpointContent(this.packs.kind(c.kind), c);
    objectName(object);
    const audience = c.audience && (await audienceOf(c.audience, this.kernel, this.intake));
    await mustBeRegistered(this.kernel, customerId === undefined ? [] : [customerId]);
    const content = { ...reported, ...(customerId !== undefined && { customerId }), ...(audience && { audience }) };
    const record = new RecordObjectFact({ object, factId, occurredAt, content, expectedRevision });
    return this.kernel.execute(objectDecider, record);
  }
}

@CommandHandler(AmendObjectFact)
export class AmendObjectFactHandler {
  constructor(
    private readonly kernel: Kernel,
    private readonly packs: PackCatalogue,
    private readonly intake: FactIntake,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly registry: EventRegistry,
  ) {}

  async execute(c: AmendObjectFact): Promise<Executed> {
    const audience = c.audience && (await audienceOf(c.audience, this.kernel, this.intake));
    await mustBeRegistered(this.kernel, c.customerId === undefined ? [] : [c.customerId]);
    for (let attempt = 1; ; attempt++) {
      const before = await this.current(c.object, c.factId);
      // A correction says the whole content again: it must be made from what the stream says now.
      const expectedRevision = c.expectedRevision ?? before.revision;
      try {
        return await this.kernel.execute(objectDecider, this.correction(c, audience, before, expectedRevision));
      } catch (error) {
        const stale = error instanceof TouchstoneError && error.code === 'WRONG_EXPECTED_REVISION';
        if (!stale || c.expectedRevision !== undefined || attempt >= MAX_ATTEMPTS) throw error;
      }
    }
  }

  private correction(
    c: AmendObjectFact,
    given: Audience | undefined,
    { content: before, happenedAt }: Current,
    expectedRevision: number,
  ): CorrectObjectFact {
    const { object, factId, reason } = c;
    // Another kind brings its own traits; the same kind keeps those that held when the fact was decided.
    const kind = c.kind === undefined ? this.asDecided(before) : this.packs.kind(c.kind);
    const customerId = c.customerId ?? before.customerId;
    const audience = given ?? before.audience;
    const content: ObjectFactContent = {
      ...touchpointContent(kind, laidOver(before, c)),
      ...(customerId !== undefined && { customerId }),
      ...(audience && { audience }),
    };
    const at = c.occurredAt ?? happenedAt;
    const sameAsBefore = at === happenedAt && isDeepStrictEqual(plain(content), plain(before));
    return new CorrectObjectFact({ object, factId, reason, happenedAt: at, content, sameAsBefore, expectedRevision });
  }

  private asDecided({ kind, kindVersion, traits }: ObjectFactContent): KindInForce {
    const published = this.packs.has(kind) ? this.packs.kind(kind) : { pack: '', names: { en: kind } };
    return { ...published, id: kind, version: kindVersion, traits };
  }

  /**
   * The fact as the log has it now, personal fields opened, and where its object's stream stands. The state says where to
   * find it: a stream may be as long as an object is in use.
   * @throws OBJECT_FACT_UNKNOWN, OBJECT_FACT_VOID
   */
  private async current(object: ObjectKey, factId: string): Promise<Current> {
    const name = objectName(object);
    const { state, revision } = await this.kernel.look(objectDecider, name);
    const { revision: said } = mustHave(state, object, factId);
    for await (const recorded of this.log.readStream(objectStream(name), { from: said, max: 1 })) {
      const event = this.registry.read(recorded) as RecordedEvent & ObjectEvent;
      if (event.type === 'ObjectFactRecorded' && event.id === factId) {
        return { content: this.opened(event, event.data), happenedAt: event.occurredAt, revision };
      }
      if (event.type === 'ObjectFactCorrected' && event.data.factId === factId) {
        return { content: this.opened(event, event.data), happenedAt: event.data.happenedAt, revision };
      }
    }
    const message = `The fact ${factId} is not where it was recorded (revision ${said}): the log was changed from outside.`;
    throw new TouchstoneError('OBJECT_FACT_LOST', message, 'internal');
  }

  private opened({ id, metadata }: RecordedEvent, content: ObjectFactContent): ObjectFactContent {
    const sealed: unknown = content.personal;
    if (typeof sealed !== 'string') return content;
    const personal = this.vault.open(metadata.subject!, id, 'personal', sealed);
    // What was forgotten is not written again.
    return { ...content, personal: personal === FORGOTTEN ? undefined : (personal as Record<string, unknown>) };
  }
}

interface Current {
  readonly content: ObjectFactContent;
  readonly happenedAt: string;
  readonly revision: number;
}

/** What would be stored; keys in any order. */
function plain(content: ObjectFactContent): object {
  const { kind, channel, unit, staff, customerId, attributes, personal, objects, audience } = content;
  const said = { kind, channel, unit, staff, customerId, attributes, personal, objects, audience };
  return JSON.parse(JSON.stringify(said)) as object;
}

/** Changes an object; whom its personal attributes are about has to be known. */
@CommandHandler(ChangeObject)
export class ChangeObjectHandler {
  constructor(private readonly kernel: Kernel) {}

  async execute(c: ChangeObject): Promise<Executed> {
    await mustBeRegistered(this.kernel, c.customerId === undefined ? [] : [c.customerId]);
    return this.kernel.execute(objectDecider, c);
  }
}

/** Links an object; customers have to be known. */
@CommandHandler(LinkObjects)
export class LinkObjectsHandler {
  constructor(private readonly kernel: Kernel) {}

  async execute(c: LinkObjects): Promise<Executed> {
    await mustBeRegistered(
      this.kernel,
      (c.customers ?? []).map(({ customerId }) => customerId),
    );
    return this.kernel.execute(objectDecider, c);
  }
}

async function audienceOf(
  { customerIds = [], identifiers = [], linked }: ReportedAudience,
  kernel: Kernel,
  intake: FactIntake,
): Promise<Audience> {
  await mustBeRegistered(kernel, customerIds);
  const customers = [...new Set([...customerIds, ...(await customersNamed(identifiers, intake))])];
  return { ...(customers.length > 0 && { customers }), ...(linked !== undefined && { linked }) };
}

/**
 * Whoever was forgotten still is whom it concerned; who was never registered is a typing error.
 * @throws CUSTOMER_UNKNOWN
 */
async function mustBeRegistered(kernel: Kernel, customerIds: readonly string[]): Promise<void> {
  for (let i = 0; i < customerIds.length; i += AT_ONCE) {
    await Promise.all(
      customerIds.slice(i, i + AT_ONCE).map(async (id) => {
        const { state } = await kernel.look(customerDecider, id);
        if (state.status !== 'none') return;
        const message = `No customer ${id} is registered; register them first.`;
        throw new TouchstoneError('CUSTOMER_UNKNOWN', message, 'refused');
      }),
    );
  }
}

export const objectHandlers = [
  ReportObjectFactHandler,
  AmendObjectFactHandler,
  ChangeObjectHandler,
  LinkObjectsHandler,
];
