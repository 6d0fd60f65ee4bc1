import { byInstant, deterministicId, instantMs, TouchstoneError } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import type { KindSpec } from '@touchstone/packs';
import { EventReader, isFault, type ReadEvent } from './event-reader.js';
import { ImportedKinds } from './imported-kinds.js';
import { LossReport } from './loss-report.js';
import type { MappedLog, UnreadableRecord } from './mapped-log.js';
import { TraceMemory, type OpenTrace } from './trace-memory.js';
import { canonicalOf, jsonOf, put, xmlOf, type JsonObject } from './xes-value.js';
import type { XesMappingOptions } from './xes-options.js';
import type { XesAttribute, XesEvent, XesFault, XesLog, XesPart, XesTrace } from './xes.js';

/** Where the attributes of a trace are kept: under this key of its first touchpoint. */
export const TRACE_KEY = '@trace';

const TRACE_NAME = 'concept:name';
const IDENTITY = 'identity:id';
const LONGEST_NAME = 512;

/** An event that goes to quarantine, as XML. */
export interface UnreadableEvent extends UnreadableRecord {
  readonly format: 'xes';
  readonly context: XesContext;
}

/** The surroundings of one event, as far as they say how it is to be read. */
export interface XesContext {
  readonly options: XesMappingOptions;
  readonly classifiers: XesLog['classifiers'];
  /** Those attributes of its trace that name it, and those that name who took part. */
  readonly trace: readonly XesAttribute[];
  /** Its 0-based place in the journey; absent where nobody knows which journey. */
  readonly sequence?: number;
  /** How many unreadable events of the trace before it are identical to it. */
  readonly occurrence: number;
}

export interface MappedTrace {
  readonly facts: TouchpointFact[];
  readonly unreadable: UnreadableRecord[];
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
  private readonly surroundings: ReadonlySet<string>;
  private journeys = 0;

  constructor(
    private readonly log: XesLog,
    private readonly options: XesMappingOptions,
  ) {
    this.source = options.source ?? options.journeyType;
    this.kinds = new ImportedKinds(options);
    this.personal = new Set(options.personal);
    const { customer, unit, staff, channel } = options;
    this.surroundings = new Set(
      [TRACE_NAME, IDENTITY, customer, unit, staff, channel].filter((key) => key !== undefined),
    );
    this.reader = new EventReader(log, options, this.kinds, this.report);
    this.reportOutside(log);
  }

  map(trace: XesTrace): MappedTrace {
    const name = nameOf(trace);
    const fault = nameFault(name);
    if (fault) return { facts: [], unreadable: this.withoutJourney(trace, fault) };
    const journeyId = deterministicId(this.source, this.options.journeyType, name!);
    const open = this.memory.open(journeyId);
    if (!open.continued) this.journeys++;
    if (trace.events.length === 0) this.report.add('empty-trace', 'trace');
    this.reader.begin(trace);
    const unreadable: UnreadableRecord[] = [];
    const placed: Placed[] = [];
    for (const event of trace.events) {
      const result = this.placed(event, open, trace, name!);
      if ('fact' in result) placed.push(result);
      else unreadable.push({ ...result, journeyId });
    }
    const facts = this.completed(placed, open, trace);
    open.close();
    return { facts, unreadable };
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

  private placed(event: XesEvent, open: OpenTrace, trace: XesTrace, name: string): Placed | UnreadableEvent {
    const { journeyType } = this.options;
    const journeyId = deterministicId(this.source, journeyType, name);
    // The place counts unreadable events too: they keep it for the day they are mended.
    const sequence = open.place();
    const canonical = canonicalOf(event.attributes);
    const read = this.reader.read(event, canonical);
    if (isFault(read)) return this.unreadable(event, read, { canonical, name, open, trace, sequence });
    const base = [this.source, journeyType, name];
    let touchpointId: string;
    if (read.recordId === undefined) {
      touchpointId = contentId([...base, canonical], open).id;
    } else {
      touchpointId = deterministicId(...base, read.recordId);
      if (open.sourceId(touchpointId, deterministicId(canonical)) === 'other') {
        const reason = 'Another event of the trace has the same identity:id and other content.';
        const at = { canonical, name, open, trace, sequence };
        return this.unreadable(event, { code: 'XES_EVENT_ID_REUSED', reason }, at);
      }
    }
    this.kinds.observe(read.kind, read.attributes, read.personal);
    const key = this.personal.has(TRACE_NAME) ? undefined : name;
    const fact = factOf(read, touchpointId, { id: journeyId, type: journeyType, key }, this.source, sequence);
    return { fact, at: instantMs(read.occurredAt), customer: read.customer };
  }

  /** Gives the facts of a trace their customer, and the first of them the trace's own attributes. */
  private completed(placed: Placed[], open: OpenTrace, trace: XesTrace): TouchpointFact[] {
    const order = ({ fact, at }: Placed) => ({ at, sequence: fact.source.sequence, id: fact.touchpointId });
    const value = open.customer(
      placed.flatMap((p) => (p.customer === undefined ? [] : [{ ...order(p), customer: p.customer }])),
    );
    const inherited = this.reader.inheritedCustomer;
    if (inherited !== undefined && inherited !== value)
      this.report.add('other-customer', `trace ${this.options.customer}`);
    const customer = value === undefined ? undefined : { type: `${this.source}/${this.options.customer}`, value };
    const [first] = placed.length > 1 ? [...placed].sort((a, b) => byInstant(order(a), order(b))) : placed;
    const own = this.traceAttributes(trace, first !== undefined);
    return placed.map((p) => {
      const fact = customer ? { ...p.fact, customer } : p.fact;
      return p === first && own ? withTrace(fact, own) : fact;
    });
  }

  private traceAttributes(
    trace: XesTrace,
    kept: boolean,
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
    const context = { options, classifiers: log.classifiers, trace: near, sequence, occurrence };
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
    for (const attribute of attributes) this.report.add('log-attribute', attribute.key, sizeOf(attribute));
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
  system: string,
  sequence: number,
): TouchpointFact {
  const { kind, unit, staff, channel, occurredAt, recordId, attributes, personal } = read;
  return {
    touchpointId,
    journey,
    kind,
    channel,
    unit,
    staff,
    occurredAt,
    source: { system, recordId, sequence },
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

function nameOf(trace: XesTrace): string | undefined {
  const named = (key: string) => trace.attributes.find((a) => a.key === key)?.value;
  return named(TRACE_NAME) || named(IDENTITY);
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
const personalUnseen = (key: string): TouchstoneError =>
  new TouchstoneError(
    'PERSONAL_ATTRIBUTE_UNSEEN',
    `No event or trace has the attribute "${key}" that is to be personal: check its name, or drop the option.`,
    'invalid',
  );
