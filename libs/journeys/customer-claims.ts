import { LRUCache } from 'lru-cache';
import {
  newId,
  TouchstoneError,
  type ExecuteOptions,
  type Kernel,
  type Vault,
  type Work,
  type WorkOutcome,
} from '@touchstone/eventing';
import { customerDecider, NameCustomer, RegisterCustomer, type Identifier } from './customer.js';
import { BindKey, keyDecider, type LookupKey } from './lookup-key.js';
import type { DoubtMatch } from './match.js';
import type { UnplacedFact } from './touchpoint-fact.js';

/** What a fact says of whose it is. */
export type Naming = Pick<UnplacedFact, 'customer' | 'identifiers'> &
  Partial<Pick<UnplacedFact, 'occurredAt' | 'source'>>;

export interface Customers {
  /** By the hash of the first identifier of a fact. */
  readonly byHash: ReadonlyMap<string, string>;
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
      readonly kernel: Pick<Kernel, 'look'>;
      readonly execute: (work: readonly Work[], options: ExecuteOptions) => Promise<WorkOutcome[]>;
      readonly vault: Pick<Vault, 'lookupHash'>;
    },
  ) {}

  /** The hash by which `customersOf` answers for a fact; undefined: it names nobody. */
  hashOf(fact: Naming): string | undefined {
    const [first] = namesOf(fact);
    return first && this.hash(first);
  }

  /** Remembers no identifier of these customers any more: whoever comes with one is looked up anew. */
  letGoOf(customerIds: readonly string[]): void {
    const gone = new Set(customerIds);
    this.age++;
    for (const [hash, customerId] of this.kept.entries()) if (gone.has(customerId)) this.kept.delete(hash);
  }

  async customersOf(facts: readonly Naming[], options: ExecuteOptions): Promise<Customers> {
    const byHash = new Map<string, string>();
    const open = new Map<string, { identifier: Identifier; about: About }>();
    const several: Naming[] = [];
    for (const fact of facts) {
      const names = namesOf(fact);
      if (names.length === 0) continue;
      if (names.length > 1) {
        several.push(fact);
        continue;
      }
      const hash = this.hash(names[0]!);
      const known = this.kept.get(hash);
      if (known !== undefined) byHash.set(hash, known);
      else if (!open.has(hash)) open.set(hash, { identifier: names[0]!, about: aboutOf(fact, facts[0]!, options) });
    }
    if (open.size > 0) await this.claimAll(open, byHash, options);
    const doubts: Omit<DoubtMatch, 'matchId'>[] = [];
    for (const fact of several) {
      const about = aboutOf(fact, facts[0]!, options);
      const { customerId, others } = await this.claimNames(namesOf(fact), about, options);
      byHash.set(this.hashOf(fact)!, customerId);
      for (const other of others) {
        const [first, second] = customerId < other ? [customerId, other] : [other, customerId];
        doubts.push({ of: 'customers', first, second, reason: 'identifiers' });
      }
    }
    return { byHash, doubts };
  }

  private async claimAll(
    open: ReadonlyMap<string, { identifier: Identifier; about: About }>,
    found: Map<string, string>,
    options: ExecuteOptions,
  ): Promise<void> {
    const { age } = this;
    const claims = await this.parts.execute(
      [...open].map(([hash, { identifier, about }]) => claim(hash, identifier.type, newId(), about)),
      options,
    );
    const bound = [...open].map(([hash, first], i) => ({ ...first, hash, customerId: claimed(claims[i]!) }));
    // Also for keys that were bound before: a crash between claim and registration is made good here.
    const registered = await this.parts.execute(
      bound.map(({ customerId, identifier, about }) => register(customerId, [identifier], about)),
      options,
    );
    for (const outcome of registered) if (!outcome.ok) throw outcome.error;
    for (const { hash, customerId } of bound) {
      found.set(hash, customerId);
      if (age === this.age) this.kept.set(hash, customerId);
    }
  }

  /** Several identifiers of one person: whoever has the first of them that is known; the free ones become theirs. */
  private async claimNames(names: readonly Identifier[], about: About, options: ExecuteOptions) {
    const hashes = names.map((name) => this.hash(name));
    const holders = await Promise.all(hashes.map((hash) => this.holder(hash)));
    let owner = holders.find((holder) => holder !== undefined);
    const others = new Set<string>();
    const fresh: Identifier[] = [];
    for (const [i, name] of names.entries()) {
      let holder = holders[i];
      if (holder === undefined) {
        const wanted = owner ?? newId();
        const [outcome] = await this.parts.execute([claim(hashes[i]!, name.type, wanted, about)], options);
        holder = claimed(outcome!);
        if (holder === wanted) fresh.push(name);
      }
      owner ??= holder;
      if (holder !== owner) others.add(holder);
    }
    const known = holders.some((holder) => holder !== undefined);
    const work = [register(owner!, fresh.length > 0 ? fresh : names, about)];
    if (known && fresh.length > 0) work.push(named(owner!, fresh));
    for (const outcome of await this.parts.execute(work, options)) if (!outcome.ok) throw outcome.error;
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

const namesOf = ({ customer, identifiers = [] }: Naming): Identifier[] => [
  ...(customer ? [customer] : []),
  ...identifiers,
];

const claim = (hash: string, keyType: string, customerId: string, about: About): Work => ({
  decider: keyDecider as never,
  command: new BindKey({ hash, keyType, customerId, ...about }),
});

const register = (customerId: string, identifiers: readonly Identifier[], about: About): Work => ({
  decider: customerDecider as never,
  command: new RegisterCustomer({ customerId, identifiers, ...about }),
});

const named = (customerId: string, identifiers: readonly Identifier[]): Work => ({
  decider: customerDecider as never,
  command: new NameCustomer({ customerId, identifiers }),
});

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

function claimed(outcome: WorkOutcome): string {
  if (!outcome.ok) throw outcome.error;
  const key = outcome.done.state as LookupKey;
  if (key.status !== 'bound' || key.customerId === undefined) {
    throw new TouchstoneError('KEY_TAKEN', 'The identifier is bound to a journey, not to a customer.', 'refused');
  }
  return key.customerId;
}
