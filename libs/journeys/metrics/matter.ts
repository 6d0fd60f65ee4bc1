/**
 * A matter: what one person (the root of merged customers) has on hand in one type of journey. Its contacts, in any of
 * its journeys, tell repeats from first contacts.
 */
import { byInstant } from '@touchstone/eventing/pure';
import { Flag } from '../journey-blob.js';
import { ContactFlag } from './care.tables.js';
import { contactsOf, isDisplaced, wasReopened, type JourneyFacts } from './facts.js';

/** A contact so soon after another of the same matter is a repeat: 7 days of 24 hours, in ms. */
export const REPEAT_WINDOW_MS = 168 * 3_600_000;

/** A contact of a known customer. Surrogates; 0 is "none". */
export interface Contact {
  readonly root: number;
  readonly journey_type: number;
  /** ms since 1970. */
  readonly at: number;
  readonly sequence: number;
  /** Of the touchpoint. */
  readonly id: string;
  readonly journey: number;
  readonly day: number;
  readonly unit: number;
  readonly channel: number;
  readonly stage: number;
  readonly segment: number;
  readonly region: number;
  readonly tier: number;
  /** ContactFlag; of the contact's own journey only until `judged`. */
  readonly flags: number;
}

/** The contacts of a journey without their neighbours in the matter. None where no customer is known. */
export function contactRows(facts: JourneyFacts, dayOf: (ms: number) => number): Contact[] {
  const { head, touchpoints } = facts;
  if (head.customer === 0) return [];
  const reopened = wasReopened(facts) ? ContactFlag.reopened : 0;
  let confirmation = touchpoints.length - 1;
  while (confirmation >= 0 && !facts.has(touchpoints[confirmation]!, Flag.confirms)) confirmation--;
  return contactsOf(facts).map((number): Contact => {
    const place = touchpoints[number]!;
    const [columns, i] = facts.columnsAt(place);
    const at = columns.at(i);
    return {
      root: head.root,
      journey_type: head.type,
      at,
      sequence: columns.sequence(i),
      id: columns.id(i),
      journey: head.journey,
      day: dayOf(at),
      unit: columns.unit(i),
      channel: columns.channel(i),
      stage: columns.stage(i),
      segment: head.segment,
      region: head.region,
      tier: head.tier,
      flags:
        reopened |
        (confirmation >= number ? ContactFlag.confirmed : 0) |
        (isDisplaced(facts, number) ? ContactFlag.displaced : 0),
    };
  });
}

export const byMatter = (a: Contact, b: Contact): number =>
  a.root - b.root || a.journey_type - b.journey_type || byInstant(a, b);

const sameMatter = (a: Contact | undefined, b: Contact): a is Contact =>
  a !== undefined && a.root === b.root && a.journey_type === b.journey_type;

/** The neighbour is of the same matter and within the window. */
export const isNear = (a: Contact | undefined, b: Contact): a is Contact =>
  sameMatter(a, b) && Math.abs(a.at - b.at) <= REPEAT_WINDOW_MS;

const OWN = ContactFlag.confirmed | ContactFlag.reopened | ContactFlag.displaced;

/**
 * The contact's status among its neighbours in the matter's order. Resolved by absence means: no repeat so far; whether
 * the window has passed is the reader's question.
 */
export function judged(contact: Contact, before: Contact | undefined, after: Contact | undefined): number {
  const own = contact.flags & OWN;
  if (isNear(before, contact)) return own | ContactFlag.repeat;
  const resolved = !(own & ContactFlag.reopened) && (!!(own & ContactFlag.confirmed) || !isNear(after, contact));
  return own | (resolved ? ContactFlag.resolved : 0);
}

export const isRepeat = ({ flags }: Pick<Contact, 'flags'>): boolean => (flags & ContactFlag.repeat) !== 0;
export const isResolved = ({ flags }: Pick<Contact, 'flags'>): boolean => (flags & ContactFlag.resolved) !== 0;
export const isConfirmed = ({ flags }: Pick<Contact, 'flags'>): boolean => (flags & ContactFlag.confirmed) !== 0;

/** Resolved since no repeat has come so far. */
export const isByAbsence = (contact: Pick<Contact, 'flags'>): boolean => isResolved(contact) && !isConfirmed(contact);
/** Resolved so, and the rule's moment has a place. */
export const isOwed = (contact: Pick<Contact, 'flags'>): boolean =>
  isByAbsence(contact) && (contact.flags & ContactFlag.displaced) === 0;

/** A first contact that counts as resolved only because no repeat has come so far, with its window open at `instant`. */
export const isUndecided = (contact: Pick<Contact, 'flags' | 'at'>, instant: number): boolean =>
  isByAbsence(contact) && contact.at + REPEAT_WINDOW_MS > instant;
