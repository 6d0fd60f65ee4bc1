import { deterministicId } from '@touchstone/eventing';
import { OWN, OWN_EXTENSION, isOwn, UUID, type OwnRoles } from './xes-own.js';
import { jsonOf, type Json, type JsonObject } from './xes-value.js';
import type { XesAttribute, XesEvent, XesLog, XesTrace } from './xes.js';

/** What an export of Touchstone says of an event besides the standard. */
export interface OwnEvent {
  readonly id?: string;
  readonly factId?: string;
  readonly activity?: string;
  readonly kind?: string;
  readonly system?: string;
  readonly recordedAt?: string;
  readonly objects?: readonly { readonly type: string; readonly id: string; readonly qualifier?: string }[];
  /** Attributes that XES could not hold. */
  readonly json: JsonObject;
  /** Personal values were left out when it was exported. */
  readonly withheld: boolean;
}

/** Reads the marks of Touchstone's own exports. A mark that is not as an export writes it is passed by. */
export class OwnMarks {
  private constructor(
    readonly journeyType: string | undefined,
    readonly roles: Partial<OwnRoles>,
  ) {}

  /** Undefined for a log of others. */
  static of(log: XesLog): OwnMarks | undefined {
    if (!log.extensions.some(({ uri }) => uri === OWN_EXTENSION.uri)) return undefined;
    const roles = log.attributes.find(({ key, type }) => key === OWN.roles && type === 'container');
    const named = Object.fromEntries((roles?.children ?? []).map(({ key, value }) => [key, value]));
    return new OwnMarks(textOf(log.attributes, OWN.journeyType), {
      unit: named['unit'],
      staff: named['staff'],
      channel: named['channel'],
    });
  }

  /**
   * The journey that a trace was exported from, when it is the one that the import would make of it, or when the import
   * names the same journey type and no source of its own. Its touchpoints keep their ids then.
   */
  journeyOf(trace: XesTrace, named: { journeyType: string; source?: string; name: string }): string | undefined {
    const id = textOf(trace.attributes, OWN.journey);
    if (id === undefined || !UUID.test(id) || named.journeyType !== this.journeyType) return undefined;
    const same = named.source === undefined || id === deterministicId(named.source, named.journeyType, named.name);
    return same ? id : undefined;
  }

  /** The trace with the attributes that it had, and how many of the marks tell of something that is not in the file. */
  trace(trace: XesTrace): { trace: XesTrace; json: JsonObject; hasCustomer: boolean } {
    return {
      trace: { ...trace, attributes: trace.attributes.filter(({ key }) => !isOwn(key)) },
      json: jsonIn(trace.attributes),
      hasCustomer: textOf(trace.attributes, OWN.customer) !== undefined,
    };
  }

  event(event: XesEvent): { event: XesEvent; own: OwnEvent } {
    const { attributes } = event;
    const id = textOf(attributes, OWN.id);
    const factId = textOf(attributes, OWN.fact);
    const roles = new Set<string | undefined>(Object.values(this.roles));
    const own: OwnEvent = {
      id: id !== undefined && UUID.test(id) ? id : undefined,
      factId: factId !== undefined && UUID.test(factId) ? factId : undefined,
      activity: textOf(attributes, OWN.activity),
      kind: textOf(attributes, OWN.kind),
      system: textOf(attributes, OWN.source),
      recordedAt: textOf(attributes, OWN.recorded),
      objects: objectsIn(attributes),
      json: jsonIn(attributes),
      withheld: textOf(attributes, OWN.personal) !== undefined,
    };
    return { event: { ...event, attributes: attributes.filter(({ key }) => !isOwn(key) || roles.has(key)) }, own };
  }
}

const textOf = (attributes: readonly XesAttribute[], key: string): string | undefined =>
  attributes.find((attribute) => attribute.key === key)?.value || undefined;

function jsonIn(attributes: readonly XesAttribute[]): JsonObject {
  const text = textOf(attributes, OWN.json);
  if (text === undefined) return {};
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return {};
  }
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

function objectsIn(attributes: readonly XesAttribute[]): OwnEvent['objects'] {
  const list = attributes.find(({ key, type }) => key === OWN.objects && type === 'list');
  if (!list?.items) return undefined;
  return list.items.map(({ key, value, children }) => {
    const qualifier = children?.find((child) => child.key === 'qualifier');
    const text = qualifier && jsonOf(qualifier);
    return { type: key, id: value, ...(typeof text === 'string' && text !== '' && { qualifier: text }) };
  });
}
