/** A customer: who they are to the company. What they lived stands in their journeys. */
import {
  command,
  decider,
  event,
  refuse,
  t,
  type Decide,
  type EventOf,
  type EventSource,
  type Static,
} from '@touchstone/eventing/pure';

export const customerStream = (id: string) => `customer-${id}`;
export const customerSubject = (id: string) => `customer:${id}`;

const identifierSchema = t.object({ type: t.code(), value: t.id() });
/** A name of the customer in some system: account, phone, meter. */
export type Identifier = Static<typeof identifierSchema>;

const profile = {
  name: t.optional(t.personal(t.text({ maxLength: 512 }))),
  phone: t.optional(t.personal(t.text({ maxLength: 64 }))),
  /** Kind of customer, such as `resident` or `industrial`. */
  segment: t.optional(t.code()),
  region: t.optional(t.code()),
  tier: t.optional(t.code()),
};

export const CustomerRegistered = event(
  'CustomerRegistered',
  t.object({ identifiers: t.personal(t.array(identifierSchema, { maxItems: 100 })), ...profile }),
);
export const CustomerUpdated = event(
  'CustomerUpdated',
  t.object({
    /** Further identifiers; those known before stay. */
    identifiers: t.optional(t.personal(t.array(identifierSchema, { maxItems: 100 }))),
    ...profile,
  }),
);
/** This customer and the survivor are one person; it stands in the stream of the one who is absorbed. */
export const CustomersMerged = event('CustomersMerged', t.object({ survivorId: t.uuid(), reason: t.text() }));
/** They are not the same after all. */
export const CustomersUnmerged = event('CustomersUnmerged', t.object({ survivorId: t.uuid(), reason: t.text() }));
/** The key of everything personal is destroyed; what happened stays, and names nobody. */
export const CustomerForgotten = event(
  'CustomerForgotten',
  t.object({
    reason: t.text(),
    /** On which ground, such as an article of law. */
    basis: t.optional(t.code()),
  }),
);
export type CustomerEvent = EventOf<
  | typeof CustomerRegistered
  | typeof CustomerUpdated
  | typeof CustomersMerged
  | typeof CustomersUnmerged
  | typeof CustomerForgotten
>;

export type Customer =
  | { status: 'none' }
  | {
      status: 'registered' | 'forgotten';
      segment?: string;
      region?: string;
      tier?: string;
      /** The survivor that this customer was merged into. */
      mergedInto?: string;
    };

export function evolve(customer: Customer, e: CustomerEvent): Customer {
  const known = customer.status === 'none' ? { status: 'registered' as const } : customer;
  switch (e.type) {
    case 'CustomerRegistered':
    case 'CustomerUpdated': {
      const { segment, region, tier } = e.data;
      return {
        ...known,
        ...(segment !== undefined && { segment }),
        ...(region !== undefined && { region }),
        ...(tier !== undefined && { tier }),
      };
    }
    case 'CustomersMerged':
      return { ...known, mergedInto: e.data.survivorId };
    case 'CustomersUnmerged': {
      const { mergedInto: _was, ...alone } = known;
      return alone;
    }
    case 'CustomerForgotten':
      return { ...known, status: 'forgotten' };
  }
}

interface Profile {
  name?: string;
  phone?: string;
  segment?: string;
  region?: string;
  tier?: string;
}

/** Registers a customer; a customer who is registered already stays as they are. */
export class RegisterCustomer extends command<
  {
    customerId: string;
    identifiers: readonly Identifier[];
    /** When and by which source they were first named; absent: now. */
    occurredAt?: string;
    source?: EventSource;
  } & Profile
>() {}
/** Adds identifiers by which the customer is known from now on. */
export class NameCustomer extends command<{ customerId: string; identifiers: readonly Identifier[] }>() {}
export class UpdateCustomer extends command<{ customerId: string; expectedRevision?: number } & Profile>() {}

export const registerCustomer: Decide<RegisterCustomer, Customer> = (c, customer) => {
  if (customer.status !== 'none') return [];
  const { customerId, identifiers, occurredAt, source } = c;
  const about = { occurredAt, source, subject: customerSubject(customerId) };
  return [CustomerRegistered({ identifiers: [...identifiers], ...profileOf(c) }, about)];
};

export const nameCustomer: Decide<NameCustomer, Customer> = ({ customerId, identifiers }, customer) => {
  if (customer.status === 'none') return unknown(customerId);
  return [CustomerUpdated({ identifiers: [...identifiers] }, { subject: customerSubject(customerId) })];
};

export const updateCustomer: Decide<UpdateCustomer, Customer> = (
  { customerId, expectedRevision: _seen, ...rest },
  customer,
) => {
  if (customer.status === 'none')
    return refuse('CUSTOMER_UNKNOWN', `No customer ${customerId} is registered; register them first.`);
  const change = profileOf(rest);
  const { name, phone, ...open } = change;
  const same = Object.entries(open).every(([field, value]) => customer[field as keyof typeof open] === value);
  if (same && name === undefined && phone === undefined) return [];
  return [CustomerUpdated(change, { subject: customerSubject(customerId) })];
};

const unknown = (id: string): never =>
  refuse('CUSTOMER_UNKNOWN', `No customer ${id} is registered; register them first.`);

function profileOf({ name, phone, segment, region, tier }: Profile): Profile {
  return {
    ...(name !== undefined && { name }),
    ...(phone !== undefined && { phone }),
    ...(segment !== undefined && { segment }),
    ...(region !== undefined && { region }),
    ...(tier !== undefined && { tier }),
  };
}

export const customerDecider = decider<Customer, CustomerEvent>(
  { name: 'customer', stream: customerStream, initial: () => ({ status: 'none' }), evolve },
  (on) => [
    on(RegisterCustomer, (c) => c.customerId, registerCustomer),
    on(NameCustomer, (c) => c.customerId, nameCustomer),
    on(UpdateCustomer, (c) => c.customerId, updateCustomer),
  ],
);
