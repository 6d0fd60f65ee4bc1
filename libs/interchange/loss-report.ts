/** What kind of thing was not carried over. */
export type LossKind =
  /** An attribute of the log itself, with all nested in it. */
  | 'log-attribute'
  /** An extension, a classifier or a global declaration. */
  | 'declaration'
  /** An attribute the file declares for every event or trace, on one that lacks it: its placeholder is not data. */
  | 'global-missing'
  /** A customer that a journey names besides its own. */
  | 'other-customer'
  /** An event that names one of these. */
  | 'other-customer-event'
  /** An object that is the customer: it is kept as the customer, encrypted, and not as a thing that all may read. */
  | 'customer-object'
  /** A link to one of these. */
  | 'customer-link'
  /** A key that an event or trace has twice: the last value is kept. */
  | 'duplicate-key'
  /** An event that lacks some of the attributes that name the activity. */
  | 'partial-activity'
  /** A trace without a single event: nothing happened that a journey could be made of. */
  | 'empty-trace'
  /** An attribute of a trace that is unreadable, or whose events all are. */
  | 'trace-attribute'
  /** A cell of a column that the mapping does not name. */
  | 'column'
  /** A cell of a column without a name. */
  | 'unnamed-column'
  /** A row without any value. */
  | 'empty-row'
  /** A local time that comes twice in its zone: which of the two it was is not known. */
  | 'ambiguous-time'
  /** A local time that its zone leaps over: it was moved forward. */
  | 'nonexistent-time'
  | 'unknown-element'
  | 'stray-text'
  | 'comment'
  | 'unreadable-declaration'
  /** A time that names no zone: it is taken to be of this one. */
  | 'zone-assumed'
  /** An object that a log names and does not declare: its type is not known. */
  | 'undeclared-object'
  /** A row or element that belongs to nothing in the file. */
  | 'stray'
  /** A relation that a log states twice. */
  | 'duplicate-relation'
  /** An event that relates to no object of the types that are journeys. */
  | 'event-without-case'
  /** Of an export: what is personal stays where it is encrypted; of whom was forgotten there is nothing any more. */
  | 'personal'
  | 'forgotten'
  /** Of an export: what stands in journeys besides touchpoints, and what packs say of their kinds. */
  | 'entry'
  | 'kind'
  /** Attributes that the format cannot hold as they are stand in the file as JSON. */
  | 'as-json'
  /** An id that another event or object has too, an attribute whose name a table cannot have: it is called otherwise. */
  | 'renamed'
  /** Touchpoints of one fact that tell different things: one of them is in the file. */
  | 'differing-fact'
  /** Of an export: links that have ended, those to customers, and whom a fact concerned. */
  | 'link'
  /** A fact that stands on an object, for all whom it concerns, and so is of no journey; of XES: all that are known then. */
  | 'shared-fact'
  /** A type of events or objects that a log declares, and that nothing in it is of. */
  | 'unused-type'
  /** A character that XML has not, in a name: a replacement stands there. */
  | 'character';

export interface Loss {
  readonly what: LossKind;
  /** Of a key, an element or a declaration; never a value of an event. */
  readonly name: string;
  readonly count: number;
}

/** Names told apart for each kind of loss; what comes after counts as "others". */
const NAMES = 500;

/** Counts what is not carried over, by kind and name. */
export class LossReport {
  private readonly counts = new Map<LossKind, Map<string, number>>();

  add(what: LossKind, name: string, count = 1): void {
    let names = this.counts.get(what);
    if (!names) this.counts.set(what, (names = new Map()));
    const known = names.has(name) || names.size < NAMES ? name : 'others';
    names.set(known, (names.get(known) ?? 0) + count);
  }

  addAll(losses: readonly Loss[]): void {
    for (const { what, name, count } of losses) this.add(what, name, count);
  }

  /** Sorted by kind, then by count (largest first), then by name. */
  losses(): Loss[] {
    return [...this.counts]
      .flatMap(([what, names]) => [...names].map(([name, count]) => ({ what, name, count })))
      .sort((a, b) => compare(a.what, b.what) || b.count - a.count || compare(a.name, b.name));
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
