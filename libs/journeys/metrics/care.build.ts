/** Every care figure in one pass, customer by customer, when a generation is built. */
import type { DerivedRows, Row, Value } from '@touchstone/readmodel/projection';
import { CareDelta } from './care-delta.js';
import { contact } from './care.tables.js';
import { allParts } from './derived-parts.js';
import { allIn, Customers, factsOf, loadBlobs, loadFacts, ruleCodes } from './derived-rows.js';
import type { JourneyParts } from '../journey-parts.js';
import { dueMoments, type RuleCode } from './due-moments.js';
import type { JourneyFacts } from './facts.js';
import { byMatter, contactRows, judged, type Contact } from './matter.js';

/** Journeys at a time. */
const PAGE = 1_000;
/** Cells that are kept before they are written: as a rule all, so that each is written once; some 300 MB. */
const CELLS = 2_000_000;

/** Fills the empty tables of the derivation. */
export function buildCare(rows: DerivedRows, dayOf: (ms: number) => number): void {
  const build = new Build(rows, dayOf);
  build.unmerged();
  build.merged();
  build.finish();
}

/** Values of rows that are kept before they are written. */
const VALUES = 50_000;
const CONTACT = Object.keys(contact.columns) as readonly (keyof Contact)[];
const COLUMNS = 'journey, type, customer, status';
const AFTER = `select ${COLUMNS} from journey_state where (customer, journey) > (?, ?) and to_pos is null order by customer, journey limit ${PAGE}`;
const LINKED =
  'select customer as id from customer_link where to_pos is null union select into_customer from customer_link where to_pos is null';

class Build {
  private readonly delta = new CareDelta();
  /** The cubes are not empty any more. */
  private filled = false;
  private readonly customers: Customers;
  /** Values of contact rows that are still to be written. */
  private readonly contacts: Value[] = [];
  /** Customers who are taken a whole tree at a time: those who were merged, and those of wholes. */
  private readonly linked: ReadonlySet<number>;
  private readonly parts: JourneyParts;
  /** Roots of the journeys that were merged or split, by the customer of the whole. */
  private readonly wholes = new Map<number, number[]>();
  private readonly codeOf: (surrogate: number) => RuleCode | undefined;

  constructor(
    private readonly rows: DerivedRows,
    private readonly dayOf: (ms: number) => number,
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

  /** Those who stand for themselves, a page of journeys at a time; a customer's journeys stay together. */
  unmerged(): void {
    let group = new Group();
    for (let [customer, journey] = [-1, 0]; ;) {
      const page = this.rows.all(AFTER, customer, journey);
      const last = page.at(-1);
      if (!last) break;
      for (const facts of this.load(page)) {
        const own = facts.head.customer;
        if (this.linked.has(own)) continue;
        if (own === 0 || own !== group.customer) {
          this.settle(group);
          group = new Group(own);
        }
        this.take(group, facts);
      }
      [customer, journey] = [last['customer'] as number, last['journey'] as number];
    }
    this.settle(group);
    const nobodys = this.wholes.get(0) ?? [];
    for (let at = 0; at < nobodys.length; at += PAGE) {
      for (const facts of loadFacts(this.rows, this.customers, nobodys.slice(at, at + PAGE))) {
        const alone = new Group(0);
        this.take(alone, facts);
        this.settle(alone);
      }
    }
  }

  /** Those who were merged, or whose journeys were, a whole tree at a time. */
  merged(): void {
    const trees = new Map<number, number[]>();
    for (const customer of [...this.linked].sort((a, b) => a - b)) {
      const root = this.customers.root(customer);
      trees.set(root, [...(trees.get(root) ?? []), customer]);
    }
    const ofCustomer = `select ${COLUMNS} from journey_state where customer = ? and journey > ? and to_pos is null order by journey limit ${PAGE}`;
    for (const [root, members] of trees) {
      const group = new Group(root);
      for (const member of members) {
        const wholes = this.wholes.get(member) ?? [];
        for (let at = 0; at < wholes.length; at += PAGE) {
          for (const facts of loadFacts(this.rows, this.customers, wholes.slice(at, at + PAGE)))
            this.take(group, facts);
        }
        for (let after = 0; ;) {
          const page = this.rows.all(ofCustomer, member, after);
          if (page.length === 0) break;
          for (const facts of this.load(page)) this.take(group, facts);
          after = page.at(-1)!['journey'] as number;
        }
      }
      this.settle(group);
    }
  }

  finish(): void {
    this.insertContacts();
    this.writeSums();
  }

  private writeSums(): void {
    if (this.filled) for (const change of this.delta.changes()) this.rows.write(change);
    else this.delta.fill((table, values) => this.rows.insert(table, values));
    this.filled = true;
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
    if (this.delta.size > CELLS) this.writeSums();
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
    if (this.contacts.length > VALUES) this.insertContacts();
    const due = (each: JourneyFacts) => this.due(each, byJourney.get(each.head.journey) ?? []);
    if (facts.length === journeys.length) return facts.forEach(due);
    for (let from = 0; from < journeys.length; from += PAGE) {
      loadFacts(this.rows, this.customers, journeys.slice(from, from + PAGE)).forEach(due);
    }
  }

  private insertContacts(): void {
    this.rows.insert('contact', this.contacts);
    this.contacts.length = 0;
  }

  private due(facts: JourneyFacts, contacts: readonly Contact[]): void {
    for (const row of dueMoments(facts, contacts, this.codeOf)) {
      this.rows.write({ op: 'put', table: 'moment_due', row: row as unknown as Row });
    }
  }
}

/** Journeys whose contacts may be neighbours. */
class Group {
  readonly journeys: number[] = [];
  readonly facts: JourneyFacts[] = [];
  readonly contacts: Contact[] = [];

  constructor(readonly customer = -1) {}
}
