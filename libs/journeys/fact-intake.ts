import { LRUCache } from 'lru-cache';
import {
  isInstant,
  type Kernel,
  newId,
  TouchstoneError,
  type ExecuteOptions,
  type Vault,
  type Work,
  type WorkOutcome,
} from '@touchstone/eventing';
import type { PackCatalogue } from '@touchstone/packs';
import { customerDecider, RegisterCustomer } from './customer.js';
import { journeyDecider, RecordTouchpoint } from './journey.js';
import { BindKey, keyDecider, type LookupKey } from './lookup-key.js';
import { touchpointContent } from './touchpoint-content.js';
import type { FactOutcome, TouchpointFact } from './touchpoint-fact.js';

/** Waits between attempts while the log's queue is full, in ms; the sum bounds how long a chunk is held back. */
const BUSY_WAITS = [10, 20, 50, 100, 200, 500, 1000, 2000, 4000];

/**
 * The one way for facts into the log: resolves kinds and customers, then records each fact in its journey through the
 * kernel. One outcome per fact, in order; the same fact again is `known`.
 */
export class FactIntake {
  private readonly customers = new LRUCache<string, string>({ max: 100_000 });
  /** Raised when customers are let go of: what was looked up before must not be remembered after. */
  private age = 0;

  constructor(
    private readonly kernel: Kernel,
    private readonly vault: Vault,
    private readonly packs: PackCatalogue,
  ) {}

  /**
   * @throws when the log itself does not answer (LOG_BUSY after waiting, LOG_CLOSED ...): nothing is known of the
   * outcome then, and the same call again is safe
   */
  async take(facts: readonly TouchpointFact[], options: ExecuteOptions = {}): Promise<FactOutcome[]> {
    const outcomes: FactOutcome[] = new Array<FactOutcome>(facts.length);
    const contents = facts.map((fact, i) => {
      try {
        if (!isInstant(fact.occurredAt)) throw noInstant(fact.occurredAt);
        return touchpointContent(this.packs.kind(fact.kind), fact);
      } catch (error) {
        outcomes[i] = refused(error);
        return null;
      }
    });
    // Only a fact that can be taken in makes a customer known.
    const readable = facts.filter((_, i) => contents[i] !== null);
    const customers = await this.customersOf(readable, options);
    const work: { index: number; work: Work }[] = [];
    facts.forEach((fact, index) => {
      const content = contents[index];
      if (!content) return;
      const customerId = fact.customer && customers.get(this.hash(fact.customer));
      const command = new RecordTouchpoint({
        journeyId: fact.journey.id,
        open: { journeyType: fact.journey.type, key: fact.journey.key, customerId },
        touchpointId: fact.touchpointId,
        occurredAt: fact.occurredAt,
        source: fact.source,
        factId: fact.factId,
        content: customerId === undefined ? content : { ...content, customerId },
      });
      work.push({ index, work: { decider: journeyDecider as never, command } });
    });
    const done = await this.execute(
      work.map((w) => w.work),
      options,
    );
    work.forEach(({ index }, i) => (outcomes[index] = outcomeOf(done[i]!, facts[index]!)));
    return outcomes;
  }

  /** Id of the customer with this identifier; registers one when there is none. */
  async customer(identifier: { type: string; value: string }, options: ExecuteOptions = {}): Promise<string> {
    const found = await this.customersOf([{ customer: identifier }], options);
    return found.get(this.hash(identifier))!;
  }

  /** Remembers no identifier of these customers any more: whoever comes with one is looked up anew. */
  letGoOf(customerIds: readonly string[]): void {
    const gone = new Set(customerIds);
    this.age++;
    for (const [hash, customerId] of this.customers.entries()) if (gone.has(customerId)) this.customers.delete(hash);
  }

  private hash(identifier: { type: string; value: string }): string {
    return this.vault.lookupHash(identifier.type, identifier.value);
  }

  /** Customers by the hash of their identifier: claims the key, and registers whom nobody knew. */
  private async customersOf(
    facts: readonly (Pick<TouchpointFact, 'customer'> & Partial<TouchpointFact>)[],
    options: ExecuteOptions,
  ): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const open = new Map<string, { identifier: { type: string; value: string }; about: About }>();
    for (const fact of facts) {
      if (!fact.customer) continue;
      const hash = this.hash(fact.customer);
      const known = this.customers.get(hash);
      if (known !== undefined) found.set(hash, known);
      else if (!open.has(hash)) open.set(hash, { identifier: fact.customer, about: aboutOf(fact, facts[0]!, options) });
    }
    if (open.size === 0) return found;
    const { age } = this;
    const claims = await this.execute(
      [...open].map(([hash, { identifier, about }]) => ({
        decider: keyDecider as never,
        command: new BindKey({ hash, keyType: identifier.type, customerId: newId(), ...about }),
      })),
      options,
    );
    const bound = [...open].map(([hash, first], i) => ({ ...first, hash, customerId: claimed(claims[i]!) }));
    // Also for keys that were bound before: a crash between claim and registration is made good here.
    const registered = await this.execute(
      bound.map(({ customerId, identifier, about }) => ({
        decider: customerDecider as never,
        command: new RegisterCustomer({ customerId, identifiers: [identifier], ...about }),
      })),
      options,
    );
    for (const outcome of registered) if (!outcome.ok) throw outcome.error;
    for (const { hash, customerId } of bound) {
      found.set(hash, customerId);
      if (age === this.age) this.customers.set(hash, customerId);
    }
    return found;
  }

  /** Executes, and executes again what found the log's queue full. */
  private async execute(work: readonly Work[], options: ExecuteOptions): Promise<WorkOutcome[]> {
    const outcomes = await this.kernel.executeMany(work, options);
    for (const wait of BUSY_WAITS) {
      const busy = outcomes.flatMap((o, i) => (!o.ok && isBusy(o.error) ? [i] : []));
      if (busy.length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, wait));
      const again = await this.kernel.executeMany(
        busy.map((i) => work[i]!),
        options,
      );
      busy.forEach((i, at) => (outcomes[i] = again[at]!));
    }
    return outcomes;
  }
}

type About = Pick<BindKey, 'occurredAt' | 'source'>;

/**
 * A customer is known since their own first fact. In a historical load their registration stands before the whole chunk,
 * so it is recorded at the time of the chunk's first fact: recorded time never goes backwards.
 */
function aboutOf(own: Partial<TouchpointFact>, first: Partial<TouchpointFact>, { recordedAt }: ExecuteOptions): About {
  const stamp = recordedAt === 'source' ? (first.source?.recordedAt ?? first.occurredAt) : own.source?.recordedAt;
  return {
    occurredAt: own.occurredAt,
    source: own.source && { system: own.source.system, ...(stamp !== undefined && { recordedAt: stamp }) },
  };
}

const noInstant = (text: string): TouchstoneError =>
  new TouchstoneError('EVENT_INVALID', `"${text}" is no instant: give date, time and zone offset.`, 'invalid');

function claimed(outcome: WorkOutcome): string {
  if (!outcome.ok) throw outcome.error;
  const key = outcome.done.state as LookupKey;
  if (key.status !== 'bound' || key.customerId === undefined) {
    throw new TouchstoneError('KEY_TAKEN', 'The identifier is bound to a journey, not to a customer.', 'refused');
  }
  return key.customerId;
}

function outcomeOf(outcome: WorkOutcome, fact: TouchpointFact): FactOutcome {
  if (!outcome.ok) return refused(outcome.error);
  const { events, revision, position } = outcome.done;
  return {
    outcome: events.length > 0 ? 'taken' : 'known',
    journeyId: fact.journey.id,
    touchpointId: fact.touchpointId,
    revision,
    position,
  };
}

/** A fault of the fact itself; anything else is a fault of the house and goes to the caller. */
function refused(error: unknown): FactOutcome {
  const ofTheFact = ['invalid', 'refused'].includes(kindOf(error)) || codeOf(error) === 'ID_TAKEN';
  if (ofTheFact && error instanceof TouchstoneError) {
    return { outcome: 'refused', code: error.code, message: error.message };
  }
  throw error;
}

const kindOf = (error: unknown): string => (error instanceof TouchstoneError ? error.kind : 'internal');
const codeOf = (error: unknown): string => (error instanceof TouchstoneError ? error.code : '');
const isBusy = (error: Error): boolean => kindOf(error) === 'busy';
