/** Every care figure when a generation is built, customer by customer, in parts that two threads share. */
import type {
  BuiltInParts,
  DerivedRows,
  HandOver,
  PartMaker,
  PartTaker,
  Row,
  Value,
} from '@touchstone/readmodel/projection';
import { buffersOfSums, CareDelta, type CareSums } from './care-delta.js';
import { contact } from './care.tables.js';
import { allParts, type ReadRows } from './derived-parts.js';
import { allIn, Customers, factsOf, loadBlobs, loadFacts, ruleCodes } from './derived-rows.js';
import type { JourneyParts } from '../journey-parts.js';
import { dueMoments, type RuleCode } from './due-moments.js';
import type { JourneyFacts } from './facts.js';
import { byMatter, contactRows, judged, type Contact } from './matter.js';
import { openTurn } from './turns.js';

/** Journeys at a time. */
const PAGE = 1_000;
/** Journeys of a part, about; and parts at least, so that threads end at about the same time. */
const PART = 4_000;
const LEAST_PARTS = 24;
/** Cells that are kept before they are written: as a rule all, so that each is written once; some 300 MB. */
const CELLS = 2_000_000;

/** Journeys that are made together: no contact of theirs has a neighbour elsewhere. */
type Part =
  /** Of nobody in particular: journeys in (after, to]. */
  | { readonly of: 'nobody'; readonly after: number; readonly to: number }
  /** Of customers in (after, to] who stand for themselves. */
  | { readonly of: 'customers'; readonly after: number; readonly to: number }
  /** Of customers who were merged, and whose journeys were merged or split. */
  | { readonly of: 'merged' };

type Made =
  | { readonly kind: 'contacts'; readonly values: readonly Value[] }
  | { readonly kind: 'rows'; readonly rows: readonly Put[] }
  | { readonly kind: 'sums'; readonly sums: CareSums };

/** A row of one of the tables that have few. */
interface Put {
  readonly table: 'moment_due' | 'turn_open';
  readonly row: Row;
}

/** Fills the empty tables of the derivation. */
export const careParts = (dayOf: (ms: number) => number): BuiltInParts['parts'] => ({
  reads: ['journey_state', 'journey_blob', 'customer_state', 'customer_link', 'journey_link', 'journey_split'],
  split,
  maker: (rows, hand) => new CareMaker(rows, dayOf, hand),
  taker: (rows) => new CareTaker(rows),
});

/** Values of rows that are kept before they are handed over. */
const VALUES = 50_000;
const CONTACT = Object.keys(contact.columns) as readonly (keyof Contact)[];
const COLUMNS = 'journey, type, customer, status';
const OF_NOBODY = `select ${COLUMNS} from journey_state where customer = 0 and journey > ? and journey <= ? and to_pos is null order by journey limit ${PAGE}`;
const OF_CUSTOMERS = `select ${COLUMNS} from journey_state where (customer, journey) > (?, ?) and customer <= ? and to_pos is null order by customer, journey limit ${PAGE}`;
const OF_ONE = `select ${COLUMNS} from journey_state where customer = ? and journey > ? and to_pos is null order by journey limit ${PAGE}`;
const LINKED =
  'select customer as id from customer_link where to_pos is null union select into_customer from customer_link where to_pos is null';

/** Ranges of surrogates: who came first has the first ones, so ranges of equal width hold about as many journeys. */
function split(rows: DerivedRows): Part[] {
  const [{ nobody, journeys }] = rows.all(
    'select max(case when customer = 0 then journey end) as nobody, count(*) as journeys from journey_state where to_pos is null',
  ) as unknown as [{ nobody: number | null; journeys: number }];
  const [{ last }] = rows.all('select max(customer) as last from journey_state') as unknown as [
    { last: number | null },
  ];
  const count = Math.max(LEAST_PARTS, Math.ceil(journeys / PART));
  const ranges = (end: number) =>
    Array.from({ length: count }, (_, i) => ({
      after: Math.floor((i * end) / count),
      to: Math.floor(((i + 1) * end) / count),
    })).filter(({ after, to }) => to > after);
  return [
    { of: 'merged' },
    ...ranges(last ?? 0).map((range): Part => ({ of: 'customers', ...range })),
    ...ranges(nobody ?? 0).map((range): Part => ({ of: 'nobody', ...range })),
  ];
}

class CareMaker implements PartMaker {
  private readonly delta = new CareDelta();
  private readonly customers: Customers;
  private contacts: Value[] = [];
  private puts: Put[] = [];
  /** Customers who are taken a whole tree at a time: those who were merged, and those of wholes. */
  private readonly linked: ReadonlySet<number>;
  private readonly parts: JourneyParts;
  /** Roots of the journeys that were merged or split, by the customer of the whole. */
  private readonly wholes = new Map<number, number[]>();
  private readonly codeOf: (surrogate: number) => RuleCode | undefined;

  constructor(
    private readonly rows: ReadRows,
    private readonly dayOf: (ms: number) => number,
    private readonly hand: HandOver,
  ) {
    this.customers = new Customers(rows);
    this.parts = allParts(rows, allIn);
    const { roots } = this.parts;
    for (let at = 0; at < roots.length; at += PAGE) {
      for (const { head } of loadFacts(rows, this.customers, roots.slice(at, at + PAGE))) {
        this.wholes.set(head.customer, [...(this.wholes.get(head.customer) ?? []), head.journey]);
      }
    }
    const linked = rows.all(LINKED).map((row) => row['id'] as number);
    this.linked = new Set([...linked, ...this.wholes.keys()].filter((customer) => customer !== 0));
    this.codeOf = ruleCodes(rows);
  }

  make(part: unknown): void {
    const { of, ...range } = part as Part & { after: number; to: number };
    if (of === 'merged') {
      this.merged();
      this.wholesOfNobody();
    } else if (of === 'nobody') this.ofNobody(range);
    else this.unmerged(range);
    this.customers.forget();
  }

  end(): void {
    this.handContacts();
    this.handPuts();
    this.handSums();
  }

  /** Journeys of nobody in particular that were merged or split. */
  private wholesOfNobody(): void {
    const nobodys = this.wholes.get(0) ?? [];
    for (let at = 0; at < nobodys.length; at += PAGE) {
      for (const facts of loadFacts(this.rows, this.customers, nobodys.slice(at, at + PAGE))) {
        const group = new Group(0);
        this.take(group, facts);
        this.settle(group);
      }
    }
  }

  private ofNobody({ after, to }: { after: number; to: number }): void {
    for (let last = after; ;) {
      const page = this.rows.all(OF_NOBODY, last, to);
      if (page.length === 0) return;
      for (const facts of this.load(page)) {
        const group = new Group(0);
        this.take(group, facts);
        this.settle(group);
      }
      last = page.at(-1)!['journey'] as number;
    }
  }

  /** Those who stand for themselves, a page of journeys at a time; a customer's journeys stay together. */
  private unmerged({ after, to }: { after: number; to: number }): void {
    let group = new Group();
    for (let [customer, journey] = [after, Number.MAX_SAFE_INTEGER]; ;) {
      const page = this.rows.all(OF_CUSTOMERS, customer, journey, to);
      const last = page.at(-1);
      if (!last) break;
      for (const facts of this.load(page)) {
        const own = facts.head.customer;
        if (this.linked.has(own)) continue;
        if (own !== group.customer) {
          this.settle(group);
          group = new Group(own);
        }
        this.take(group, facts);
      }
      [customer, journey] = [last['customer'] as number, last['journey'] as number];
    }
    this.settle(group);
  }

  /** A whole tree at a time: those who were merged, or whose journeys were. */
  private merged(): void {
    const trees = new Map<number, number[]>();
    for (const customer of [...this.linked].sort((a, b) => a - b)) {
      const root = this.customers.root(customer);
      trees.set(root, [...(trees.get(root) ?? []), customer]);
    }
    for (const [root, members] of trees) {
      const group = new Group(root);
      for (const member of members) {
        const wholes = this.wholes.get(member) ?? [];
        for (let at = 0; at < wholes.length; at += PAGE) {
          for (const facts of loadFacts(this.rows, this.customers, wholes.slice(at, at + PAGE)))
            this.take(group, facts);
        }
        for (let after = 0; ;) {
          const page = this.rows.all(OF_ONE, member, after);
          if (page.length === 0) break;
          for (const facts of this.load(page)) this.take(group, facts);
          after = page.at(-1)!['journey'] as number;
        }
      }
      this.settle(group);
    }
  }

  /** Journeys that are seen by themselves. */
  private load(all: readonly Row[]): JourneyFacts[] {
    const states = all.filter((state) => !this.parts.has(state['journey'] as number));
    const sorted = [...states].sort((a, b) => (a['journey'] as number) - (b['journey'] as number));
    const ids = sorted.map((state) => state['journey'] as number);
    const blobs = loadBlobs(this.rows, ids);
    const facts = new Map(factsOf(sorted, blobs, this.customers).map((each) => [each.head.journey, each]));
    return states.map((state) => facts.get(state['journey'] as number)!);
  }

  private take(group: Group, facts: JourneyFacts): void {
    this.delta.journey(facts, this.dayOf, 1);
    group.journeys.push(facts.head.journey);
    for (const each of contactRows(facts, this.dayOf)) group.contacts.push(each);
    // Of a customer with very many journeys the facts are read again rather than kept.
    if (group.journeys.length <= PAGE) group.facts.push(facts);
    if (this.delta.size > CELLS / 2) this.handSums();
  }

  private settle({ journeys, facts, contacts }: Group): void {
    contacts.sort(byMatter);
    const status = contacts.map((each, i): Contact => ({
      ...each,
      flags: judged(each, contacts[i - 1], contacts[i + 1]),
    }));
    const byJourney = new Map<number, Contact[]>();
    for (const each of status) {
      this.delta.contact(each, 1);
      for (const column of CONTACT) this.contacts.push(each[column]);
      const own = byJourney.get(each.journey);
      if (own) own.push(each);
      else byJourney.set(each.journey, [each]);
    }
    if (this.contacts.length > VALUES) this.handContacts();
    const due = (each: JourneyFacts) => this.due(each, byJourney.get(each.head.journey) ?? []);
    if (facts.length === journeys.length) return facts.forEach(due);
    for (let from = 0; from < journeys.length; from += PAGE) {
      loadFacts(this.rows, this.customers, journeys.slice(from, from + PAGE)).forEach(due);
    }
  }

  private due(facts: JourneyFacts, contacts: readonly Contact[]): void {
    for (const row of dueMoments(facts, contacts, this.codeOf)) {
      this.puts.push({ table: 'moment_due', row: row as unknown as Row });
    }
    const turn = openTurn(facts, contacts, this.dayOf);
    if (turn) this.puts.push({ table: 'turn_open', row: turn as unknown as Row });
    if (this.puts.length > PAGE) this.handPuts();
  }

  private handContacts(): void {
    this.hand({ kind: 'contacts', values: this.contacts } satisfies Made);
    this.contacts = [];
  }

  private handPuts(): void {
    this.hand({ kind: 'rows', rows: this.puts } satisfies Made);
    this.puts = [];
  }

  private handSums(): void {
    const sums = this.delta.handOver();
    this.hand({ kind: 'sums', sums } satisfies Made, buffersOfSums(sums));
  }
}

class CareTaker implements PartTaker {
  private readonly delta = new CareDelta();
  /** The cubes are not empty any more. */
  private filled = false;

  constructor(private readonly rows: DerivedRows) {}

  take(made: unknown): void {
    const what = made as Made;
    switch (what.kind) {
      case 'contacts':
        return this.rows.insert('contact', what.values);
      case 'rows':
        for (const { table, row } of what.rows) this.rows.write({ op: 'put', table, row });
        return;
      case 'sums':
        this.delta.absorb(what.sums);
        if (this.delta.size > CELLS) this.writeSums();
    }
  }

  finish(): void {
    this.writeSums();
  }

  private writeSums(): void {
    if (this.filled) for (const change of this.delta.changes()) this.rows.write(change);
    else this.delta.fill((table, values) => this.rows.insert(table, values));
    this.filled = true;
  }
}

/** Journeys whose contacts may be neighbours. */
class Group {
  readonly journeys: number[] = [];
  readonly facts: JourneyFacts[] = [];
  readonly contacts: Contact[] = [];

  constructor(readonly customer = -1) {}
}
