import type { ObjectStatement, TouchpointFact } from '@touchstone/journeys';
import type { KeyedHash } from './hidden-names.js';
import type { ImportedKinds } from './imported-kinds.js';
import type { LossReport } from './loss-report.js';
import type { Fault } from './mapped-log.js';
import { OcelChoosing, type Turn } from './ocel-choosing.js';
import { OcelEvents, PersonalNames, type OcelEvent } from './ocel-events.js';
import type { OcelMappingOptions } from './ocel-options.js';
import { ownEventOf, ownObjectOf, type OwnObject } from './ocel-own.js';
import { changeId, linksId } from './object-statements.js';
import type { OcelStore } from './ocel-store.js';
import { SINCE_EVER, UNDECLARED } from './ocel.js';
import { put, type JsonObject } from './xes-value.js';

/** Links in one event of an object; more go into a second one. */
const LINKS = 1_000;

type Named = ObjectStatement['object'];

/** A touchpoint-to-be: an event in one of its journeys. */
interface Touch {
  readonly place: number;
  readonly n: number;
  readonly id: string;
  readonly type: string;
  readonly time: string | null;
  readonly ms: number | null;
  readonly attributes: string;
  readonly own: string | null;
  /** Id of the object that is the journey; null: the event has none. */
  readonly journey: string | null;
  readonly sequence: number;
}

export type MappedEvent =
  | { readonly fact: TouchpointFact; readonly event: string }
  | (Pick<OcelEvent, 'journey' | 'sequence' | 'own'> & {
      readonly fault: Fault;
      readonly event: string;
      readonly journeyId: string;
      readonly raw: JsonObject;
    });

/**
 * Turns what a store holds into touchpoint facts and statements about objects, with deterministic ids. It reads no clock
 * and makes no random ids: the same log and options always give the same.
 */
export class OcelMapping {
  private readonly singly: OcelEvents;
  private readonly source: string;
  private readonly personal: PersonalNames;

  constructor(
    private readonly store: OcelStore,
    private readonly options: OcelMappingOptions,
    private readonly report: LossReport,
    hash: KeyedHash,
  ) {
    this.source = options.source ?? options.journeyType;
    this.personal = new PersonalNames(options.personal);
    this.singly = new OcelEvents(options, this.personal, hash);
  }

  get kinds(): ImportedKinds {
    return this.singly.kinds;
  }

  /** Chooses the journeys of each event. Returns how many there are. */
  choose(turn: Turn): Promise<number> {
    return new OcelChoosing(this.store, this.options, this.report).run(turn);
  }

  /** Touchpoints in the order in which they happened; the journeys of one event side by side. */
  *events(): Generator<MappedEvent> {
    const query = `
      SELECT p.n AS place, e.n, e.id, e.type, e.time, e.ms, e.attributes, e.own, p.journey, p.sequence
      FROM placed p JOIN event e ON e.n = p.event WHERE p.n > ? ORDER BY p.n LIMIT ?`;
    for (const touch of this.store.paged<Touch>(query, [], [0], ({ place }) => [place])) yield this.mapped(touch);
  }

  /** What is said of objects: their values, each from its time on, and their links. */
  *statements(): Generator<ObjectStatement> {
    for (const { id, type } of this.store.objectsInOrder()) {
      if (this.singly.isCustomer(type)) {
        // The stream of an object has its id for a name, and no key that could be destroyed.
        this.report.add('customer-object', type);
        continue;
      }
      if (type !== UNDECLARED) yield* this.changes({ type, id });
      yield* this.links({ type, id });
    }
  }

  /** @throws PERSONAL_ATTRIBUTE_UNSEEN: a misspelt name would leave the person's data readable for good */
  assertSeen(): void {
    this.personal.assertSeen();
  }

  private mapped(touch: Touch): MappedEvent {
    const { id, type, time, ms, journey } = touch;
    const own = ownEventOf(touch.own);
    const attributes = JSON.parse(touch.attributes) as JsonObject;
    const related = this.store.all<OcelEvent['related'][number]>(
      `SELECT o.type, o.id, r.qualifier FROM relation r JOIN object o ON o.id = r.object
       WHERE r.event = ? ORDER BY r.object, r.qualifier`,
      touch.n,
    );
    const sequence = ms === null ? undefined : Number(touch.sequence);
    this.reportCustomers(related);
    const mapped = this.singly.fact({ id, type, time, ms, attributes, related, journey, sequence, own });
    if (!('code' in mapped)) return { fact: mapped, event: id };
    const raw = { id, type, time, attributes, objects: related.map((r) => ({ ...r })) };
    return {
      fault: mapped,
      event: id,
      journeyId: this.singly.journeyOf({ id, journey, own, related }).id,
      raw,
      journey,
      sequence,
      own,
    };
  }

  /** An event has one customer; further ones are not carried, since objects are readable. */
  private reportCustomers(related: OcelEvent['related']): void {
    const ids = new Set(related.filter(({ type }) => this.singly.isCustomer(type)).map(({ id }) => id));
    if (ids.size > 1) this.report.add('other-customer', this.options.customer!, ids.size - 1);
  }

  private *changes(object: Named): Generator<ObjectStatement> {
    const own = ownObjectOf(this.store.ownOfObject(object.id));
    if (own) return yield* this.saidHere(object, own);
    let time: string | undefined;
    let values: JsonObject = {};
    let nth = 0;
    const statement = (): ObjectStatement => this.change(object, time ?? SINCE_EVER, values, nth++);
    for (const row of this.store.valuesOf(object.id)) {
      if (time !== undefined && row.time !== time) {
        yield statement();
        values = {};
      }
      time = row.time;
      for (const [name, value] of Object.entries(JSON.parse(row.attributes) as JsonObject)) put(values, name, value);
    }
    yield statement();
  }

  /** What was exported is said by the statements that it was said by; an object that was only named is not declared. */
  private *saidHere(object: Named, { said }: OwnObject): Generator<ObjectStatement> {
    const rows = [...this.store.valuesOf(object.id)];
    for (const [sequence, [id, occurredAt, names]] of said.entries()) {
      const values: JsonObject = {};
      for (const { time, attributes } of rows) {
        if (time !== occurredAt) continue;
        for (const [name, value] of Object.entries(JSON.parse(attributes) as JsonObject)) {
          if (names.includes(name)) put(values, name, value);
        }
      }
      yield { ...this.change(object, occurredAt, values, sequence), id };
    }
  }

  private change(object: Named, occurredAt: string, given: JsonObject, sequence: number): ObjectStatement {
    const attributes: JsonObject = {};
    const personal: JsonObject = {};
    for (const [name, value] of Object.entries(given)) this.personal.put(attributes, personal, name, value);
    return {
      id: changeId(this.source, object, occurredAt, given),
      object: { type: object.type, id: object.id },
      occurredAt,
      source: { system: this.source, recordId: object.id, sequence },
      change: { attributes, ...(Object.keys(personal).length > 0 && { personal }) },
    };
  }

  private *links(object: Named): Generator<ObjectStatement> {
    const rows = this.store.paged<{ type: string; id: string; qualifier: string }>(
      `SELECT o.type, o.id, l.qualifier FROM link l JOIN object o ON o.id = l.target
       WHERE l.source = ? AND (l.target, l.qualifier) > (?, ?) ORDER BY l.target, l.qualifier LIMIT ?`,
      [object.id],
      ['', ''],
      ({ id, qualifier }) => [id, qualifier],
    );
    let links: { type: string; id: string; qualifier?: string }[] = [];
    for (const { qualifier, ...other } of rows) {
      if (this.singly.isCustomer(other.type)) {
        this.report.add('customer-link', other.type);
        continue;
      }
      links.push({ ...other, ...(qualifier !== '' && { qualifier }) });
      if (links.length < LINKS) continue;
      yield this.linked(object, links);
      links = [];
    }
    if (links.length > 0) yield this.linked(object, links);
  }

  private linked(object: Named, objects: { type: string; id: string; qualifier?: string }[]): ObjectStatement {
    return {
      id: linksId(this.source, object, objects),
      object: { type: object.type, id: object.id },
      occurredAt: SINCE_EVER,
      source: { system: this.source, recordId: object.id },
      links: { objects },
    };
  }
}
