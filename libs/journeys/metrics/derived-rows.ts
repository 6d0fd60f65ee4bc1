/** Reading journeys out of a batch's store, and the small tools that the derivation needs for it. */
import type { Row, RowChange, Value } from '@touchstone/readmodel/projection';
import { rootOf } from '../customer-roots.js';
import { EntryColumns } from '../journey-blob.js';
import { partsOf, wholesOf, type ReadRows } from './derived-parts.js';
import { RULE_CODES, type RuleCode } from './due-moments.js';
import { JourneyFacts, type JourneyHead } from './facts.js';
import type { Contact } from './matter.js';

/** Sizes of `in (?)` lists: few shapes, so that their statements stay prepared, and few statements for any number. */
const SIZES = [1, 4, 16, 64, 256] as const;
const LARGEST = 256;

/** Every row of `sql` (with the marks `in (?)`) for any number of ids; rows of one id stay together and in order. */
export function allIn(rows: ReadRows, sql: string, ids: readonly Value[]): Row[] {
  const found: Row[] = [];
  for (let from = 0; from < ids.length; from += LARGEST) {
    const some = ids.slice(from, from + LARGEST);
    const size = SIZES.find((each) => each >= some.length)!;
    // Named twice, an id is found once.
    while (some.length < size) some.push(some[0]!);
    const text = size === 1 ? sql : sql.replace('in (?)', `in (?${', ?'.repeat(size - 1)})`);
    for (const row of rows.all(text, ...some)) found.push(row);
  }
  return found;
}

const STATES =
  'select journey, type, customer, status from journey_state where journey in (?) and to_pos is null order by journey';
const BLOBS = 'select journey, chunk, data from journey_blob where journey in (?) order by journey, chunk';
const PROFILES = 'select customer, segment, region, tier from customer_state where customer in (?) and to_pos is null';
const INTO = 'select customer, into_customer from customer_link where customer in (?) and to_pos is null';

/** What stands for a customer, kept for as long as the rows do not change. */
export class Customers {
  private readonly roots = new Map<number, number>();
  private readonly profiles = new Map<number, Row | null>();
  private readonly links = new Map<number, number | null>();

  constructor(private readonly rows: ReadRows) {}

  root(customer: number): number {
    if (customer === 0) return 0;
    let root = this.roots.get(customer);
    if (root === undefined) {
      root = rootOf(
        customer,
        (id) => this.into(id),
        (id) => this.nameOf(id),
      );
      this.roots.set(customer, root);
    }
    return root;
  }

  load(customers: readonly number[]): void {
    const missing = [...new Set(customers)].filter((id) => id !== 0 && !this.profiles.has(id));
    for (const id of missing) this.profiles.set(id, null);
    for (const row of allIn(this.rows, PROFILES, missing)) this.profiles.set(row['customer'] as number, row);
    this.loadLinks(missing);
  }

  profile(customer: number): { segment: number; region: number; tier: number } {
    const row = this.profiles.get(customer);
    if (!row) return { segment: 0, region: 0, tier: 0 };
    return { segment: row['segment'] as number, region: row['region'] as number, tier: row['tier'] as number };
  }

  /** So that the memory does not grow with the customers who were looked at. */
  forget(): void {
    this.roots.clear();
    this.profiles.clear();
    this.links.clear();
  }

  /** These changes are written now: what they say of a customer is looked up anew. */
  changed(changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (change.table === 'customer_link') return this.forget();
      if (change.table !== 'customer_state') continue;
      if (change.op === 'insert') return this.forget();
      this.profiles.delete((change.op === 'put' ? change.row : change.key)['customer'] as number);
    }
  }

  private into(customer: number): number | null {
    if (!this.links.has(customer)) this.loadLinks([customer]);
    return this.links.get(customer)!;
  }

  private loadLinks(customers: readonly number[]): void {
    for (const id of customers) this.links.set(id, null);
    for (const row of allIn(this.rows, INTO, customers)) {
      this.links.set(row['customer'] as number, row['into_customer'] as number);
    }
  }

  private nameOf(customer: number): string {
    return this.rows.all('select value from name where id = ?', customer)[0]!['value'] as string;
  }
}

/**
 * Facts of the journeys as which these are seen, those that are known, in the order of their surrogates: of what was
 * merged or split, those that stand for the wholes.
 */
export function loadFacts(rows: ReadRows, customers: Customers, journeys: readonly number[]): JourneyFacts[] {
  const { parts } = partsOf(rows, journeys, allIn);
  const alone = journeys.filter((journey) => !parts.has(journey)).sort((a, b) => a - b);
  const facts = factsOf(loadStates(rows, alone), loadBlobs(rows, alone), customers);
  if (alone.length === journeys.length) return facts;
  const roots = [...new Set(journeys.filter((journey) => parts.has(journey)).map((journey) => parts.root(journey)))];
  const wholes = wholesOf(rows, parts, roots, allIn);
  customers.load(wholes.map(({ state }) => state.customer));
  for (const { state, chunks } of wholes) {
    facts.push(new JourneyFacts(headOf(state as unknown as Row, customers), chunks));
  }
  return facts.sort((a, b) => a.head.journey - b.head.journey);
}

/** States of the journeys, which are given in the order of their surrogates. */
export const loadStates = (rows: ReadRows, journeys: readonly number[]): Row[] => allIn(rows, STATES, journeys);

/** Blobs of the journeys, likewise; those of one in the order of their chunks. */
export const loadBlobs = (rows: ReadRows, journeys: readonly number[]): Row[] => allIn(rows, BLOBS, journeys);

/** States and blobs, both in the order of the same journeys, put together. */
export function factsOf(states: readonly Row[], blobs: readonly Row[], customers: Customers): JourneyFacts[] {
  customers.load(states.map((state) => state['customer'] as number));
  let next = 0;
  return states.map((state) => {
    const journey = state['journey'] as number;
    const chunks: EntryColumns[] = [];
    while (next < blobs.length && (blobs[next]!['journey'] as number) < journey) next++;
    while (next < blobs.length && blobs[next]!['journey'] === journey) {
      chunks.push(new EntryColumns(blobs[next++]!['data'] as Uint8Array));
    }
    return new JourneyFacts(headOf(state, customers), chunks);
  });
}

function headOf(state: Row, customers: Customers): JourneyHead {
  const customer = state['customer'] as number;
  return {
    journey: state['journey'] as number,
    type: state['type'] as number,
    customer,
    root: customers.root(customer),
    status: state['status'] as number,
    ...customers.profile(customer),
  };
}

export const contactOf = (row: Row): Contact => ({ ...row }) as unknown as Contact;
export const contactKey = ({ root, journey_type, at, sequence, id }: Contact): Row => ({
  root,
  journey_type,
  at,
  sequence,
  id,
});
/** Two contacts with the same key. */
export const keyText = ({ root, journey_type, at, sequence, id }: Contact): string =>
  `${root} ${journey_type} ${at} ${sequence} ${id}`;

/** The rule of a moment code's surrogate. */
export function ruleCodes(rows: ReadRows): (surrogate: number) => RuleCode | undefined {
  const codes = new Map(RULE_CODES.map((code) => [rows.idOf('moment', code), code]));
  return (surrogate) => codes.get(surrogate);
}
