import { Inject } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { command, Kernel, newId, TouchstoneError, type Executed, type Vault } from '@touchstone/eventing';
import { VAULT } from '@touchstone/platform';
import { customerDecider, NameCustomer, RegisterCustomer, type Identifier } from './customer.js';
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

const taken = (type: string): TouchstoneError =>
  new TouchstoneError(
    'IDENTIFIER_TAKEN',
    `The ${type} given belongs to another customer; look them up by it first.`,
    'conflict',
  );
