/**
 * Care figures kept up to date: sums in cubes, contacts with their status, and what the rules of moments still owe. All
 * of it is a function of journeys, customers and merges as they are, however they came to be so.
 */
import { cubeTables } from '@touchstone/readmodel/cube';
import type { Derivation, DerivedRows, Row, RowChange } from '@touchstone/readmodel/projection';
import { BatchFacts } from './batch-facts.js';
import { careParts } from './care.build.js';
import { CareDelta } from './care-delta.js';
import { CARE, CUBES, contact, momentDue, turnOpen } from './care.tables.js';
import { DayCalendar } from './day-calendar.js';
import { partsOf } from './derived-parts.js';
import { allIn, contactKey, contactOf, keyText, loadFacts, ruleCodes } from './derived-rows.js';
import { dueMoments, type Due } from './due-moments.js';
import type { JourneyFacts } from './facts.js';
import { contactRows, judged, REPEAT_WINDOW_MS, type Contact } from './matter.js';
import { openTurn } from './turns.js';

/** Versions of the definitions of every figure in the cubes. */
const VERSION = 3;

/** @param timeZone IANA name of the tenant's zone: which day something lies in */
export function careDerivation(timeZone: string): Derivation {
  const calendar = new DayCalendar(timeZone);
  const dayOf = (ms: number) => calendar.dayOf(ms);
  return {
    name: CARE,
    version: VERSION,
    settings: timeZone,
    tables: [...Object.values(CUBES).flatMap((cube) => cubeTables(cube)), contact, momentDue, turnOpen],
    parts: careParts(dayOf),
    prepare: (changes, rows) => prepare(changes, rows, dayOf),
    follow: (prepared, rows) => (prepared as Batch | null)?.follow(rows),
  };
}

const CONTACTS_OF = 'select * from contact where journey in (?) order by journey, root, journey_type, at, sequence, id';

/** Null: nothing that figures are made of has changed. */
function prepare(changes: readonly RowChange[], rows: DerivedRows, dayOf: (ms: number) => number): Batch | null {
  // Also those that were merged or split with them: what is seen as one changes as one.
  const concerned = partsOf(rows, concernedBy(changes, rows), allIn).journeys;
  return concerned.length === 0 ? null : new Batch(concerned, changes, rows, dayOf);
}

/** What a batch changes, from before its rows are written until after. */
class Batch {
  private readonly delta = new CareDelta();
  private readonly before: readonly Contact[];
  private readonly facts: BatchFacts;

  /** With the rows as they were. */
  constructor(
    private readonly journeys: readonly number[],
    changes: readonly RowChange[],
    rows: DerivedRows,
    private readonly dayOf: (ms: number) => number,
  ) {
    this.facts = new BatchFacts(journeys, changes, rows);
    for (const facts of this.facts.before()) this.delta.journey(facts, dayOf, -1);
    this.before = allIn(rows, CONTACTS_OF, journeys).map(contactOf);
  }

  /** With the rows as they are now. */
  follow(rows: DerivedRows): void {
    const { facts: now, customers } = this.facts.after(rows);
    const known = new Map(now.map((facts) => [facts.head.journey, facts]));
    const after: Contact[] = [];
    for (const facts of known.values()) {
      this.delta.journey(facts, this.dayOf, 1);
      for (const each of contactRows(facts, this.dayOf)) after.push(each);
    }
    const touched = this.followContacts(rows, after);
    const others = [...touched].filter((journey) => !known.has(journey));
    for (const facts of loadFacts(rows, customers, others)) known.set(facts.head.journey, facts);
    const gone = this.journeys.filter((journey) => !known.has(journey));
    writeOwed(rows, [...known.values()], gone, this.dayOf);
    for (const change of this.delta.changes()) rows.write(change);
  }

  /** Brings the contacts up to what they are now. Answers the journeys of those whose status is another. */
  private followContacts(rows: DerivedRows, after: readonly Contact[]): Set<number> {
    const now = new Map(after.map((each) => [keyText(each), each]));
    const old = new Map(this.before.map((each) => [keyText(each), each]));
    const moved: Contact[] = [];
    for (const [key, each] of old) {
      const then = now.get(key);
      if (then && sameButStatus(each, then)) {
        now.delete(key);
        continue;
      }
      moved.push(each);
      this.delta.contact(each, -1);
      if (!then) rows.write({ op: 'delete', table: 'contact', key: contactKey(each) });
    }
    for (const each of now.values()) {
      moved.push(each);
      rows.write({ op: 'put', table: 'contact', row: each as unknown as Row });
    }
    return this.judge(rows, moved, now);
  }

  /** Judges anew whoever may have got another neighbour; `fresh`: those that nobody has judged. */
  private judge(rows: DerivedRows, moved: readonly Contact[], fresh: ReadonlyMap<string, Contact>): Set<number> {
    const touched = new Set<number>();
    // All of them are read before the first is written: nobody is judged by how a neighbour was judged.
    const judging = windows(moved).map(({ root, type, from, to }) => ({
      from,
      to,
      near: rows.all(NEAR, root, type, from - REPEAT_WINDOW_MS, to + REPEAT_WINDOW_MS).map(contactOf),
    }));
    for (const { from, to, near } of judging) {
      near.forEach((each, i) => {
        if (each.at < from || each.at > to) return;
        const flags = judged(each, near[i - 1], near[i + 1]);
        const isFresh = fresh.has(keyText(each));
        if (!isFresh && flags === each.flags) return;
        const then = { ...each, flags };
        if (!isFresh) this.delta.contact(each, -1);
        this.delta.contact(then, 1);
        if (!isFresh || flags !== each.flags) rows.write({ op: 'put', table: 'contact', row: then as unknown as Row });
        touched.add(each.journey);
      });
    }
    return touched;
  }
}

const NEAR =
  'select * from contact where root = ? and journey_type = ? and at >= ? and at <= ? order by root, journey_type, at, sequence, id';

/** Equal but for the bits that neighbours decide. */
function sameButStatus(a: Contact, b: Contact): boolean {
  const own = judged(a, undefined, undefined) === judged(b, undefined, undefined);
  return (
    own &&
    a.journey === b.journey &&
    a.day === b.day &&
    a.unit === b.unit &&
    a.channel === b.channel &&
    a.stage === b.stage &&
    a.segment === b.segment &&
    a.region === b.region &&
    a.tier === b.tier
  );
}

interface Window {
  readonly root: number;
  readonly type: number;
  readonly from: number;
  to: number;
}

/** Spans of time, a matter each, in which a neighbour may be another; they do not overlap. */
function windows(moved: readonly Contact[]): Window[] {
  const found: Window[] = [];
  const sorted = [...moved].sort((a, b) => a.root - b.root || a.journey_type - b.journey_type || a.at - b.at);
  for (const { root, journey_type: type, at } of sorted) {
    const [from, to] = [at - REPEAT_WINDOW_MS, at + REPEAT_WINDOW_MS];
    const last = found.at(-1);
    if (last && last.root === root && last.type === type && from <= last.to) last.to = to;
    else found.push({ root, type, from, to });
  }
  return found;
}

/** Journeys that the changes concern, before or after: their own, and those of customers who count as another. */
function concernedBy(changes: readonly RowChange[], rows: DerivedRows): number[] {
  const journeys = new Set<number>();
  const customers = new Set<number>();
  const linked = new Set<number>();
  for (const change of changes) {
    // Of what figures are made of nothing is inserted as such.
    if (change.op === 'insert') continue;
    const row = change.op === 'put' ? change.row : change.key;
    if (change.table === 'journey_blob' || change.table === 'journey_state') journeys.add(row['journey'] as number);
    else if (change.table === 'journey_link' || change.table === 'journey_split') {
      // Both ends; an end of a version names one of them, and what holds before leads to the other.
      for (const end of [row['journey'], row['into_journey']]) if (end !== undefined) journeys.add(end as number);
    } else if (change.table === 'customer_state' && change.op === 'put' && countsElsewhere(rows, row)) {
      customers.add(row['customer'] as number);
    } else if (change.table === 'customer_link') {
      linked.add(row['customer'] as number);
      if (row['into_customer'] !== undefined) linked.add(row['into_customer'] as number);
    }
  }
  for (const each of treesOf(rows, linked)) customers.add(each);
  const theirs = 'select journey from journey_state where customer in (?) and to_pos is null';
  for (const row of allIn(rows, theirs, [...customers])) journeys.add(row['journey'] as number);
  return [...journeys].sort((a, b) => a - b);
}

/** A profile under which figures would stand at another place. */
function countsElsewhere(rows: DerivedRows, now: Row): boolean {
  const text = 'select segment, region, tier from customer_state where customer = ? and to_pos is null';
  const [before = { segment: 0, region: 0, tier: 0 }] = rows.all(text, now['customer']!);
  return ['segment', 'region', 'tier'].some((group) => before[group] !== now[group]);
}

/** Everybody who hangs together with these by merges that hold. */
function treesOf(rows: DerivedRows, customers: ReadonlySet<number>): Set<number> {
  const found = new Set(customers);
  for (let open = [...customers]; open.length > 0;) {
    const next: number[] = [];
    const meet = (id: number) => {
      if (found.has(id)) return;
      found.add(id);
      next.push(id);
    };
    const up = 'select into_customer from customer_link where customer in (?) and to_pos is null';
    const down = 'select customer from customer_link where into_customer in (?) and to_pos is null';
    for (const row of allIn(rows, up, open)) meet(row['into_customer'] as number);
    for (const row of allIn(rows, down, open)) meet(row['customer'] as number);
    open = next;
  }
  return found;
}

/**
 * Writes what the rules owe these journeys, and which turns wait for it, where that differs from what stands there;
 * nothing in those that are `gone`.
 */
function writeOwed(
  rows: DerivedRows,
  journeys: readonly JourneyFacts[],
  gone: readonly number[],
  dayOf: (ms: number) => number,
): void {
  for (const stored of byJourney(allIn(rows, 'select * from moment_due where journey in (?)', gone)).values()) {
    writeDue(rows, stored, []);
  }
  for (const { journey } of allIn(rows, 'select journey from turn_open where journey in (?)', gone)) {
    rows.write({ op: 'delete', table: 'turn_open', key: { journey: journey! } });
  }
  const ids = journeys.map(({ head }) => head.journey).sort((a, b) => a - b);
  const stored = byJourney(allIn(rows, 'select * from moment_due where journey in (?)', ids));
  const turns = byJourney(allIn(rows, 'select * from turn_open where journey in (?)', ids));
  const contacts = byJourney(allIn(rows, CONTACTS_OF, ids));
  const codeOf = ruleCodes(rows);
  for (const facts of journeys) {
    const { journey } = facts.head;
    const own = (contacts.get(journey) ?? []).map(contactOf);
    writeDue(rows, stored.get(journey) ?? [], dueMoments(facts, own, codeOf));
    const [before] = turns.get(journey) ?? [];
    const row = openTurn(facts, own, dayOf) as unknown as Row | null;
    if (row && !isSame(before, row)) rows.write({ op: 'put', table: 'turn_open', row });
    else if (!row && before) rows.write({ op: 'delete', table: 'turn_open', key: { journey } });
  }
}

function writeDue(rows: DerivedRows, stored: readonly Row[], due: readonly Due[]): void {
  const left = new Map(stored.map((row) => [dueKey(row), row]));
  for (const each of due) {
    const row = each as unknown as Row;
    const before = left.get(dueKey(row));
    left.delete(dueKey(row));
    if (!isSame(before, row)) rows.write({ op: 'put', table: 'moment_due', row });
  }
  for (const { journey, code, cause } of left.values()) {
    rows.write({ op: 'delete', table: 'moment_due', key: { journey: journey!, code: code!, cause: cause! } });
  }
}

const isSame = (before: Row | undefined, row: Row): boolean =>
  before !== undefined && Object.keys(row).every((column) => before[column] === row[column]);

const dueKey = (row: Row | Due): string => `${String(row['code' as never])} ${String(row['cause' as never])}`;

function byJourney(rows: readonly Row[]): Map<number, Row[]> {
  const found = new Map<number, Row[]>();
  for (const row of rows) {
    const journey = row['journey'] as number;
    const own = found.get(journey);
    if (own) own.push(row);
    else found.set(journey, [row]);
  }
  return found;
}
