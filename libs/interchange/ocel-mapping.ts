import { deterministicId } from '@touchstone/eventing';
import type { ObjectStatement, TouchpointFact } from '@touchstone/journeys';
import { ImportedKinds } from './imported-kinds.js';
import type { LossReport } from './loss-report.js';
import type { Fault } from './mapped-log.js';
import type { OcelMappingOptions } from './ocel-options.js';
import type { OcelStore } from './ocel-store.js';
import { SINCE_EVER, UNDECLARED } from './ocel.js';
import { personalUnseen } from './xes-mapping.js';
import { put, type Json, type JsonObject } from './xes-value.js';

/** A kind id is `<journey type>:<activity>` within 256 characters. */
const LONGEST_ACTIVITY = 190;
const LONGEST_CODE = 256;
const MOST_OBJECTS = 1_000;
/** Larger events would not fit the log once they are written as JSON and encrypted. */
const LARGEST_EVENT = 512 * 1024;
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
  /** Id of the object that is the journey; null: the event has none. */
  readonly journey: string | null;
  readonly sequence: number;
}

export type MappedEvent =
  | { readonly fact: TouchpointFact; readonly event: string }
  | { readonly fault: Fault; readonly event: string; readonly journeyId: string; readonly raw: JsonObject };

type Role = 'unit' | 'staff' | 'channel';
const ROLES: readonly Role[] = ['unit', 'staff', 'channel'];

/**
 * Turns what a store holds into touchpoint facts and statements about objects, with deterministic ids. It reads no clock
 * and makes no random ids: the same log and options always give the same.
 */
export class OcelMapping {
  readonly kinds: ImportedKinds;
  private readonly source: string;
  private readonly personal: ReadonlySet<string>;
  /** Personal attributes that were not met yet. */
  private readonly unseen: Set<string>;

  constructor(
    private readonly store: OcelStore,
    private readonly options: OcelMappingOptions,
    private readonly report: LossReport,
  ) {
    this.source = options.source ?? options.journeyType;
    this.personal = new Set(options.personal);
    this.unseen = new Set(options.personal);
    this.kinds = new ImportedKinds(options);
  }

  /** Chooses the journeys of each event. Returns how many there are. */
  choose(): number {
    const { store } = this;
    const { caseTypes, withoutCase = 'leave-out' } = this.options;
    store.run('CREATE TABLE touch (event INTEGER NOT NULL, journey TEXT, PRIMARY KEY (event, journey))');
    for (const type of caseTypes) {
      // One statement sees what was there before it: events of an earlier type have their journeys already.
      store.run(
        `INSERT INTO touch SELECT DISTINCT r.event, r.object FROM relation r JOIN object o ON o.id = r.object
         WHERE o.type = ? AND r.event NOT IN (SELECT event FROM touch)`,
        type,
      );
    }
    const left = 'FROM event e WHERE e.n NOT IN (SELECT event FROM touch)';
    if (withoutCase === 'leave-out') {
      const counts = `SELECT type, count(*) AS n ${left} GROUP BY type ORDER BY type`;
      for (const { type, n } of store.all<{ type: string; n: number }>(counts)) {
        this.report.add('event-without-case', type, Number(n));
      }
    } else {
      store.run(`INSERT INTO touch SELECT e.n, NULL ${left}`);
    }
    const journeys = "SELECT count(DISTINCT coalesce('o' || journey, 'e' || event)) AS n FROM touch";
    const [{ n }] = store.all<{ n: number }>(journeys) as [{ n: number }];
    this.order();
    return Number(n);
  }

  /** Gives every touchpoint its place: in its journey, and among all. */
  private order(): void {
    this.store.run(
      'CREATE TABLE placed (n INTEGER PRIMARY KEY, event INTEGER NOT NULL, journey TEXT, sequence INTEGER)',
    );
    this.store.run(`
      INSERT INTO placed (event, journey, sequence)
      SELECT t.event, t.journey,
        row_number() OVER (PARTITION BY coalesce('o' || t.journey, 'e' || t.event) ORDER BY e.ms, e.n) - 1
      FROM touch t JOIN event e ON e.n = t.event ORDER BY e.ms, e.n, t.journey`);
  }

  /** Touchpoints in the order in which they happened; the journeys of one event side by side. */
  *events(): Generator<MappedEvent> {
    const query = `
      SELECT p.n AS place, e.n, e.id, e.type, e.time, e.ms, e.attributes, p.journey, p.sequence
      FROM placed p JOIN event e ON e.n = p.event WHERE p.n > ? ORDER BY p.n LIMIT ?`;
    for (const touch of this.store.paged<Touch>(query, [], [0], ({ place }) => [place])) yield this.mapped(touch);
  }

  /** What is said of objects: their values, each from its time on, and their links. */
  *statements(): Generator<ObjectStatement> {
    for (const { id, type } of this.store.objectsInOrder()) {
      if (type !== UNDECLARED) yield* this.changes({ type, id });
      yield* this.links({ type, id });
    }
  }

  /** @throws PERSONAL_ATTRIBUTE_UNSEEN: a misspelt name would leave the person's data readable for good */
  assertSeen(): void {
    for (const name of this.unseen) throw personalUnseen(name);
  }

  private mapped(touch: Touch): MappedEvent {
    const { journeyType, withoutCase } = this.options;
    const { id, type, time, ms, sequence, journey } = touch;
    // An event that has no journey is one of its own, under its own name.
    const key = journey ?? id;
    const journeyId = deterministicId(this.source, journeyType, key);
    const attributes = JSON.parse(touch.attributes) as JsonObject;
    const related = this.store.all<{ type: string; id: string; qualifier: string }>(
      `SELECT o.type, o.id, r.qualifier FROM relation r JOIN object o ON o.id = r.object
       WHERE r.event = ? ORDER BY r.object, r.qualifier`,
      touch.n,
    );
    const raw = (): JsonObject => ({ id, type, time, attributes, objects: related.map((r) => ({ ...r })) });
    const fault = faultOf(touch, related.length) ?? (journey === null && withoutCase === 'quarantine' ? withoutJourney(this.options.caseTypes) : undefined); // prettier-ignore
    if (fault) return { fault, event: id, journeyId, raw: raw() };
    const content = this.content(attributes, related);
    if ('code' in content) return { fault: content, event: id, journeyId, raw: raw() };
    const kind = this.kinds.id(type);
    this.kinds.observe(kind, content.attributes, content.personal);
    const { personal, ...rest } = content;
    const fact: TouchpointFact = {
      ...rest,
      touchpointId: deterministicId(this.source, journeyType, key, id),
      journey: { id: journeyId, type: journeyType, key },
      factId: deterministicId('ocel', this.source, id),
      kind,
      occurredAt: time!,
      source: { system: this.source, recordId: id, sequence: ms === null ? undefined : Number(sequence) },
      ...(Object.keys(personal).length > 0 && { personal }),
      objects: related.map(({ qualifier, ...object }) => ({ ...object, ...(qualifier !== '' && { qualifier }) })),
    };
    return { fact, event: id };
  }

  /** Roles and attributes. An attribute that names a role is no attribute besides. */
  private content(
    given: JsonObject,
    related: readonly { type: string; id: string }[],
  ):
    | Fault
    | (Partial<Record<Role, string>> &
        Pick<TouchpointFact, 'customer'> & { attributes: JsonObject; personal: JsonObject }) {
    const { options } = this;
    const attributes: JsonObject = {};
    const personal: JsonObject = {};
    const roles: Partial<Record<Role, string>> = {};
    let customer: string | undefined;
    for (const [name, value] of Object.entries(given)) {
      const role = ROLES.find((one) => options[one] === name);
      if (role !== undefined || options.customer === name) {
        const text = roleText(value);
        if (text === undefined) {
          return { code: 'OCEL_VALUE_INVALID', reason: `The attribute "${name}" names a role and is no text of 1 to ${LONGEST_CODE} characters.` }; // prettier-ignore
        }
        if (role !== undefined) roles[role] = text;
        if (options.customer === name) customer = text;
        continue;
      }
      this.part(attributes, personal, name, value);
    }
    customer ??= related.find(({ type }) => type === options.customer)?.id;
    return {
      ...roles,
      ...(customer !== undefined && { customer: { type: `${this.source}/${options.customer}`, value: customer } }),
      attributes,
      personal,
    };
  }

  private part(attributes: JsonObject, personal: JsonObject, name: string, value: Json): void {
    this.unseen.delete(name);
    put(this.personal.has(name) ? personal : attributes, name, value);
  }

  private *changes(object: Named): Generator<ObjectStatement> {
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

  private change(object: Named, occurredAt: string, given: JsonObject, sequence: number): ObjectStatement {
    const attributes: JsonObject = {};
    const personal: JsonObject = {};
    for (const [name, value] of Object.entries(given)) this.part(attributes, personal, name, value);
    return {
      id: deterministicId('ocel', this.source, 'change', object.type, object.id, occurredAt, canonical(given)),
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
      links.push({ ...other, ...(qualifier !== '' && { qualifier }) });
      if (links.length < LINKS) continue;
      yield this.linked(object, links);
      links = [];
    }
    if (links.length > 0) yield this.linked(object, links);
  }

  private linked(object: Named, objects: { type: string; id: string; qualifier?: string }[]): ObjectStatement {
    return {
      id: deterministicId('ocel', this.source, 'links', object.type, object.id, JSON.stringify(objects)),
      object: { type: object.type, id: object.id },
      occurredAt: SINCE_EVER,
      source: { system: this.source, recordId: object.id },
      links: { objects },
    };
  }
}

/** The same for the same values, whatever their order. */
const canonical = (values: JsonObject): string =>
  JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));

function faultOf({ type, time, ms, attributes }: Touch, related: number): Fault | undefined {
  if (time === null) return { code: 'OCEL_NO_TIME', reason: 'The event has no time.' };
  if (ms === null) return { code: 'OCEL_TIME_INVALID', reason: 'The time of the event is no date and time.' };
  if (type.length > LONGEST_ACTIVITY) {
    return { code: 'OCEL_TYPE_TOO_LONG', reason: `The event's type has more than ${LONGEST_ACTIVITY} characters.` };
  }
  if (related > MOST_OBJECTS) {
    return { code: 'OCEL_TOO_MANY_OBJECTS', reason: `The event relates to more than ${MOST_OBJECTS} objects.` };
  }
  if (attributes.length > LARGEST_EVENT / 3 && Buffer.byteLength(attributes) > LARGEST_EVENT) {
    return { code: 'OCEL_EVENT_TOO_LARGE', reason: `The event is larger than ${LARGEST_EVENT / 1024} KB.` };
  }
  return undefined;
}

const withoutJourney = (caseTypes: readonly string[]): Fault => ({
  code: 'OCEL_EVENT_WITHOUT_CASE',
  reason: `The event relates to no object of the types ${caseTypes.map((type) => `"${type}"`).join(', ')}.`,
});

function roleText(value: Json): string | undefined {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  return typeof text === 'string' && text !== '' && text.length <= LONGEST_CODE ? text : undefined;
}
