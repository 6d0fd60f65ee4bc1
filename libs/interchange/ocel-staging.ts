import { deterministicId, instantMs } from '@touchstone/eventing';
import type { ExportedFact, ExportedJourney, ExportedObject, ExportedTouchpoint } from '@touchstone/journeys/read';
import type { LossReport } from './loss-report.js';
import { CUSTOMER_KEY, PERSONAL_KEY, SINCE_EVER, UNDECLARED } from './ocel.js';
import { changeId } from './object-statements.js';
import { JOURNEY, OWN_KEY, ownEventOf, type OwnEvent, type OwnObject, type OwnTouchpoint } from './ocel-own.js';
import type { OcelStore } from './ocel-store.js';
import { put, type JsonObject } from './xes-value.js';
import { TRACE_KEY } from './xes.js';

/** An event before it has a number. */
interface Told {
  /** What several touchpoints of one fact have in common. */
  readonly group: string;
  readonly source?: { readonly recordId?: string };
  readonly type: string;
  readonly occurredAt: string;
  readonly attributes: JsonObject;
  readonly objects: readonly { readonly type: string; readonly id: string; readonly qualifier?: string }[];
}

/** Puts journeys and objects into a store as the events and objects of OCEL: one event for each fact. */
export class OcelStaging {
  readonly kinds = new Set<string>();

  constructor(
    private readonly store: OcelStore,
    private readonly report: LossReport,
  ) {}

  journey(journey: ExportedJourney): void {
    const { customerId, forgotten, continued } = journey;
    if (customerId !== undefined && !continued) this.report.add(forgotten ? 'forgotten' : 'personal', 'customer of a journey'); // prettier-ignore
    journey.touchpoints.forEach((touchpoint, i) => this.touchpoint(journey, touchpoint, i === 0 && !continued));
  }

  /** @param object as it is known; its id in the log is `id` */
  object(object: ExportedObject, id: string): void {
    const { type, values, links, ended, customers, facts } = object;
    const own = ownObject(object);
    if (own && type !== UNDECLARED) this.store.addValues(id, type, SINCE_EVER, { [OWN_KEY]: JSON.stringify(own) });
    for (const { occurredAt, attributes, personal } of values) {
      if (personal) this.report.add('personal', 'values of an object');
      if (Object.keys(attributes).length > 0) this.store.addValues(id, type, occurredAt, attributes as JsonObject);
    }
    for (const { qualifier = '', ...other } of links)
      this.store.link(id, this.store.objectId(other.type, other.id).id, qualifier);
    if (ended > 0) this.report.add('link', 'that has ended', ended);
    if (customers > 0) this.report.add('link', 'to a customer', customers);
    for (const fact of facts) this.fact(object, fact);
  }

  private touchpoint(journey: ExportedJourney, touchpoint: ExportedTouchpoint, isFirst: boolean): void {
    const { id, factId, occurredAt, kind, source, personal, forgotten } = touchpoint;
    const customer = touchpoint.customerId ?? journey.customerId;
    if (personal) this.report.add(forgotten ? 'forgotten' : 'personal', 'values of a touchpoint');
    const own = journeyObject(journey, touchpoint);
    const attributes = this.attributesOf(touchpoint);
    const trace = traceOf(touchpoint);
    // What an import has kept of the trace is of the journey, which is an object here.
    if (own && isFirst && trace) delete attributes[TRACE_KEY];
    if (customer !== undefined) put(attributes, CUSTOMER_KEY, forgotten ? 'forgotten' : customer);
    if (personal) put(attributes, PERSONAL_KEY, forgotten ? 'forgotten' : 'withheld');
    const n = this.event({
      group: factId ?? id,
      source,
      type: this.typeOf(kind, journey.journeyType),
      occurredAt,
      attributes,
      objects: [...touchpoint.objects, ...(own ? [{ ...own, qualifier: JOURNEY }] : [])],
    });
    this.markTouchpoint(n, journey, touchpoint, own);
    if (own && isFirst && trace)
      this.store.addValues(this.store.objectId(own.type, own.id).id, own.type, SINCE_EVER, trace);
  }

  private fact(object: ExportedObject, fact: ExportedFact): void {
    const { id, kind, occurredAt, source, objects, personal, hasAudience } = fact;
    if (personal) this.report.add('personal', 'values of a fact');
    if (hasAudience) this.report.add('link', 'audience of a fact');
    const { type, id: key } = object;
    const itself = objects.some((other) => other.type === type && other.id === key) ? [] : [{ type, id: key }];
    const attributes = this.attributesOf(fact);
    if (personal) put(attributes, PERSONAL_KEY, 'withheld');
    const n = this.event({
      group: id,
      source,
      type: this.typeOf(kind),
      occurredAt,
      attributes,
      objects: [...itself, ...objects],
    });
    this.store.ownEvent(n, () => JSON.stringify({ touchpoints: [], isShared: true } satisfies OwnEvent));
  }

  /** Says which touchpoint it is, unless an import finds that out from the event and its journey. */
  private markTouchpoint(
    n: number,
    journey: ExportedJourney,
    touchpoint: ExportedTouchpoint,
    own: { type: string; id: string } | undefined,
  ): void {
    const { id, factId, kind, source, objects } = touchpoint;
    const { journeyType, key } = journey;
    const itself = own ?? objects.find((object) => object.id === key);
    if (!itself) return;
    const object = this.store.objectId(itself.type, itself.id).id;
    this.store.ownEvent(n, (eventId, before) => {
      const system = source?.system ?? '';
      const isFound =
        id === deterministicId(system, journeyType, object, eventId) &&
        journey.id === deterministicId(system, journeyType, object);
      if (isFound) return undefined;
      const known = ownEventOf(before) ?? { touchpoints: [] };
      const one: OwnTouchpoint = { id, journey: journey.id, journeyType, ...(key !== undefined && { key }), object };
      const isOwnKind = kind.startsWith(`${journeyType}:`);
      return JSON.stringify({
        touchpoints: [...known.touchpoints, one],
        ...(factId !== undefined && { fact: factId }),
        ...(!isOwnKind && { kind }),
        ...(source && { source: { system, recordId: source.recordId, recordedAt: source.recordedAt } }),
        roles: rolesOf(touchpoint),
      } satisfies OwnEvent);
    });
  }

  /** Its number. */
  private event({ group, source, type, occurredAt, attributes, objects }: Told): number {
    const { store, report } = this;
    const known = store.groupOf(group);
    let n = known?.n;
    if (known && (known.type !== type || known.attributes !== JSON.stringify(attributes)))
      report.add('differing-fact', type);
    if (n === undefined) {
      const ms = instantMs(occurredAt);
      const event = { group, type, time: occurredAt, ms, attributes };
      n = store.addEvent({ ...event, id: source?.recordId ?? group });
      if (n === undefined) {
        report.add('renamed', 'event');
        n = store.addEvent({ ...event, id: `${source?.recordId ?? ''}/${group}` });
      }
    }
    for (const { qualifier = '', ...object } of objects) {
      store.relateAgain(n!, store.objectId(object.type, object.id).id, qualifier);
    }
    return n!;
  }

  private attributesOf(of: Pick<ExportedTouchpoint, 'attributes' | 'unit' | 'staff' | 'channel'>): JsonObject {
    const attributes: JsonObject = {};
    for (const role of ['unit', 'staff', 'channel'] as const) {
      const value = of[role];
      if (value === undefined) continue;
      const isTaken = Object.hasOwn(of.attributes, role);
      if (isTaken) this.report.add('renamed', `attribute ${role}`);
      put(attributes, isTaken ? `touchstone:${role}` : role, value);
    }
    for (const [name, value] of Object.entries(of.attributes as JsonObject)) put(attributes, name, value);
    return attributes;
  }

  private typeOf(kind: string, journeyType = ''): string {
    this.kinds.add(kind);
    const prefix = `${journeyType}:`;
    return journeyType !== '' && kind.startsWith(prefix) && kind.length > prefix.length
      ? kind.slice(prefix.length)
      : kind;
  }
}

/** The journey as an object, unless the touchpoint names the object that it is, or the event is a journey of its own. */
function journeyObject(
  { id, key, journeyType }: ExportedJourney,
  { objects, source, factId }: ExportedTouchpoint,
): { type: string; id: string } | undefined {
  if (key !== undefined && objects.some((object) => object.id === key)) return undefined;
  if (source?.recordId !== undefined && source.recordId === key) {
    if (factId === deterministicId('ocel', source.system, key)) return undefined;
  }
  return { type: journeyType || UNDECLARED, id: key ?? id };
}

function traceOf({ attributes }: ExportedTouchpoint): JsonObject | undefined {
  const kept = attributes[TRACE_KEY];
  if (kept === null || typeof kept !== 'object' || Array.isArray(kept)) return undefined;
  return Object.keys(kept).length > 0 ? (kept as JsonObject) : undefined;
}

/** Attributes in which the roles stand. */
function rolesOf(touchpoint: ExportedTouchpoint): Record<string, string> {
  const roles = (['unit', 'staff', 'channel'] as const).filter((role) => touchpoint[role] !== undefined);
  return Object.fromEntries(roles.map((role) => [role, Object.hasOwn(touchpoint.attributes, role) ? `touchstone:${role}` : role])); // prettier-ignore
}

/** What was said of the object, unless an import says the same by itself. */
function ownObject({ type, id, values }: ExportedObject): OwnObject | undefined {
  const isFound = ({ id: said, source, occurredAt, attributes }: ExportedObject['values'][number]) =>
    said === changeId(source?.system ?? '', { type, id }, occurredAt, attributes as JsonObject);
  if (values.length > 0 && values.every(isFound)) return undefined;
  return { said: values.map((value) => [value.id, value.occurredAt, Object.keys(value.attributes)]) };
}
