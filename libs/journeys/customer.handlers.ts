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
import { BindKey, keyDecider } from './lookup-key.js';

/** A customer with the identifiers they are known by. */
export class EnrolCustomer extends command<{
  identifiers: readonly Identifier[];
  name?: string;
  phone?: string;
  segment?: string;
  region?: string;
  tier?: string;
}>() {}

/**
 * Registers a customer under their identifiers. One who is known by the first identifier is answered as they are, and
 * learns the further identifiers. Nothing is bound when an identifier belongs to someone else.
 */
@CommandHandler(EnrolCustomer)
export class EnrolCustomerHandler {
  constructor(
    private readonly kernel: Kernel,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  async execute({ identifiers, ...profile }: EnrolCustomer): Promise<Executed> {
    const holders = await Promise.all(identifiers.map((identifier) => this.holder(identifier)));
    const customerId = holders[0] ?? newId();
    identifiers.forEach(({ type }, i) => {
      if (holders[i] !== undefined && holders[i] !== customerId) throw taken(type);
    });
    const [first, ...others] = identifiers;
    // The first claim decides who this is; who loses it to another caller joins them.
    const owner = await this.claim(first!, customerId);
    const registered = await this.kernel.execute(
      customerDecider,
      new RegisterCustomer({ customerId: owner, identifiers, ...profile }),
    );
    for (const identifier of others) if ((await this.claim(identifier, owner)) !== owner) throw taken(identifier.type);
    const unknown = registered.events.length > 0 ? [] : identifiers.filter((_, i) => holders[i] === undefined);
    if (unknown.length === 0) return registered;
    return this.kernel.execute(customerDecider, new NameCustomer({ customerId: owner, identifiers: unknown }));
  }

  private async holder({ type, value }: Identifier): Promise<string | undefined> {
    const { state } = await this.kernel.look(keyDecider, this.vault.lookupHash(type, value));
    return state.status === 'bound' ? state.customerId : undefined;
  }

  private async claim({ type, value }: Identifier, customerId: string): Promise<string> {
    const bind = new BindKey({ hash: this.vault.lookupHash(type, value), keyType: type, customerId });
    const { state } = await this.kernel.execute(keyDecider, bind);
    if (state.status !== 'bound' || state.customerId === undefined) throw taken(type);
    return state.customerId;
  }
}

/**
 * Merges a customer into another one, who must be there and must not have been merged into the first. One merge at a
 * time in this process, so that no two close a circle; where two processes do at once, readers agree on one of them.
 */
@CommandHandler(MergeCustomers)
export class MergeCustomersHandler {
  private before: Promise<unknown> = Promise.resolve();

  constructor(private readonly kernel: Kernel) {}

  execute(c: MergeCustomers): Promise<Executed> {
    const merged = this.before.then(() => this.merge(c));
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
