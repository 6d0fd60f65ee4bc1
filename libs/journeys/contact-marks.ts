/** What a contact is among the others: a repeat or the first of its matter, on the same channel or on another. */
import { sql } from 'kysely';
import { heldAt, type Read } from '@touchstone/readmodel/query';
import { treeBelow } from './customer-tree.js';
import { Flag } from './journey-blob.js';
import { hasParts, isAlone } from './journey-wholes.js';
import { contactsOf, isChannelChange, type JourneyFacts } from './metrics/facts.js';
import { seenFacts } from './metrics/held-journeys.js';
import { byMatter, contactRows, isNear, isRepeat, judged, REPEAT_WINDOW_MS, type Contact } from './metrics/matter.js';

export interface ContactMarks {
  /** The latest earlier contact of the matter, where it makes this one a repeat. */
  readonly repeatOf: string | null;
  /** Null: this is no contact, or nobody knows the customer. */
  readonly firstContact: boolean | null;
  /** From the contact before it in the journey. */
  readonly channelChange: { readonly from: string; readonly to: string; readonly inContext: boolean } | null;
}

export const NO_CONTACT: ContactMarks = { repeatOf: null, firstContact: null, channelChange: null };

/** A touchpoint that is shown: surrogate of its journey, id, ms since 1970. */
interface Shown {
  readonly journey: number;
  readonly entry_id: string;
  readonly occurred_ms: number;
}

/** The day of a contact is of no concern here. */
const noDay = () => 0;

/** Marks of those of the touchpoints that are contacts, by id, as known at the read's position. */
export async function contactMarks(read: Read, shown: readonly Shown[]): Promise<ReadonlyMap<string, ContactMarks>> {
  const ids = new Set(shown.map((row) => row.entry_id));
  const marks = new Map<string, { -readonly [K in keyof ContactMarks]: ContactMarks[K] }>();
  const changes: ChannelChange[] = [];
  const own: Contact[] = [];
  for await (const facts of seenFacts(read, [...new Set(shown.map((row) => row.journey))])) {
    changes.push(...channelChanges(facts).filter((change) => ids.has(change.id)));
    own.push(...contactRows(facts, noDay).filter((contact) => ids.has(contact.id)));
  }
  const markOf = (id: string) => {
    let mark = marks.get(id);
    if (!mark) marks.set(id, (mark = { ...NO_CONTACT }));
    return mark;
  };
  const channels = await read.namesOf(changes.flatMap(({ from, to }) => [from, to]));
  for (const { id, from, to, inContext } of changes) {
    markOf(id).channelChange = { from: channels.get(from)!, to: channels.get(to)!, inContext };
  }
  for (const { id, before } of await withNeighbours(read, own)) {
    markOf(id).firstContact = before === null;
    markOf(id).repeatOf = before;
  }
  return marks;
}

interface ChannelChange {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly inContext: boolean;
}

function channelChanges(facts: JourneyFacts): ChannelChange[] {
  const found: ChannelChange[] = [];
  let before = 0;
  for (const number of contactsOf(facts)) {
    const place = facts.touchpoints[number]!;
    const channel = facts.channel(place);
    if (isChannelChange(before, channel)) {
      found.push({ id: facts.id(place), from: before, to: channel, inContext: facts.has(place, Flag.contextPassed) });
    }
    before = channel;
  }
  return found;
}

/** Each of the contacts with the one that makes it a repeat, or null. */
async function withNeighbours(
  read: Read,
  contacts: readonly Contact[],
): Promise<{ readonly id: string; readonly before: string | null }[]> {
  const asked = new Set(contacts.map((contact) => contact.id));
  const found: { id: string; before: string | null }[] = [];
  for (const root of new Set(contacts.map((contact) => contact.root))) {
    const own = contacts.filter((contact) => contact.root === root);
    const near = await contactsNear(read, root, own);
    near.sort(byMatter).forEach((contact, i) => {
      if (!asked.has(contact.id)) return;
      const before = near[i - 1];
      const repeats = isRepeat({ flags: judged(contact, before, undefined) });
      found.push({ id: contact.id, before: repeats && isNear(before, contact) ? before.id : null });
    });
  }
  return found;
}

/** Every contact of one person, in the types of journey of these contacts, that may stand shortly before one of them. */
async function contactsNear(read: Read, root: number, contacts: readonly Contact[]): Promise<Contact[]> {
  const times = contacts.map((contact) => contact.at);
  const from = times.reduce((least, at) => Math.min(least, at), Infinity) - REPEAT_WINDOW_MS;
  const to = times.reduce((most, at) => Math.max(most, at), -Infinity);
  const merged = await hasParts(read);
  const touched = read.db.selectFrom('journey_blob').select('journey_blob.journey');
  const journeys = await read.db
    .selectFrom('journey_state')
    .select('journey_state.journey')
    .where('customer', 'in', treeBelow(read, root))
    .where('type', 'in', [...new Set(contacts.map((contact) => contact.journey_type))])
    .where(heldAt(read, 'journey_state'))
    .where(({ exists, or }) => {
      const near = exists(
        touched
          .whereRef('journey_blob.journey', '=', 'journey_state.journey')
          .where('first_ms', '<=', to)
          .where('last_ms', '>=', from),
      );
      // Of what was merged or split, another part may be near.
      return merged ? or([near, sql<boolean>`not ${isAlone(read)}`]) : near;
    })
    .orderBy('journey_state.journey')
    .execute();
  const near: Contact[] = [];
  const surrogates = journeys.map((row) => row.journey as number);
  for await (const facts of seenFacts(read, surrogates)) {
    near.push(...contactRows(facts, noDay).filter((contact) => contact.at >= from && contact.at <= to));
  }
  return near;
}
