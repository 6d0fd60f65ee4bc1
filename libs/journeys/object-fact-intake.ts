import {
  isInstant,
  TouchstoneError,
  type EventSource,
  type ExecuteOptions,
  type Kernel,
  type Work,
  type WorkOutcome,
} from '@touchstone/eventing';
import type { PackCatalogue } from '@touchstone/packs';
import type { FactIntake } from './fact-intake.js';
import { faultOf } from './fact-faults.js';
import { objectDecider, RecordObjectFact } from './object.js';
import { objectName, type Audience, type ObjectFactContent, type ObjectKey } from './object.events.js';
import { touchpointContent, type Reported } from './touchpoint-content.js';

/** A customer by a name in some system. */
export interface NamedCustomer {
  readonly type: string;
  readonly value: string;
}

/** A fact of an object as a source reports it. Pure data. */
export interface ObjectFactReport extends Reported {
  /** Deterministic, so that a repeat is known. */
  readonly factId: string;
  readonly object: ObjectKey;
  /** Id of a published touchpoint kind. */
  readonly kind: string;
  /** ISO 8601 with its original offset. */
  readonly occurredAt: string;
  readonly source: EventSource;
  /** Whom it names, such as who reported it. */
  readonly customer?: NamedCustomer;
  readonly audience?: {
    readonly customers?: readonly NamedCustomer[];
    readonly linked?: Audience['linked'];
  };
}

/** What became of it. `refused` facts belong in quarantine with the code and the message. */
export type ObjectFactOutcome =
  | {
      readonly outcome: 'taken' | 'known';
      readonly factId: string;
      readonly revision: number;
      readonly position: string;
    }
  | { readonly outcome: 'refused'; readonly code: string; readonly message: string };

/** Customers whose identifiers are claimed at once. */
const AT_ONCE = 50;
/** Waits between attempts while the log's queue is full, in ms. */
const BUSY_WAITS = [10, 50, 200, 1000, 4000];

/** The way of other systems' facts of objects into the log: one outcome per fact, in order. */
export class ObjectFactIntake {
  constructor(
    private readonly kernel: Kernel,
    private readonly packs: PackCatalogue,
    private readonly customers: Pick<FactIntake, 'customer'>,
  ) {}

  /** @throws when the log itself does not answer: nothing is known of the outcome then, and the same call again is safe */
  async take(facts: readonly ObjectFactReport[], options: ExecuteOptions = {}): Promise<ObjectFactOutcome[]> {
    const outcomes = new Array<ObjectFactOutcome>(facts.length);
    const work: { index: number; work: Work }[] = [];
    for (const [index, fact] of facts.entries()) {
      try {
        const content = await this.contentOf(fact, options);
        const { factId, object, occurredAt, source } = fact;
        const command = new RecordObjectFact({ factId, object, occurredAt, source, content });
        work.push({ index, work: { decider: objectDecider as never, command } });
      } catch (error) {
        outcomes[index] = refused(error);
      }
    }
    const done = await this.execute(
      work.map((each) => each.work),
      options,
    );
    work.forEach(({ index }, i) => (outcomes[index] = outcomeOf(done[i]!, facts[index]!)));
    return outcomes;
  }

  private async contentOf(fact: ObjectFactReport, options: ExecuteOptions): Promise<ObjectFactContent> {
    const { occurredAt, object, audience, customer } = fact;
    if (!isInstant(occurredAt)) {
      const message = `"${occurredAt}" is no instant: give date, time and zone offset.`;
      throw new TouchstoneError('EVENT_INVALID', message, 'invalid');
    }
    objectName(object);
    const content = touchpointContent(this.packs.kind(fact.kind), fact);
    // Only a fact that can be taken in makes customers known.
    const listed = await customersNamed(audience?.customers ?? [], this.customers, options);
    return {
      ...content,
      ...(customer && { customerId: await this.customers.customer(customer, options) }),
      ...(audience && {
        audience: {
          ...(listed.length > 0 && { customers: [...new Set(listed)] }),
          ...(audience.linked !== undefined && { linked: audience.linked }),
        },
      }),
    };
  }

  private async execute(work: readonly Work[], options: ExecuteOptions): Promise<WorkOutcome[]> {
    if (work.length === 0) return [];
    const outcomes = await this.kernel.executeMany(work, options);
    for (const wait of BUSY_WAITS) {
      const busy = outcomes.flatMap((o, i) => (!o.ok && kindOf(o.error) === 'busy' ? [i] : []));
      if (busy.length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, wait));
      const retried = busy.map((i) => work[i]!);
      const again = await this.kernel.executeMany(retried, options);
      busy.forEach((i, at) => (outcomes[i] = again[at]!));
    }
    return outcomes;
  }
}

/** Ids of the customers with these identifiers, in their order; registers whom nobody knew. */
export async function customersNamed(
  identifiers: readonly NamedCustomer[],
  intake: Pick<FactIntake, 'customer'>,
  options: ExecuteOptions = {},
): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < identifiers.length; i += AT_ONCE) {
    const some = identifiers.slice(i, i + AT_ONCE).map((identifier) => intake.customer(identifier, options));
    ids.push(...(await Promise.all(some)));
  }
  return ids;
}

function outcomeOf(outcome: WorkOutcome, { factId }: ObjectFactReport): ObjectFactOutcome {
  if (!outcome.ok) return refused(outcome.error);
  const { events, revision, position } = outcome.done;
  return { outcome: events.length > 0 ? 'taken' : 'known', factId, revision, position };
}

/** A fault of the fact itself; anything else is a fault of the house and goes to the caller. */
function refused(error: unknown): ObjectFactOutcome {
  const { code, message } = faultOf(error);
  return { outcome: 'refused', code, message };
}

const kindOf = (error: unknown): string => (error instanceof TouchstoneError ? error.kind : 'internal');
