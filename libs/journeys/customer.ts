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
      /** Ids of the events that named them, so that a naming is not repeated: the identifiers themselves are sealed. */
      named?: ReadonlySet<string>;
    };

export function evolve(customer: Customer, e: CustomerEvent): Customer {
  const known = customer.status === 'none' ? { status: 'registered' as const } : customer;
  switch (e.type) {
    case 'CustomerRegistered':
    case 'CustomerUpdated': {
      const { segment, region, tier } = e.data;
      return {
        ...known,
        named: new Set(known.named).add(e.id),
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
    /** Id of the event: that of the naming by these identifiers. */
    registrationId?: string;
  } & Profile
>() {}
/** Adds identifiers by which the customer is known from now on. */
export class NameCustomer extends command<{
  customerId: string;
  identifiers: readonly Identifier[];
  /** What the naming by each of them is called, in their order; those that happened are left out. Absent: all are new. */
  namings?: readonly string[];
  /** Id of the event: what the naming by all of them is called. */
  namingId?: string;
}>() {}
export class UpdateCustomer extends command<{ customerId: string; expectedRevision?: number } & Profile>() {}
/** The customer turns out to be the survivor; whether the survivor can be one is looked up before. */
export class MergeCustomers extends command<{
  /** The one who is absorbed. */
  customerId: string;
  survivorId: string;
  reason: string;
  expectedRevision?: number;
}>() {}
export class UnmergeCustomers extends command<{ customerId: string; reason: string; expectedRevision?: number }>() {}
/** Says that the customer is forgotten; their key is destroyed by whoever says so. */
export class ForgetCustomer extends command<{ customerId: string; reason: string; basis?: string }>() {}

export const registerCustomer: Decide<RegisterCustomer, Customer> = (c, customer) => {
  if (customer.status !== 'none') return [];
  const { customerId, identifiers, occurredAt, source, registrationId } = c;
  const about = { id: registrationId, occurredAt, source, subject: customerSubject(customerId) };
  return [CustomerRegistered({ identifiers: [...identifiers], ...profileOf(c) }, about)];
};

export const nameCustomer: Decide<NameCustomer, Customer> = (c, customer) => {
  const { customerId, identifiers, namings, namingId } = c;
  const { named } = mustBeKnown(customerId, customer);
  if (namingId !== undefined && named?.has(namingId)) return [];
  const fresh = identifiers.filter((_, i) => !named?.has(namings?.[i] ?? ''));
  if (fresh.length === 0) return [];
  return [CustomerUpdated({ identifiers: fresh }, { id: namingId, subject: customerSubject(customerId) })];
};

export const updateCustomer: Decide<UpdateCustomer, Customer> = (
  { customerId, expectedRevision: _seen, ...rest },
  customer,
) => {
  const known = mustBeKnown(customerId, customer);
  const change = profileOf(rest);
  const { name, phone, ...open } = change;
  const same = Object.entries(open).every(([field, value]) => known[field as keyof typeof open] === value);
  if (same && name === undefined && phone === undefined) return [];
  return [CustomerUpdated(change, { subject: customerSubject(customerId) })];
};

export const mergeCustomers: Decide<MergeCustomers, Customer> = ({ customerId, survivorId, reason }, customer) => {
  if (customerId === survivorId) {
    refuse('CUSTOMER_MERGE_SELF', 'Both are the same customer already; name the one who is absorbed and the other.');
  }
  if (isMergedInto(customer, survivorId)) return [];
  const { mergedInto } = mustBeKnown(customerId, customer);
  if (mergedInto !== undefined) {
    const message = `The customer ${customerId} was merged into ${mergedInto}; unmerge them first, or merge ${mergedInto}.`;
    refuse('CUSTOMER_MERGED', message, { mergedInto });
  }
  return [CustomersMerged({ survivorId, reason })];
};

/** Also of somebody who was forgotten: whose the journeys are is told by ids, and may be set right. */
export const unmergeCustomers: Decide<UnmergeCustomers, Customer> = ({ customerId, reason }, customer) => {
  if (customer.status === 'none') return refuseUnknown(customerId);
  if (customer.mergedInto === undefined) return [];
  return [CustomersUnmerged({ survivorId: customer.mergedInto, reason })];
};

export const forgetCustomer: Decide<ForgetCustomer, Customer> = ({ customerId, reason, basis }, customer) => {
  switch (customer.status) {
    case 'none':
      return refuseUnknown(customerId);
    case 'forgotten':
      return [];
    case 'registered':
      return [CustomerForgotten({ reason, basis })];
  }
};

export const isMergedInto = (customer: Customer, survivorId: string): boolean =>
  customer.status !== 'none' && customer.mergedInto === survivorId;

/** @throws CUSTOMER_UNKNOWN, CUSTOMER_FORGOTTEN */
export function mustBeKnown(id: string, customer: Customer): Exclude<Customer, { status: 'none' }> {
  if (customer.status === 'none') return refuseUnknown(id);
  if (customer.status === 'registered') return customer;
  return refuse('CUSTOMER_FORGOTTEN', `The customer ${id} was forgotten; register whoever it is now as a new one.`);
}

const refuseUnknown = (id: string): never =>
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
    on(MergeCustomers, (c) => c.customerId, mergeCustomers),
    on(UnmergeCustomers, (c) => c.customerId, unmergeCustomers),
    on(ForgetCustomer, (c) => c.customerId, forgetCustomer),
  ],
);
