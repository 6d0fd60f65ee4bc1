/**
 * The audience of a fact in an order in which a page costs what it shows: first those whom it names or lists, then, object
 * by object, those who are linked. The objects come as a walk goes down from the fact's own over links that convey, each
 * at the first place at which the walk meets it, so a place to go on from is the way to an object and a customer there.
 */
import { sql } from 'kysely';
import type { Read } from '@touchstone/readmodel/query';
import { Linked } from './objects.tables.js';
import { validAt } from './objects.queries.js';
import type { FactRow } from './shared-facts.js';

/** The way from the fact's object, surrogates; empty: among those whom the fact names or lists. */
export interface AudiencePlace {
  readonly way: readonly number[];
  readonly customer: number;
}

export interface Found {
  readonly customer: number;
  readonly listed: boolean;
  readonly place: AudiencePlace;
}

/** Objects that one statement reads. */
const CHUNK = 200;
const START: AudiencePlace = { way: [], customer: 0 };

export async function audienceFrom(
  read: Read,
  fact: FactRow,
  after: AudiencePlace = START,
  first = 50,
): Promise<Found[]> {
  const found: Found[] = [];
  if (after.way.length === 0) {
    for (const customer of await listedBehind(read, fact, after.customer, first)) {
      found.push({ customer, listed: true, place: { way: [], customer } });
    }
  }
  if (fact.linked === Linked.nobody || found.length >= first) return found;
  const walk = new AudienceWalk(read, fact);
  for await (const { way, behind } of walk.objects(after)) {
    for (let last = behind; found.length < first;) {
      const customers = await walk.linkedTo(way.at(-1)!, last, first - found.length + 1);
      for (const customer of await walk.firstMetAt(way, customers)) {
        if (found.length < first) found.push({ customer, listed: false, place: { way, customer } });
      }
      if (customers.length <= first - found.length || customers.length === 0) break;
      last = customers.at(-1)!;
    }
    if (found.length >= first) break;
    read.checkpointCancel();
  }
  return found;
}

async function listedBehind(read: Read, fact: FactRow, after: number, first: number): Promise<number[]> {
  const { rows } = await sql<{ customer: number }>`select customer from object_audience
    where from_pos = ${fact.from_pos} and customer > ${after} order by customer limit ${first}`.execute(read.db);
  return rows.map(({ customer }) => customer);
}

interface Step {
  readonly object: number;
  /** Objects below it that are still to come. */
  below: number[];
  /** The last one that was read; null: there are no more. */
  last: number | null;
}

class AudienceWalk {
  /** The first way to each object, where it was looked for; null: none leads there. */
  private readonly ways = new Map<number, readonly number[] | null>();

  constructor(
    private readonly read: Read,
    private readonly fact: FactRow,
  ) {}

  /** The objects from a place on, with the customer there behind whom to go on. */
  async *objects({ way, customer }: AudiencePlace): AsyncGenerator<{ way: number[]; behind: number }> {
    const known = way.length > 0 ? [...way] : [this.fact.object];
    const steps = known.map((object, i): Step => ({ object, below: [], last: known[i + 1] ?? 0 }));
    yield { way: known, behind: way.length > 0 ? customer : 0 };
    while (steps.length > 0) {
      const step = steps.at(-1)!;
      const own = steps.map(({ object }) => object);
      if (step.below.length === 0) await this.readBelow(step, own);
      const next = step.below.shift();
      if (next === undefined) {
        steps.pop();
        continue;
      }
      steps.push({ object: next, below: [], last: 0 });
      yield { way: [...own, next], behind: 0 };
    }
  }

  /** The next objects below one, those that are met there first. */
  private async readBelow(step: Step, way: readonly number[]): Promise<void> {
    if (this.fact.linked !== Linked.throughObjects) return;
    while (step.last !== null && step.below.length === 0) {
      const { rows } = await sql<{ other: number }>`select distinct l.other from object_link as l
        where l.object = ${step.object} and l.other > ${step.last} and l.conveys = 1
          and ${validAt(this.read, this.fact.occurred_ms)} order by l.other limit ${CHUNK}`.execute(this.read.db);
      const children = rows.map(({ other }) => other);
      step.last = children.length < CHUNK ? null : children.at(-1)!;
      const above = await this.above(children);
      for (const child of children) {
        const isOnly = above.get(child)!.every((object) => object === step.object);
        if (isOnly && child !== this.fact.object) this.ways.set(child, [...way, child]);
        const first = await this.firstWay(child);
        if (first && isSame(first, [...way, child])) step.below.push(child);
      }
      this.read.checkpointCancel();
    }
  }

  /** Customers who are linked to an object, in order; nobody twice. */
  async linkedTo(object: number, after: number, first: number): Promise<number[]> {
    const { rows } = await sql<{ customer: number }>`select distinct l.customer from object_link as l
      where l.object = ${object} and l.other = 0 and l.customer > ${after}
        and ${validAt(this.read, this.fact.occurred_ms)} order by l.customer limit ${first}`.execute(this.read.db);
    return rows.map(({ customer }) => customer);
  }

  /** Of customers of one object those who are neither listed nor linked to an object that comes before it. */
  async firstMetAt(way: readonly number[], customers: readonly number[]): Promise<number[]> {
    if (customers.length === 0) return [];
    const { rows: listed } = await sql<{ customer: number }>`select customer from object_audience
      where from_pos = ${this.fact.from_pos} and customer in (${sql.join(customers)})`.execute(this.read.db);
    const met = new Set(listed.map(({ customer }) => customer));
    if (this.fact.linked === Linked.throughObjects) {
      const { rows } = await sql<{ customer: number; object: number }>`select distinct l.customer, l.object
        from object_link as l where l.customer in (${sql.join(customers)}) and l.object <> ${way.at(-1)!}
          and ${validAt(this.read, this.fact.occurred_ms)}`.execute(this.read.db);
      for (const { customer, object } of rows) {
        if (met.has(customer)) continue;
        const other = await this.firstWay(object);
        if (other && isBefore(other, way)) met.add(customer);
      }
    }
    return customers.filter((customer) => !met.has(customer));
  }

  /**
   * The first way on which a walk comes to an object: looked for from the object up, and only among what lies above it.
   * A way comes before those that go on from it, so what is met first is met on the first way of what lies above.
   */
  private async firstWay(object: number): Promise<readonly number[] | null> {
    const known = this.ways.get(object);
    if (known !== undefined) return known;
    const above = new Map<number, readonly number[]>();
    for (let open = [object]; open.length > 0;) {
      const parents = await this.above(open);
      for (const [each, its] of parents) above.set(each, its);
      open = [...new Set([...parents.values()].flat())].filter((each) => !above.has(each));
      this.read.checkpointCancel();
    }
    const below = new Map<number, number[]>();
    for (const [each, its] of above) for (const parent of its) below.set(parent, [...(below.get(parent) ?? []), each]);
    const ways = firstWays(this.fact.object, below);
    for (const each of above.keys()) this.ways.set(each, ways.get(each) ?? null);
    return this.ways.get(object)!;
  }

  /** The objects that convey to each of these. */
  private async above(objects: readonly number[]): Promise<Map<number, number[]>> {
    const found = new Map<number, number[]>(objects.map((object) => [object, []]));
    for (let i = 0; i < objects.length; i += CHUNK) {
      const { rows } = await sql<{ object: number; other: number }>`select distinct l.object, l.other
        from object_link as l where l.other in (${sql.join(objects.slice(i, i + CHUNK))}) and l.conveys = 1
          and ${validAt(this.read, this.fact.occurred_ms)}`.execute(this.read.db);
      for (const { object, other } of rows) found.get(other)!.push(object);
    }
    return found;
  }
}

/** The first way to each of some objects, over what lies below each of them. */
function firstWays(
  from: number,
  below: ReadonlyMap<number, readonly number[]>,
): ReadonlyMap<number, readonly number[]> {
  const ways = new Map<number, readonly number[]>();
  // As the walk itself goes: whatever it meets first, it meets on the first way.
  const visit = (way: readonly number[]): void => {
    const object = way.at(-1)!;
    if (ways.has(object)) return;
    ways.set(object, way);
    for (const next of [...new Set(below.get(object) ?? [])].sort((a, b) => a - b)) visit([...way, next]);
  };
  visit([from]);
  return ways;
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((object, i) => object === b[i]);

/** In the order of the walk: a way comes before those that go on from it. */
function isBefore(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return a.length < b.length;
}
