import type { ImportedKinds } from './imported-kinds.js';
import type { LossReport } from './loss-report.js';
import type { XesMappingOptions } from './xes-options.js';
import type { OwnEvent } from './xes-restore.js';
import { dateFault, jsonOf, put, wrongType, type JsonObject } from './xes-value.js';
import type { XesAttribute, XesEvent, XesFault, XesLog, XesTrace } from './xes.js';

const TIMESTAMP = 'time:timestamp';
const IDENTITY = 'identity:id';
/** A kind id is `<journey type>:<activity>` within 256 characters. */
const LONGEST_ACTIVITY = 190;
const LONGEST_CODE = 256;
const LONGEST_ID = 512;
/** Larger events would not fit the log once they are written as JSON and encrypted. */
const LARGEST_EVENT = 512 * 1024;

/** An event as it is understood. */
export interface ReadEvent {
  readonly kind: string;
  readonly occurredAt: string;
  /** The source's own id of the event. */
  readonly recordId?: string;
  readonly customer?: string;
  readonly unit?: string;
  readonly staff?: string;
  readonly channel?: string;
  readonly attributes: JsonObject;
  readonly personal: JsonObject;
}

type Role = 'customer' | 'unit' | 'staff' | 'channel';
const ROLES: readonly Role[] = ['customer', 'unit', 'staff', 'channel'];

export const isFault = (read: ReadEvent | XesFault): read is XesFault => 'code' in read;

/** Understands single events: their time, their activity, who took part, and what else they say. */
export class EventReader {
  private readonly activityKeys: readonly string[];
  private readonly roles: ReadonlyMap<string, readonly Role[]>;
  private readonly personal: ReadonlySet<string>;
  private readonly wanted: Set<string>;
  private inherited: Partial<Record<Role, string>> = {};

  constructor(
    private readonly log: XesLog,
    private readonly options: XesMappingOptions,
    private readonly kinds: ImportedKinds,
    private readonly report: LossReport,
    /** Roles that the log itself says its attributes to be. */
    given: Partial<Record<Role, string>> = {},
  ) {
    const classifier = log.classifiers.find((c) => c.scope === 'event');
    this.activityKeys = options.activity ?? classifier?.keys ?? ['concept:name'];
    const roles = new Map<string, Role[]>();
    for (const role of ROLES) {
      const key = options[role] ?? given[role];
      if (key !== undefined) roles.set(key, [...(roles.get(key) ?? []), role]);
    }
    this.roles = roles;
    this.personal = new Set(options.personal);
    const named = ROLES.flatMap((role) => options[role] ?? []);
    this.wanted = new Set([...named, ...this.personal]);
  }

  /** Roles that the events do not name themselves come from the trace. */
  begin(trace: XesTrace): void {
    this.inherited = {};
    for (const attribute of trace.attributes) {
      this.wanted.delete(attribute.key);
      if (attribute.value === '' || attribute.value.length > LONGEST_CODE) continue;
      for (const role of this.roles.get(attribute.key) ?? []) this.inherited[role] = attribute.value;
    }
  }

  /** Whether any event or trace so far has the attribute; asked only for roles and personal attributes. */
  seen(key: string): boolean {
    return !this.wanted.has(key);
  }

  /** The customer that the trace names for those of its events that name none. */
  get inheritedCustomer(): string | undefined {
    return this.inherited.customer;
  }

  /** @param own what an export of ours says of the event besides its attributes */
  read(event: XesEvent, canonical: string, own?: OwnEvent): ReadEvent | XesFault {
    if (event.fault) return event.fault;
    if (canonical.length > LARGEST_EVENT / 3 && Buffer.byteLength(canonical) > LARGEST_EVENT) {
      return { code: 'XES_EVENT_TOO_LARGE', reason: `The event is larger than ${LARGEST_EVENT / 1024} KB.` };
    }
    const occurredAt = occurredAtOf(event);
    if (typeof occurredAt !== 'string') return occurredAt;
    const activity = this.activityOf(event, own);
    if (typeof activity !== 'string') return activity;
    return this.contentOf(event, occurredAt, activity, own);
  }

  private activityOf(event: XesEvent, own: OwnEvent | undefined): string | XesFault {
    // Whoever names the attribute of the activity wants that one, whatever it was when the file was exported.
    const said = own?.kind ?? own?.activity;
    if (said !== undefined && !this.options.activity) return said;
    const parts = this.activityKeys.map((key) => lastOf(event, key)?.value ?? '');
    const missing = parts.filter((part) => part === '').length;
    if (missing === parts.length) {
      const names = this.activityKeys.map((key) => `"${key}"`).join(', ');
      return { code: 'XES_NO_ACTIVITY', reason: `The event has no ${names} to name its activity.` };
    }
    const activity = checkedActivity(parts.join('+'));
    if (missing > 0) this.report.add('partial-activity', this.activityKeys.join('+'));
    return activity;
  }

  private contentOf(
    event: XesEvent,
    occurredAt: string,
    activity: string,
    own: OwnEvent | undefined,
  ): ReadEvent | XesFault {
    const attributes: JsonObject = {};
    const personal: JsonObject = {};
    const roles: Partial<Record<Role, string>> = { ...this.inherited };
    let recordId: string | undefined;
    const seen = new Set<string>();
    for (const attribute of event.attributes) {
      const { key } = attribute;
      const value = jsonOf(attribute);
      if (value === undefined) return wrongType(attribute);
      if (seen.has(key)) this.report.add('duplicate-key', key);
      seen.add(key);
      this.wanted.delete(key);
      let carried = key === TIMESTAMP;
      for (const role of this.roles.get(key) ?? []) {
        const fault = roleFault(attribute, role === 'staff' ? LONGEST_ID : LONGEST_CODE);
        if (fault) return fault;
        if (attribute.value === '') continue;
        roles[role] = attribute.value;
        carried = true;
      }
      if (key === IDENTITY && isShort(attribute)) {
        recordId = attribute.value;
        carried = true;
      }
      if (this.isActivity(key, own)) carried ||= !this.kinds.isMapped(activity);
      if (!carried || attribute.children || attribute.items) {
        put(this.personal.has(key) ? personal : attributes, key, value);
      }
    }
    for (const { key } of this.log.globals.event) if (!seen.has(key)) this.report.add('global-missing', `event ${key}`);
    for (const [key, value] of Object.entries(own?.json ?? {})) {
      put(this.personal.has(key) ? personal : attributes, key, value);
    }
    const kind = this.kinds.id(activity, own?.kind);
    return { kind, occurredAt, recordId, ...roles, attributes, personal };
  }

  /** Whether the kind says all that the attribute does. An export of ours tells when it is one beside the activity. */
  private isActivity(key: string, own: OwnEvent | undefined): boolean {
    if (this.activityKeys.length !== 1 || key !== this.activityKeys[0]) return false;
    return own === undefined || own.activity === undefined || this.options.activity !== undefined;
  }
}

function checkedActivity(activity: string): string | XesFault {
  if (activity.length <= LONGEST_ACTIVITY) return activity;
  const reason = `The event's activity has more than ${LONGEST_ACTIVITY} characters.`;
  return { code: 'XES_ACTIVITY_TOO_LONG', reason };
}

function occurredAtOf(event: XesEvent): string | XesFault {
  const attribute = lastOf(event, TIMESTAMP);
  if (!attribute) return { code: 'XES_NO_TIMESTAMP', reason: `The event has no ${TIMESTAMP}.` };
  const text = attribute.value.trim();
  switch (dateFault(text)) {
    case 'none':
      return text;
    case 'noZone':
      return { code: 'XES_TIMESTAMP_WITHOUT_ZONE', reason: `The event's ${TIMESTAMP} has no zone offset.` };
    case 'invalid':
      return { code: 'XES_TIMESTAMP_INVALID', reason: `The event's ${TIMESTAMP} is no date and time (ISO 8601).` };
  }
}

/** Of a key that comes twice the last value counts. */
const lastOf = (event: XesEvent, key: string): XesAttribute | undefined =>
  event.attributes.findLast((attribute) => attribute.key === key);

function roleFault({ type, key, value }: XesAttribute, most: number): XesFault | undefined {
  if (type === 'list' || type === 'container') {
    return { code: 'XES_WRONG_TYPE', reason: `The attribute "${key}" is a ${type}, not a single value.` };
  }
  if (value.length <= most) return undefined;
  return { code: 'XES_VALUE_TOO_LONG', reason: `The attribute "${key}" has more than ${most} characters.` };
}

const isShort = ({ value }: XesAttribute): boolean => value !== '' && value.length <= LONGEST_ID;
