/** What was undecided at the instant of a read of the past: first contacts to which a repeat may still have come. */
import type { Read } from '@touchstone/readmodel/query';
import type { DayCalendar } from './day-calendar.js';
import { journeysWithin } from './held-journeys.js';
import { byMatter, contactRows, isUndecided, judged, REPEAT_WINDOW_MS, type Contact } from './matter.js';

/** First contacts that count as resolved so far, with their windows open, by journey (its surrogate). */
export async function undecidedContacts(
  read: Read,
  calendar: DayCalendar,
): Promise<ReadonlyMap<number, readonly Contact[]>> {
  const instant = Date.parse(read.asOf.instant);
  // What began after this is open; whether it is a first contact, the window before it says.
  const since = instant - REPEAT_WINDOW_MS;
  const contacts: Contact[] = [];
  const wanted = { profiles: false, roots: true };
  for await (const page of journeysWithin(read, since - REPEAT_WINDOW_MS, Infinity, wanted)) {
    for (const facts of page) {
      for (const each of contactRows(facts, (ms) => calendar.dayOf(ms))) {
        if (each.at >= since - REPEAT_WINDOW_MS) contacts.push(each);
      }
    }
  }
  contacts.sort(byMatter);
  const open = new Map<number, Contact[]>();
  contacts.forEach((each, i) => {
    const contact = { ...each, flags: judged(each, contacts[i - 1], contacts[i + 1]) };
    if (!isUndecided(contact, instant)) return;
    const own = open.get(contact.journey);
    if (own) own.push(contact);
    else open.set(contact.journey, [contact]);
  });
  return open;
}
