import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { command, Kernel, newId, refuse, TouchstoneError, type Executed, type Vault } from '@touchstone/eventing';
import { VAULT } from '@touchstone/platform';
import {
  customerDecider,
  isMergedInto,
  MergeCustomers,
  mustBeKnown,
  NameCustomer,
  RegisterCustomer,
  type Customer,
  type Identifier,
} from './customer.js';
import { identifierFault } from './customer-claims.js';
import { releaseKeysOf } from './forgetting-keys.js';
import { BindKey, keyDecider } from './lookup-key.js';
import { ReadPeople } from './read-people.js';

/** A customer with the identifiers they are known by. */
export class EnrolCustomer extends command<{
  identifiers: readonly Identifier[];
  name?: string;
  phone?: string;
  segment?: string;
  region?: string;
  tier?: string;
}>() {}

/** Claims of one registration that may be overtaken by the forgetting of whom they found. */
const MAX_ATTEMPTS = 3;

/**
 * Registers a customer under their identifiers. One who is known by the first identifier is answered as they are, and
 * learns the further identifiers. Nothing is bound when an identifier belongs to someone else; one that still leads to
 * somebody who was forgotten belongs to nobody.
 */
@CommandHandler(EnrolCustomer)
export class EnrolCustomerHandler {
  constructor(
    private readonly kernel: Kernel,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /** @throws IDENTIFIER_TYPE_RESERVED, IDENTIFIER_TAKEN, CUSTOMER_FORGOTTEN: when that happens while it is at work, again and again */
  async execute(c: EnrolCustomer): Promise<Executed> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.enrol(c);
      } catch (error) {
        const overtaken = error instanceof TouchstoneError && error.code === 'CUSTOMER_FORGOTTEN';
        if (!overtaken || attempt >= MAX_ATTEMPTS) throw error;
      }
    }
  }

  private async enrol({ identifiers, ...profile }: EnrolCustomer): Promise<Executed> {
    const fault = identifierFault(identifiers);
    if (fault) throw fault;
    const holders = await Promise.all(identifiers.map((identifier) => this.holder(identifier)));
    identifiers.forEach(({ type }, i) => {
      if (holders[i] !== undefined && holders[i] !== holders[0]) throw taken(type);
    });
    const [first, ...others] = identifiers;
    // The first claim decides who this is; who loses it to another caller joins them. Always as somebody new: whom the
    // key led to a moment ago may be forgotten by now, and must not get it back.
    const owner = await this.claim(first!, newId());
    const registered = await this.kernel.execute(
      customerDecider,
      new RegisterCustomer({ customerId: owner, identifiers, ...profile }),
    );
    for (const identifier of others) if ((await this.claim(identifier, owner)) !== owner) throw taken(identifier.type);
    await this.mustStillBeKnown(owner, identifiers);
    const unknown = registered.events.length > 0 ? [] : identifiers.filter((_, i) => holders[i] === undefined);
    if (unknown.length === 0) return registered;
    return this.kernel.execute(customerDecider, new NameCustomer({ customerId: owner, identifiers: unknown }));
  }

  /** Whoever is forgotten from here on is forgotten with these keys; from before, nobody else would let go of them. */
  private async mustStillBeKnown(customerId: string, identifiers: readonly Identifier[]): Promise<void> {
    const { state } = await this.kernel.look(customerDecider, customerId);
    if (state.status === 'forgotten') await this.letGo(identifiers, customerId);
    mustBeKnown(customerId, state);
  }

  /** Whom the identifier leads to, unless they were forgotten. */
  private async holder({ type, value }: Identifier): Promise<string | undefined> {
    const { state } = await this.kernel.look(keyDecider, this.vault.lookupHash(type, value));
    if (state.status !== 'bound' || state.customerId === undefined) return undefined;
    return (await this.isForgotten(state.customerId)) ? undefined : state.customerId;
  }

  /** Whom the identifier leads to now; taken from somebody who was forgotten. */
  private async claim(identifier: Identifier, customerId: string): Promise<string> {
    const { type, value } = identifier;
    const bind = new BindKey({ hash: this.vault.lookupHash(type, value), keyType: type, customerId });
    for (;;) {
      const { state } = await this.kernel.execute(keyDecider, bind);
      if (state.status !== 'bound' || state.customerId === undefined) throw taken(type);
      // Of the one it is claimed for, the end of the registration will say.
      if (state.customerId === customerId || !(await this.isForgotten(state.customerId))) return state.customerId;
      await this.letGo([identifier], state.customerId);
    }
  }

  private letGo(identifiers: readonly Identifier[], customerId: string): Promise<void> {
    const hashes = identifiers.map(({ type, value }) => this.vault.lookupHash(type, value));
    const reason = 'The customer was forgotten.';
    return releaseKeysOf(this.kernel, { customers: [customerId], hashes, reason });
  }

  private async isForgotten(customerId: string): Promise<boolean> {
    return (await this.kernel.look(customerDecider, customerId)).state.status === 'forgotten';
  }
}

/**
 * Merges a customer into another one, who must be there and must not have been merged into the first. One merge at a
 * time in this process, so that no two close a circle; where two processes do at once, readers agree on one of them.
 */
@CommandHandler(MergeCustomers)
export class MergeCustomersHandler {
  private before: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly kernel: Kernel,
    private readonly people: ReadPeople,
  ) {}

  execute(c: MergeCustomers): Promise<Executed> {
    const merged = this.before.then(() => this.merge(c));
    // What they live from now on is that of one person.
    void merged.then(
      ({ position }) => this.people.changed(position),
      () => undefined,
    );
    this.before = merged.catch(() => undefined);
    return merged;
  }

  private async merge(c: MergeCustomers): Promise<Executed> {
    const absorbed = await this.look(c.customerId);
    const decidesAlone = c.customerId === c.survivorId || isMergedInto(absorbed, c.survivorId);
    if (!decidesAlone) await this.checkSurvivor(c);
    return this.kernel.execute(customerDecider, c);
  }

  private async checkSurvivor({ customerId, survivorId }: MergeCustomers): Promise<void> {
    const seen = new Set([survivorId]);
    let next = mustBeKnown(survivorId, await this.look(survivorId)).mergedInto;
    while (next !== undefined && !seen.has(next)) {
      if (next === customerId) {
        const message = `The customer ${survivorId} was merged into ${customerId}; unmerge them first, or merge the other way round.`;
        refuse('CUSTOMER_MERGE_CYCLE', message);
      }
      seen.add(next);
      const customer = await this.look(next);
      next = customer.status === 'none' ? undefined : customer.mergedInto;
    }
  }

  private async look(customerId: string): Promise<Customer> {
    return (await this.kernel.look(customerDecider, customerId)).state;
  }
}

const taken = (type: string): TouchstoneError =>
  new TouchstoneError(
    'IDENTIFIER_TAKEN',
    `The ${type} given belongs to another customer; look them up by it first.`,
    'conflict',
  );
