import { byInstant, deterministicId, instantMs, TouchstoneError } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import type { KindSpec } from '@touchstone/packs';
import { EventReader, isFault, type ReadEvent } from './event-reader.js';
import { hiddenName, type KeyedHash } from './hidden-names.js';
import { ImportedKinds } from './imported-kinds.js';
import { LossReport } from './loss-report.js';
import type { MappedLog, UnreadableRecord } from './mapped-log.js';
import { TraceMemory, type OpenTrace } from './trace-memory.js';
import type { UnreadableEvent } from './xes-context.js';
import { OWN, isOwn } from './xes-own.js';
import { OwnMarks } from './xes-restore.js';
import { canonicalOf, jsonOf, put, xmlOf, type JsonObject } from './xes-value.js';
import type { XesMappingOptions } from './xes-options.js';
import {
  TRACE_KEY,
  type XesAttribute,
  type XesEvent,
  type XesFault,
  type XesLog,
  type XesPart,
  type XesTrace,
} from './xes.js';

export { TRACE_KEY } from './xes.js';

const TRACE_NAME = 'concept:name';
const IDENTITY = 'identity:id';
const LONGEST_NAME = 512;

export interface MappedTrace {
  readonly facts: TouchpointFact[];
  readonly unreadable: UnreadableRecord[];
}

/** The journey that a trace is about. */
interface TraceJourney {
  readonly id: string;
  /** What stands for it in ids, where that is personal. */
  readonly name: string;
  readonly isPersonal: boolean;
  /** It was exported from this very journey, so its touchpoints keep their ids. */
  readonly isExported: boolean;
}

/** Where an unreadable event stands. */
interface Place {
  readonly canonical: string;
  readonly name: string;
  readonly open: OpenTrace;
  readonly trace: XesTrace;
  readonly sequence?: number;
}

/** A readable event with its place, before the trace's customer and attributes are known. */
interface Placed {
  readonly fact: TouchpointFact;
  readonly at: number;
  readonly customer: string | undefined;
}

/**
 * Turns the traces of one log into touchpoint facts with deterministic ids. It reads no clock and makes no random ids:
 * the same file and options always give the same facts.
 */
export class XesMapping {
  private readonly source: string;
  private readonly reader: EventReader;
  private readonly kinds: ImportedKinds;
  private readonly report = new LossReport();
  private readonly memory = new TraceMemory();
  private readonly personal: ReadonlySet<string>;
  /** Of a log that Touchstone itself exported. */
  private readonly marks: OwnMarks | undefined;
  private readonly surroundings: ReadonlySet<string>;
  private journeys = 0;

  constructor(
    private readonly log: XesLog,
    private readonly options: XesMappingOptions,
    private readonly hash: KeyedHash,
  ) {
    this.source = options.source ?? options.journeyType;
    this.kinds = new ImportedKinds(options);
    this.personal = new Set(options.personal);
    const { customer, unit, staff, channel } = options;
    this.surroundings = new Set(
      [TRACE_NAME, IDENTITY, OWN.journey, customer, unit, staff, channel].filter((key) => key !== undefined),
    );
    this.marks = OwnMarks.of(log);
    this.reader = new EventReader(log, options, this.kinds, this.report, this.marks?.roles);
    this.reportOutside(log);
  }

  map(marked: XesTrace): MappedTrace {
    const name = nameOf(marked);
    const fault = nameFault(name);
    if (fault) return { facts: [], unreadable: this.withoutJourney(marked, fault) };
    const { journeyType, source } = this.options;
    const exported = this.marks?.journeyOf(marked, { journeyType, source, name: name! });
    const isPersonal = this.isNamePersonal(marked);
    const hidden = isPersonal ? hiddenName(this.hash, { source: this.source, journeyType }, name!) : name!;
    const journeyId = exported ?? deterministicId(this.source, journeyType, hidden);
    const { trace, json, hasCustomer } = this.marks?.trace(marked) ?? { trace: marked, json: {}, hasCustomer: false };
    if (hasCustomer && this.options.customer !== OWN.customer) this.report.add('trace-attribute', OWN.customer);
    const open = this.memory.open(journeyId);
    if (!open.continued) this.journeys++;
    if (trace.events.length === 0) this.report.add('empty-trace', 'trace');
    this.reader.begin(this.options.customer === OWN.customer ? marked : trace);
    const journey = { id: journeyId, name: hidden, isPersonal, isExported: exported !== undefined };
    const unreadable: UnreadableRecord[] = [];
    const placed: Placed[] = [];
    for (const event of trace.events) {
      const result = this.placed(event, open, marked, journey);
      if ('fact' in result) placed.push(result);
      else unreadable.push({ ...result, journeyId });
    }
    const facts = this.completed(placed, open, trace, json);
    open.close();
    return { facts, unreadable };
  }

  /** The name of a trace may be what names the customer: nobody may read it then, nor find it by trying. */
  private isNamePersonal(trace: XesTrace): boolean {
    const key = nameKeyOf(trace);
    return key !== undefined && (this.personal.has(key) || this.options.customer === key);
  }

  /** The kinds that were met so far. */
  kindSpecs(): KindSpec[] {
    return this.kinds.specs();
  }

  finish(end: Extract<XesPart, { kind: 'end' }>): MappedLog {
    this.reportOutside(end.late);
    for (const { what, name, count } of end.passedBy) this.report.add(what, name, count);
    const others = this.memory.otherCustomers();
    if (others.customers > 0) {
      this.report.add('other-customer', this.options.customer!, others.customers);
      this.report.add('other-customer-event', this.options.customer!, others.events);
    }
    for (const key of this.options.personal ?? []) if (!this.reader.seen(key)) throw personalUnseen(key);
    return {
      traces: end.traces,
      events: end.events,
      journeys: this.journeys,
      losses: this.report.losses(),
      warnings: this.warnings(),
      kinds: this.kinds.specs(),
      mappedKinds: this.kinds.mapped(),
      movedCustomers: this.memory.movedCustomers,
    };
  }

  private placed(marked: XesEvent, open: OpenTrace, trace: XesTrace, journey: TraceJourney): Placed | UnreadableEvent {
    const { journeyType, source } = this.options;
    const { name } = journey;
    // The place counts unreadable events too: they keep it for the day they are mended.
    const sequence = open.place();
    const { event, own } = this.marks?.event(marked) ?? { event: marked, own: undefined };
    const canonical = canonicalOf(marked.attributes);
    const read = this.reader.read(event, canonical, own);
    const at = { canonical, name, open, trace, sequence };
    if (isFault(read)) return this.unreadable(marked, read, at);
    if (own?.withheld) this.report.add('personal', 'values of a touchpoint');
    const base = [this.source, journeyType, name];
    const identity = read.recordId ?? own?.id;
    let touchpointId: string;
    if (identity === undefined) {
      touchpointId = contentId([...base, canonical], open).id;
    } else {
      touchpointId = (journey.isExported ? own?.id : undefined) ?? deterministicId(...base, identity);
      // Ids of an export of ours may begin alike: those of one moment do.
      if (open.sourceId(deterministicId(touchpointId), deterministicId(canonical)) === 'other') {
        const reason = 'Another event of the trace has the same identity:id and other content.';
        return this.unreadable(marked, { code: 'XES_EVENT_ID_REUSED', reason }, at);
      }
    }
    this.kinds.observe(read.kind, read.attributes, read.personal);
    // A journey without a name of its own was exported under its id.
    const key = journey.isPersonal || name === journey.id ? undefined : name;
    const system = source ?? own?.system ?? this.source;
    const told = { system, recordId: read.recordId, sequence, ...(own?.recordedAt !== undefined && { recordedAt: own.recordedAt }) }; // prettier-ignore
    const fact = {
      ...factOf(read, touchpointId, { id: journey.id, type: journeyType, key }, told),
      ...(own?.factId !== undefined && { factId: own.factId }),
      ...(own?.objects && { objects: own.objects }),
    };
    return { fact, at: instantMs(read.occurredAt), customer: read.customer };
  }

  /** Gives the facts of a trace their customer, and the first of them the trace's own attributes. */
  private completed(placed: Placed[], open: OpenTrace, trace: XesTrace, json: JsonObject): TouchpointFact[] {
    const order = ({ fact, at }: Placed) => ({ at, sequence: fact.source.sequence, id: fact.touchpointId });
    const value = open.customer(
      placed.flatMap((p) => (p.customer === undefined ? [] : [{ ...order(p), customer: p.customer }])),
    );
    const inherited = this.reader.inheritedCustomer;
    if (inherited !== undefined && inherited !== value)
      this.report.add('other-customer', `trace ${this.options.customer}`);
    const customer = value === undefined ? undefined : { type: `${this.source}/${this.options.customer}`, value };
    const [first] = placed.length > 1 ? [...placed].sort((a, b) => byInstant(order(a), order(b))) : placed;
    const own = this.traceAttributes(trace, first !== undefined, json);
    return placed.map((p) => {
      const fact = customer ? { ...p.fact, customer } : p.fact;
      return p === first && own ? withTrace(fact, own) : fact;
    });
  }

  private traceAttributes(
    trace: XesTrace,
    kept: boolean,
    json: JsonObject = {},
  ): { attributes: JsonObject; personal: JsonObject } | undefined {
    const attributes: JsonObject = {};
    const personal: JsonObject = {};
    if (trace.fault) this.report.add('trace-attribute', trace.fault.code);
    for (const attribute of trace.attributes) {
      const { key } = attribute;
      if (key === '' || this.isCarried(attribute, kept)) continue;
      const value = jsonOf(attribute);
      if (value === undefined || !kept || key === this.options.customer) {
        this.report.add('trace-attribute', key);
        continue;
      }
      const into = this.personal.has(key) ? personal : attributes;
      if (Object.hasOwn(into, key)) this.report.add('duplicate-key', key);
      put(into, key, value);
    }
    for (const [key, value] of kept ? Object.entries(json) : []) {
      put(this.personal.has(key) ? personal : attributes, key, value);
    }
    for (const { key } of this.log.globals.trace) {
      if (!trace.attributes.some((a) => a.key === key)) this.report.add('global-missing', `trace ${key}`);
    }
    return Object.keys(attributes).length + Object.keys(personal).length > 0 ? { attributes, personal } : undefined;
  }

  /** The name is the journey's key, and the customer an identifier; both are never stored as attributes. */
  private isCarried({ key, value, children, items }: XesAttribute, kept: boolean): boolean {
    if (children || items || !kept) return false;
    return key === TRACE_NAME || (key === this.options.customer && value === this.reader.inheritedCustomer);
  }

  private unreadable(event: XesEvent, { code, reason }: XesFault, at: Place): UnreadableEvent {
    const { canonical, name, open, trace, sequence } = at;
    const parts = [this.source, this.options.journeyType, name, canonical, 'unreadable'];
    const { id: fingerprint, occurrence } = contentId(parts, open);
    const { options, log, surroundings } = this;
    const near = trace.attributes.filter(({ key }) => surroundings.has(key));
    const own = this.marks && log.attributes.filter(({ key }) => key === OWN.journeyType || key === OWN.roles);
    const context = { options, classifiers: log.classifiers, trace: near, sequence, occurrence, ...(own && { own }) };
    return { line: event.line, code, reason, fingerprint, raw: xmlOf(event), format: 'xes', context };
  }

  /** Events of a trace that has no usable name: nobody can say which journey they belong to. */
  private withoutJourney(trace: XesTrace, fault: XesFault): UnreadableRecord[] {
    const anonymous = this.memory.open('');
    const unreadable = trace.events.map((event) =>
      this.unreadable(event, fault, { canonical: canonicalOf(event.attributes), name: '', open: anonymous, trace }),
    );
    anonymous.close();
    this.traceAttributes(trace, false);
    return unreadable;
  }

  private reportOutside({ attributes, extensions, classifiers, globals }: XesLog): void {
    for (const attribute of attributes) {
      if (this.marks && isOwn(attribute.key)) continue;
      this.report.add('log-attribute', attribute.key, sizeOf(attribute));
    }
    if (extensions.length > 0) this.report.add('declaration', 'extension', extensions.length);
    if (classifiers.length > 0) this.report.add('declaration', 'classifier', classifiers.length);
    const declared = globals.trace.length + globals.event.length;
    if (declared > 0) this.report.add('declaration', 'global', declared);
  }

  private warnings(): string[] {
    const { options, kinds } = this;
    const met = kinds.activities;
    const unmet = (option: string, names: readonly string[]) =>
      names.filter((name) => !met.has(name)).map((name) => `No event is the activity "${name}" that ${option} names.`);
    const roles = [options.customer, options.unit, options.staff, options.channel];
    return [
      ...unmet('--closes', options.closes === 'all' ? [] : (options.closes ?? [])),
      ...unmet('--contact', options.contacts ?? []),
      ...unmet('--map', Object.keys(options.kinds ?? {})),
      ...roles
        .filter((key) => key !== undefined && !this.reader.seen(key))
        .map((key) => `No event or trace has the attribute "${key}".`),
    ];
  }
}

function factOf(
  read: ReadEvent,
  touchpointId: string,
  journey: TouchpointFact['journey'],
  source: TouchpointFact['source'],
): TouchpointFact {
  const { kind, unit, staff, channel, occurredAt, attributes, personal } = read;
  return {
    touchpointId,
    journey,
    kind,
    channel,
    unit,
    staff,
    occurredAt,
    source,
    attributes,
    personal: Object.keys(personal).length > 0 ? personal : undefined,
  };
}

function withTrace(fact: TouchpointFact, own: { attributes: JsonObject; personal: JsonObject }): TouchpointFact {
  const has = (values: JsonObject) => Object.keys(values).length > 0;
  return {
    ...fact,
    attributes: has(own.attributes) ? { ...fact.attributes, [TRACE_KEY]: own.attributes } : fact.attributes,
    personal: has(own.personal) ? { ...fact.personal, [TRACE_KEY]: own.personal } : fact.personal,
  };
}

/** The id of a record without an id of its own: its content, and its number among identical ones of the trace. */
function contentId(parts: string[], open: OpenTrace): { id: string; occurrence: number } {
  const first = deterministicId(...parts, '0');
  const occurrence = open.occurrence(first);
  return { id: occurrence === 0 ? first : deterministicId(...parts, String(occurrence)), occurrence };
}

const namedBy = (trace: XesTrace, key: string): string | undefined =>
  trace.attributes.find((a) => a.key === key)?.value;

/** The attribute that names a trace. */
const nameKeyOf = (trace: XesTrace): string | undefined =>
  [TRACE_NAME, IDENTITY].find((key) => Boolean(namedBy(trace, key)));

function nameOf(trace: XesTrace): string | undefined {
  const key = nameKeyOf(trace);
  return key === undefined ? undefined : namedBy(trace, key);
}

function nameFault(name: string | undefined): XesFault | undefined {
  if (name === undefined || name === '') {
    return { code: 'XES_TRACE_WITHOUT_NAME', reason: 'The trace has neither concept:name nor identity:id.' };
  }
  if (name.length <= LONGEST_NAME) return undefined;
  return { code: 'XES_TRACE_NAME_TOO_LONG', reason: `The name of the trace has more than ${LONGEST_NAME} characters.` };
}

const sizeOf = ({ children, items }: XesAttribute): number =>
  1 + [...(children ?? []), ...(items ?? [])].reduce((sum, inner) => sum + sizeOf(inner), 0);

/** Refused, because a misspelt name would leave the person's data readable for good. */
export const personalUnseen = (key: string): TouchstoneError =>
  new TouchstoneError(
    'PERSONAL_ATTRIBUTE_UNSEEN',
    `No event or trace has the attribute "${key}" that is to be personal: check its name, or drop the option.`,
    'invalid',
  );
