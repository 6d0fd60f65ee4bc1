import { deterministicId } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import { hiddenName, type KeyedHash } from './hidden-names.js';
import { ImportedKinds } from './imported-kinds.js';
import type { Fault } from './mapped-log.js';
import type { OcelMappingOptions } from './ocel-options.js';
import { exportedAs, JOURNEY, type OwnEvent } from './ocel-own.js';
import { CUSTOMER_KEY, PERSONAL_KEY } from './ocel.js';
import { personalUnseen } from './xes-mapping.js';
import { put, type Json, type JsonObject } from './xes-value.js';

/** A kind id is `<journey type>:<activity>` within 256 characters. */
const LONGEST_ACTIVITY = 190;
const LONGEST_CODE = 256;
const MOST_OBJECTS = 1_000;
/** Larger events would not fit the log once they are written as JSON and encrypted. */
const LARGEST_EVENT = 512 * 1024;

/** An event in one of its journeys. */
export interface OcelEvent {
  readonly id: string;
  readonly type: string;
  readonly time: string | null;
  /** Null: the time is none. */
  readonly ms: number | null;
  readonly attributes: JsonObject;
  readonly related: readonly { readonly type: string; readonly id: string; readonly qualifier: string }[];
  /** Id of the object that is the journey; null: the event has none. */
  readonly journey: string | null;
  /** Its place in the journey; absent where nobody knows. */
  readonly sequence?: number;
  /** What an export of ours says of it. */
  readonly own?: OwnEvent;
}

type Role = 'unit' | 'staff' | 'channel';
const ROLES: readonly Role[] = ['unit', 'staff', 'channel'];

/** Parts what is personal from what is not. */
export class PersonalNames {
  private readonly names: ReadonlySet<string>;
  /** Those that were not met yet. */
  private readonly unseen: Set<string>;

  constructor(names: readonly string[] = []) {
    this.names = new Set(names);
    this.unseen = new Set(names);
  }

  put(attributes: JsonObject, personal: JsonObject, name: string, value: Json): void {
    this.unseen.delete(name);
    put(this.names.has(name) ? personal : attributes, name, value);
  }

  /** @throws PERSONAL_ATTRIBUTE_UNSEEN: a misspelt name would leave the person's data readable for good */
  assertSeen(): void {
    for (const name of this.unseen) throw personalUnseen(name);
  }
}

/** Turns single events into touchpoint facts with deterministic ids, whatever else their log holds. */
export class OcelEvents {
  readonly kinds: ImportedKinds;
  private readonly source: string;

  constructor(
    private readonly options: OcelMappingOptions,
    private readonly personal: PersonalNames,
    private readonly hash: KeyedHash,
  ) {
    this.source = options.source ?? options.journeyType;
    this.kinds = new ImportedKinds(options);
  }

  /**
   * An event that has no journey is one of its own, under its own name. Whose journey is the customer is found under a
   * keyed hash of their name, and has no key that can be read.
   */
  journeyOf(event: Pick<OcelEvent, 'journey' | 'id' | 'own' | 'related'>): {
    id: string;
    key: string | undefined;
    trace: string;
  } {
    const exported = this.exportedAs(event);
    const { journeyType } = this.options;
    const name = event.journey ?? event.id;
    if (exported) return { id: exported.journey, key: exported.key, trace: exported.key ?? name };
    const isPersonal = event.related.some(({ id, type }) => id === event.journey && this.isCustomer(type));
    const trace = isPersonal ? hiddenName(this.hash, { source: this.source, journeyType }, name) : name;
    return { id: deterministicId(this.source, journeyType, trace), key: isPersonal ? undefined : name, trace };
  }

  /** Whether objects of a type are the customers. */
  isCustomer(type: string): boolean {
    return type === this.options.customer;
  }

  fact(event: OcelEvent): TouchpointFact | Fault {
    const { journeyType, withoutCase, caseTypes } = this.options;
    const { id, type, time, related, sequence } = event;
    const fault = faultOf(event);
    if (fault) return fault;
    if (event.journey === null && withoutCase === 'quarantine') return withoutJourney(caseTypes);
    const exported = this.exportedAs(event);
    const own = exported ? event.own : undefined;
    const content = this.content(own ? withoutMarks(event.attributes, this.options) : event.attributes, related, own);
    if ('code' in content) return content;
    const kind = this.kinds.id(type, own?.kind);
    this.kinds.observe(kind, content.attributes, content.personal);
    const { personal, ...rest } = content;
    const { id: journeyId, key, trace } = this.journeyOf(event);
    const told = own?.source ?? (exported ? { system: this.source } : { system: this.source, recordId: id });
    const factId = exported ? own!.fact : deterministicId('ocel', this.source, id);
    return {
      ...rest,
      touchpointId: exported?.id ?? deterministicId(this.source, journeyType, trace, id),
      journey: { id: journeyId, type: journeyType, key },
      ...(factId !== undefined && { factId }),
      kind,
      occurredAt: time!,
      source: { ...told, sequence },
      ...(Object.keys(personal).length > 0 && { personal }),
      objects: related
        .filter(
          ({ type: one, id: object, qualifier }) =>
            !this.isCustomer(one) && (qualifier !== JOURNEY || !own?.touchpoints.some((t) => t.object === object)),
        )
        .map(({ qualifier, ...object }) => ({ ...object, ...(qualifier !== '' && { qualifier }) })),
    };
  }

  private exportedAs({ own, journey }: Pick<OcelEvent, 'own' | 'journey'>) {
    const { journeyType, source } = this.options;
    return exportedAs(own, { object: journey, journeyType, source });
  }

  /** Roles and attributes. An attribute that names a role is no attribute besides. */
  private content(
    given: JsonObject,
    related: readonly { type: string; id: string }[],
    own: OwnEvent | undefined,
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
      const role = ROLES.find((one) => (options[one] ?? own?.roles?.[one]) === name);
      if (role !== undefined || options.customer === name) {
        const text = roleText(value);
        if (text === undefined) {
          return { code: 'OCEL_VALUE_INVALID', reason: `The attribute "${name}" names a role and is no text of 1 to ${LONGEST_CODE} characters.` }; // prettier-ignore
        }
        if (role !== undefined) roles[role] = text;
        if (options.customer === name) customer = text;
        continue;
      }
      this.personal.put(attributes, personal, name, value);
    }
    customer ??= related.find(({ type }) => type === options.customer)?.id;
    return {
      ...roles,
      ...(customer !== undefined && { customer: { type: `${this.source}/${options.customer}`, value: customer } }),
      attributes,
      personal,
    };
  }
}

/** What an export tells of what is not in it. */
function withoutMarks(attributes: JsonObject, { customer }: OcelMappingOptions): JsonObject {
  const marks = [CUSTOMER_KEY, PERSONAL_KEY].filter((name) => name !== customer);
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !marks.includes(name)));
}

function faultOf({ type, time, ms, attributes: given, related }: OcelEvent): Fault | undefined {
  if (time === null) return { code: 'OCEL_NO_TIME', reason: 'The event has no time.' };
  if (ms === null) return { code: 'OCEL_TIME_INVALID', reason: 'The time of the event is no date and time.' };
  if (type.length > LONGEST_ACTIVITY) {
    return { code: 'OCEL_TYPE_TOO_LONG', reason: `The event's type has more than ${LONGEST_ACTIVITY} characters.` };
  }
  if (related.length > MOST_OBJECTS) {
    return { code: 'OCEL_TOO_MANY_OBJECTS', reason: `The event relates to more than ${MOST_OBJECTS} objects.` };
  }
  const attributes = JSON.stringify(given);
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
