import { setImmediate } from 'node:timers/promises';
import { deterministicId, instantMs } from '@touchstone/eventing';
import type { LossReport } from './loss-report.js';
import { cancelled, tooMuch } from './ocel-errors.js';
import { OWN_KEY } from './ocel-own.js';
import type { OcelContext } from './ocel-record.js';
import type { OcelStore, Side } from './ocel-store.js';
import { JSON_KEY, OCEL_LIMITS, plain, timeOf, UNDECLARED } from './ocel.js';
import type { SpoolRecord } from './spool.js';
import { dateFault, put, type Json, type JsonObject } from './xes-value.js';

/** Rows after which others run. */
const TURN = 500;

export interface StagerParts {
  readonly store: OcelStore;
  readonly report: LossReport;
  readonly sink: { add(record: SpoolRecord): Promise<void> };
  /** Of times that name none. */
  readonly zone: string;
  readonly source: string;
  readonly signal?: AbortSignal;
  readonly progress: (events: number) => void;
}

/** Takes what a file says, in its order, into the store; both formats speak through it. */
export class OcelStager {
  private turns = 0;
  private events = 0;
  /** Types that the file declares. */
  private readonly declared: Record<Side, Set<string>> = { event: new Set(), object: new Set() };

  constructor(private readonly parts: StagerParts) {}

  /** A type by itself: what is of it may come before or after. */
  declare(side: Side, type: string): void {
    const types = this.declared[side];
    if (types.size < OCEL_LIMITS.types) types.add(type);
  }

  /** @param attributes absent: they come later, with the time */
  async event(id: unknown, type: unknown, time?: string | null, attributes: JsonObject = {}): Promise<void> {
    this.parts.progress(++this.events);
    if (!isName(id) || !isName(type)) {
      const reason = 'An event needs an id of 1 to 512 characters, and a type of 1 to 190.';
      return this.fault('OCEL_EVENT_INVALID', reason, { id, type, time, attributes });
    }
    const n = this.parts.store.addEvent({ id, type, ...this.timed(time), ...restored(attributes) });
    if (n === undefined) {
      const reason = 'Another event of the file has the same id.';
      await this.fault('OCEL_EVENT_ID_REUSED', reason, { id, type, time, attributes }, { reused: id });
    }
    if (this.parts.store.typeCount > OCEL_LIMITS.types) throw tooMuch('types', OCEL_LIMITS.types);
    await this.turn();
  }

  async eventDetail(id: unknown, type: string, time: string | null, attributes: JsonObject): Promise<void> {
    const { store, report } = this.parts;
    const known = isName(id) && store.detailEvent(id, type, { ...this.timed(time), ...restored(attributes) });
    if (!known) report.add('stray', `event of the type ${type}`);
    await this.turn();
  }

  async object(id: unknown, type: unknown): Promise<void> {
    const { store, report } = this.parts;
    if (!isName(id) || !isName(type)) report.add('stray', 'object without an id or a type');
    else if (!store.addObject(id, type)) report.add('stray', `second object of one id, of the type ${type}`);
    if (store.typeCount > OCEL_LIMITS.types) throw tooMuch('types', OCEL_LIMITS.types);
    await this.turn();
  }

  /** What attributes of an object are from a time on. */
  async values(id: unknown, type: string, time: string | null, attributes: JsonObject): Promise<void> {
    const { store, report } = this.parts;
    const timed = this.timed(time);
    if (!isName(id) || store.objectType(id) !== type) report.add('stray', `values of an object of the type ${type}`);
    else if (timed.ms === undefined) report.add('stray', `values without a time, of an object of the type ${type}`);
    else {
      const { attributes: values, own } = restored(attributes);
      if (own !== undefined) store.ownObject(id, own);
      if (own === undefined || Object.keys(values).length > 0) store.addValues(id, type, timed.time!, values);
    }
    await this.turn();
  }

  async relation(event: unknown, object: unknown, qualifier: unknown): Promise<void> {
    const { store, report } = this.parts;
    const n = isName(event) ? store.eventNumber(event) : undefined;
    if (n === undefined) report.add('stray', 'relation of an event that is not there');
    else if (!isName(object)) report.add('stray', 'relation of an event to no object');
    else store.relate(n, object, this.qualifier(qualifier));
    await this.turn();
  }

  async link(source: unknown, target: unknown, qualifier: unknown): Promise<void> {
    const { store, report } = this.parts;
    if (isName(source) && isName(target)) store.link(source, target, this.qualifier(qualifier));
    else report.add('stray', 'relation between objects without an id');
    await this.turn();
  }

  /** What is no part of a log as the standard has it. */
  passBy(name: string): void {
    this.parts.report.add('stray', name);
  }

  /** Objects that are only named, by events or by other objects, get a type that says so. */
  async finish(): Promise<void> {
    const { store, report } = this.parts;
    for (const side of ['event', 'object'] as const) {
      const used = new Set(store.typesOf(side));
      for (const type of this.declared[side])
        if (!used.has(plain(type))) report.add('unused-type', `${side} type ${type}`);
    }
    const before = store.count('object');
    for (const named of ['object of a relation', 'source of a link', 'target of a link'] as const) {
      for (const ids of store.undeclared(named)) {
        store.addUndeclared(ids);
        if (this.parts.signal?.aborted) throw cancelled();
        await setImmediate();
      }
    }
    const undeclared = store.count('object') - before;
    if (undeclared > 0) report.add('undeclared-object', UNDECLARED, undeclared);
  }

  private qualifier(value: unknown): string {
    const text = typeof value === 'string' ? value : '';
    if (text.length <= 256) return text;
    this.parts.report.add('stray', 'qualifier of more than 256 characters');
    return '';
  }

  /** The time as ISO 8601 and in ms; a text that is no time stays as it is, and has no ms. */
  private timed(text: string | null | undefined): { time: string | null; ms?: number } {
    if (text === null || text === undefined) return { time: null };
    const read = timeOf(text, this.parts.zone);
    if (!read || dateFault(read.time) !== 'none') return { time: text };
    if (!read.zoned) this.parts.report.add('zone-assumed', this.parts.zone);
    return { time: read.time, ms: instantMs(read.time) };
  }

  async fault(code: string, reason: string, record: object, context: OcelContext = {}): Promise<void> {
    const raw = JSON.stringify(record);
    const fingerprint = deterministicId('ocel', this.parts.source, 'unreadable', raw);
    await this.parts.sink.add({ unreadable: { line: 0, code, reason, fingerprint, raw, format: 'ocel', context } });
  }

  private async turn(): Promise<void> {
    if (++this.turns % TURN !== 0) return;
    if (this.parts.signal?.aborted) throw cancelled();
    await setImmediate();
  }
}

const isName = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 512;

/** What our own exports keep as JSON goes back to where it was; what they say besides is no attribute. */
function restored(given: JsonObject): { attributes: JsonObject; own?: string } {
  const { [OWN_KEY]: own, ...attributes } = given;
  const isOwn = typeof own === 'string';
  const values = withJson(isOwn ? attributes : given);
  return isOwn ? { attributes: values, own } : { attributes: values };
}

function withJson(attributes: JsonObject): JsonObject {
  const text = attributes[JSON_KEY];
  if (typeof text !== 'string') return attributes;
  let kept: Json;
  try {
    kept = JSON.parse(text) as Json;
  } catch {
    return attributes;
  }
  if (kept === null || typeof kept !== 'object' || Array.isArray(kept)) return attributes;
  const { [JSON_KEY]: _text, ...rest } = attributes;
  for (const [key, value] of Object.entries(kept)) put(rest, key, value);
  return rest;
}
