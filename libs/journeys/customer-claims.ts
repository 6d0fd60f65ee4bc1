import { LRUCache } from 'lru-cache';
import {
  deterministicId,
  newId,
  TouchstoneError,
  type ExecuteOptions,
  type Kernel,
  type Vault,
  type Work,
  type WorkOutcome,
} from '@touchstone/eventing';
import { customerDecider, NameCustomer, RegisterCustomer, type Identifier } from './customer.js';
import { faultOf } from './fact-faults.js';
import { releaseKeysOf } from './forgetting-keys.js';
import { BindKey, keyDecider, type LookupKey } from './lookup-key.js';
import type { DoubtMatch } from './match.js';
import type { UnplacedFact } from './touchpoint-fact.js';

/** What a fact says of whose it is. */
export type Naming = Pick<UnplacedFact, 'customer' | 'identifiers'> &
  Partial<Pick<UnplacedFact, 'occurredAt' | 'source'>>;

export interface Customers {
  /** One answer per fact, in order: whose it is; undefined of one that names nobody; an error is a fault of the fact. */
  readonly answers: readonly (string | TouchstoneError | undefined)[];
  /** Identifiers of one fact that lead to two customers. */
  readonly doubts: readonly Omit<DoubtMatch, 'matchId'>[];
}

/**
 * Finds customers by their identifiers: claims those that nobody has, registers whom nobody knew. Who claims first owns
 * the identifier; who loses reads and joins.
 */
export class CustomerClaims {
  private readonly kept = new LRUCache<string, string>({ max: 100_000 });
  /** Raised when customers are let go of: what was looked up before must not be remembered after. */
  private age = 0;

  constructor(
    private readonly parts: {
      readonly kernel: Pick<Kernel, 'look' | 'execute'>;
      readonly execute: (work: readonly Work[], options: ExecuteOptions) => Promise<WorkOutcome[]>;
      readonly vault: Pick<Vault, 'lookupHash'>;
    },
  ) {}

  /** Remembers no identifier of these customers any more: whoever comes with one is looked up anew. */
  letGoOf(customerIds: readonly string[]): void {
    const gone = new Set(customerIds);
    this.age++;
    for (const [hash, customerId] of this.kept.entries()) if (gone.has(customerId)) this.kept.delete(hash);
  }

  async customersOf(facts: readonly Naming[], options: ExecuteOptions): Promise<Customers> {
    const answers = new Array<string | TouchstoneError | undefined>(facts.length);
    const open = new Map<string, Claim>();
    const several: number[] = [];
    facts.forEach((fact, i) => {
      const names = namesOf(fact);
      const fault = identifierFault(names);
      if (fault) answers[i] = fault;
      else if (names.length > 1) several.push(i);
      else if (names.length === 1) {
        const hash = this.hash(names[0]!);
        answers[i] = this.kept.get(hash);
        if (answers[i] !== undefined) return;
        const claim = open.get(hash) ?? { identifier: names[0]!, about: aboutOf(fact, facts[0]!, options), of: [] };
        claim.of.push(i);
        open.set(hash, claim);
      }
    });
    if (open.size > 0) await this.claimAll(open, answers, options);
    const doubts: Omit<DoubtMatch, 'matchId'>[] = [];
    for (const i of several) {
      const about = aboutOf(facts[i]!, facts[0]!, options);
      const claimed = await this.claimNames(namesOf(facts[i]!), about, options).catch(faultOf);
      if (claimed instanceof TouchstoneError) {
        answers[i] = claimed;
        continue;
      }
      const { customerId, others } = claimed;
      answers[i] = customerId;
      for (const other of others) {
        const [first, second] = customerId < other ? [customerId, other] : [other, customerId];
        doubts.push({ of: 'customers', first, second, reason: 'identifiers' });
      }
    }
    return { answers, doubts };
  }

  private async claimAll(
    open: ReadonlyMap<string, Claim>,
    answers: (string | TouchstoneError | undefined)[],
    options: ExecuteOptions,
  ): Promise<void> {
    const { age } = this;
    const claims = await this.parts.execute(
      [...open].map(([hash, { identifier, about }]) => claim(hash, identifier.type, newId(), about)),
      options,
    );
    const bound = [...open].flatMap(([hash, each], i) => {
      const customerId = claimed(claims[i]!);
      if (typeof customerId === 'string') return [{ ...each, hash, customerId }];
      for (const at of each.of) answers[at] = customerId;
      return [];
    });
    // Also for keys that were bound before: a crash between claim and registration is made good here.
    const registered = await this.parts.execute(
      bound.map(({ customerId, identifier, hash, about }) =>
        register(customerId, [identifier], about, namingId(customerId, hash)),
      ),
      options,
    );
    bound.forEach(({ hash, customerId, of }, i) => {
      const outcome = registered[i]!;
      const answer = outcome.ok ? customerId : faultOf(outcome.error);
      for (const at of of) answers[at] = answer;
      if (outcome.ok && age === this.age) this.kept.set(hash, customerId);
    });
  }

  /** Of somebody who is forgotten meanwhile the keys are let go of, and whoever the fact is about is somebody new. */
  private async claimNames(names: readonly Identifier[], about: About, options: ExecuteOptions): Promise<Named> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.claimOnce(names, about, options);
      if (!('gone' in found)) return found;
      if (attempt >= MAX_ATTEMPTS) throw found.error;
      const hashes = names.map((name) => this.hash(name));
      await releaseKeysOf(this.parts.kernel, {
        customers: [found.gone],
        hashes,
        reason: 'The customer was forgotten.',
      });
    }
  }

  /** Several identifiers of one person: whoever has the first of them that is known; the free ones become theirs. */
  private async claimOnce(names: readonly Identifier[], about: About, options: ExecuteOptions): Promise<Named | Gone> {
    const hashes = names.map((name) => this.hash(name));
    const holders = await Promise.all(hashes.map((hash) => this.holder(hash)));
    let owner = holders.find((holder) => holder !== undefined);
    const others = new Set<string>();
    const own: Identifier[] = [];
    for (const [i, name] of names.entries()) {
      let holder = holders[i];
      if (holder === undefined) {
        const [outcome] = await this.parts.execute([claim(hashes[i]!, name.type, owner ?? newId(), about)], options);
        const found = claimed(outcome!);
        if (typeof found !== 'string') throw found;
        holder = found;
      }
      owner ??= holder;
      if (holder === owner) own.push(name);
      else others.add(holder);
    }
    // Every pass names all that lead to them, not only what it claimed: the one before may have broken off in between.
    const namings = own.map((name) => namingId(owner!, this.hash(name)));
    const work = [register(owner!, own, about, wholeOf(namings)), named(owner!, own, namings)];
    for (const outcome of await this.parts.execute(work, options)) {
      if (outcome.ok) continue;
      const isGone = outcome.error instanceof TouchstoneError && outcome.error.code === 'CUSTOMER_FORGOTTEN';
      if (!isGone) throw outcome.error;
      return { gone: owner!, error: outcome.error };
    }
    const root = await this.root(owner!);
    const strangers: string[] = [];
    for (const other of others) if ((await this.root(other)) !== root) strangers.push(other);
    return { customerId: owner!, others: strangers };
  }

  private async holder(hash: string): Promise<string | undefined> {
    const { state } = await this.parts.kernel.look(keyDecider, hash);
    return state.status === 'bound' ? state.customerId : undefined;
  }

  private async root(customerId: string): Promise<string> {
    const seen = new Set<string>();
    let at = customerId;
    while (!seen.has(at)) {
      seen.add(at);
      const { state } = await this.parts.kernel.look(customerDecider, at);
      if (state.status === 'none' || state.mergedInto === undefined) return at;
      at = state.mergedInto;
    }
    return [...seen].sort()[0]!;
  }

  private hash({ type, value }: Identifier): string {
    return this.parts.vault.lookupHash(type, value);
  }
}

type About = Pick<BindKey, 'occurredAt' | 'source'>;

/** An identifier that nobody here remembers, and the facts that name it. */
interface Claim {
  readonly identifier: Identifier;
  readonly about: About;
  readonly of: number[];
}

interface Named {
  readonly customerId: string;
  /** Other people to whom identifiers lead. */
  readonly others: readonly string[];
}

/** Whom the identifiers led to is forgotten. */
interface Gone {
  readonly gone: string;
  readonly error: TouchstoneError;
}

/** Claims of one fact that may be overtaken by the forgetting of whom they found. */
const MAX_ATTEMPTS = 3;

const namesOf = ({ customer, identifiers = [] }: Naming): Identifier[] => [
  ...(customer ? [customer] : []),
  ...identifiers,
];

const claim = (hash: string, keyType: string, customerId: string, about: About): Work => ({
  decider: keyDecider as never,
  command: new BindKey({ hash, keyType, customerId, ...about }),
});

const register = (
  customerId: string,
  identifiers: readonly Identifier[],
  about: About,
  registrationId: string,
): Work => ({
  decider: customerDecider as never,
  command: new RegisterCustomer({ customerId, identifiers, registrationId, ...about }),
});

const named = (customerId: string, identifiers: readonly Identifier[], namings: readonly string[]): Work => ({
  decider: customerDecider as never,
  command: new NameCustomer({ customerId, identifiers, namings, namingId: wholeOf(namings) }),
});

/** What the naming of the customer by this identifier is called: who was named so is not named so again. */
const namingId = (customerId: string, hash: string): string => deterministicId('customer-named', customerId, hash);

/** What the naming by all of these is called. */
const wholeOf = (namings: readonly string[]): string =>
  namings.length === 1 ? namings[0]! : deterministicId('customer-named', ...[...new Set(namings)].sort());

/**
 * A customer is known since their own first fact. In a historical load their registration stands before the whole chunk,
 * so it is recorded at the time of the chunk's first fact: recorded time never goes backwards.
 */
function aboutOf(own: Naming, first: Naming, { recordedAt }: ExecuteOptions): About {
  const stamp = recordedAt === 'source' ? (first.source?.recordedAt ?? first.occurredAt) : own.source?.recordedAt;
  return {
    occurredAt: own.occurredAt,
    source: own.source && { system: own.source.system, ...(stamp !== undefined && { recordedAt: stamp }) },
  };
}

/** Types that begin so are those of objects of the rules: their keys stand in the same streams. */
const OF_OBJECTS = '["';

/** What is wrong with the identifiers themselves: IDENTIFIER_TYPE_RESERVED, or nothing. */
export function identifierFault(names: readonly Identifier[]): TouchstoneError | undefined {
  const reserved = names.find(({ type }) => type.startsWith(OF_OBJECTS));
  if (!reserved) return undefined;
  const message = `No type of identifier may begin with ${OF_OBJECTS}: give it a plain name, such as "account".`;
  return new TouchstoneError('IDENTIFIER_TYPE_RESERVED', message, 'invalid');
}

/** Whom the key leads to; an error is a fault of the fact. @throws a fault of the house */
function claimed(outcome: WorkOutcome): string | TouchstoneError {
  if (!outcome.ok) return faultOf(outcome.error);
  const key = outcome.done.state as LookupKey;
  if (key.status === 'bound' && key.customerId !== undefined) return key.customerId;
  const message = 'The identifier is bound to a journey, not to a customer; give another type of identifier.';
  return new TouchstoneError('KEY_TAKEN', message, 'refused');
}
