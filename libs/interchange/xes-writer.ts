import type { ExportedJourney, ExportedTouchpoint } from '@touchstone/journeys/read';
import { LossReport, type Loss } from './loss-report.js';
import { isOwn, OWN, OWN_EXTENSION, type OwnRoles } from './xes-own.js';
import { attributeText, element, escaped, isFaithful, isXmlText, jsonText } from './xes-text.js';
import type { Json, JsonObject } from './xes-value.js';
import { TRACE_KEY } from './xes.js';

const CONCEPT = 'concept:name';
const TIMESTAMP = 'time:timestamp';
const IDENTITY = 'identity:id';
const LIFECYCLE = 'lifecycle:transition';

/** Attributes of one event or trace that a reader of ours takes, with room for those around them. */
const MOST_VALUES = 4_000;

/** What holds for a whole file; settled with its first page. */
export interface XesChoices {
  readonly roles: OwnRoles;
  /** Events name transitions of a lifecycle. */
  readonly lifecycle: boolean;
}

/** An attribute that came under the name of a role, and is none, keeps its name. */
export function choicesFor(journeys: readonly ExportedJourney[]): XesChoices {
  const keys = new Set(journeys.flatMap((j) => j.touchpoints.flatMap((t) => Object.keys(t.attributes))));
  const roles = {
    unit: keys.has('org:group') ? OWN.unit : 'org:group',
    staff: keys.has('org:resource') ? OWN.staff : 'org:resource',
    channel: OWN.channel,
  };
  return { roles, lifecycle: keys.has(LIFECYCLE) };
}

/** Everything before the first trace. */
export function xesHead(journeyType: string, position: string, { roles, lifecycle }: XesChoices): string {
  const standard = (name: string, prefix: string) =>
    `<extension name="${name}" prefix="${prefix}" uri="http://www.xes-standard.org/${prefix}.xesext"/>`;
  const { name, prefix, uri } = OWN_EXTENSION;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<log xes.version="1849-2016" xes.features="nested-attributes" xmlns="http://www.xes-standard.org/">',
    standard('Concept', 'concept'),
    standard('Time', 'time'),
    standard('Organizational', 'org'),
    standard('Identity', 'identity'),
    ...(lifecycle ? [standard('Lifecycle', 'lifecycle')] : []),
    `<extension name="${name}" prefix="${prefix}" uri="${uri}"/>`,
    `<global scope="trace">${element('string', CONCEPT, 'UNKNOWN')}</global>`,
    `<global scope="event">${element('string', CONCEPT, 'UNKNOWN')}${element('date', TIMESTAMP, '1970-01-01T00:00:00Z')}</global>`,
    '<classifier name="Activity" scope="event" keys="concept:name"/>',
    ...(lifecycle
      ? ['<classifier name="Activity and lifecycle" scope="event" keys="concept:name lifecycle:transition"/>']
      : []),
    element('string', CONCEPT, journeyType),
    element('string', OWN.journeyType, journeyType),
    element('string', OWN.asOf, position),
    `<container key="${OWN.roles}">${Object.entries(roles)
      .map(([role, key]) => element('string', role, key))
      .join('')}</container>`,
    '',
  ].join('\n');
}

export const XES_END = '</log>\n';

/** Writes journeys as traces, and counts what XES cannot carry. */
export class XesWriter {
  private readonly report = new LossReport();
  private readonly kinds = new Set<string>();

  constructor(
    private readonly journeyType: string,
    private readonly choices: XesChoices,
  ) {}

  traces(journeys: readonly ExportedJourney[]): string {
    return journeys.map((journey) => this.trace(journey)).join('');
  }

  losses(): Loss[] {
    return this.report.losses();
  }

  /** Kinds that were met. */
  met(): readonly string[] {
    return [...this.kinds];
  }

  private trace(journey: ExportedJourney): string {
    const { touchpoints, continued, goesOn } = journey;
    const [first] = touchpoints;
    const kept = !continued && first ? traceOf(first) : undefined;
    const events = touchpoints.map((touchpoint) => this.event(touchpoint, touchpoint === first && kept !== undefined));
    const head = continued ? '' : `<trace>\n${this.traceHead(journey, kept)}`;
    return `${head}${events.join('')}${goesOn ? '' : '</trace>\n'}`;
  }

  private traceHead(journey: ExportedJourney, kept: JsonObject | undefined): string {
    const { id, key, customerId, forgotten } = journey;
    if (customerId !== undefined) this.report.add(forgotten ? 'forgotten' : 'personal', 'customer of a journey');
    return [
      this.text('string', CONCEPT, key ?? id),
      element('id', OWN.journey, id),
      customerId === undefined ? '' : element('string', OWN.customer, forgotten ? 'forgotten' : customerId),
      this.attributes(kept ?? {}, new Set([CONCEPT])),
      '\n',
    ].join('');
  }

  private event(touchpoint: ExportedTouchpoint, withoutTrace: boolean): string {
    const { occurredAt, unit, staff, channel, source, attributes } = touchpoint;
    const { roles } = this.choices;
    const taken = new Set<string>([TIMESTAMP, IDENTITY]);
    const written = new Set<string>(withoutTrace ? [TRACE_KEY] : []);
    const role = (key: string, value: string | undefined) => {
      taken.add(key);
      return value === undefined ? '' : this.text('string', key, value);
    };
    const identity = source?.recordId === undefined ? '' : this.text('id', IDENTITY, source.recordId);
    const parts = [
      '<event>',
      this.named(touchpoint, taken, written),
      element('date', TIMESTAMP, occurredAt),
      identity,
      role(roles.unit, unit),
      role(roles.staff, staff),
      role(roles.channel, channel),
      this.attributes(attributes as JsonObject, taken, written),
      this.own(touchpoint),
      '</event>\n',
    ];
    return parts.join('');
  }

  /** The activity; an attribute that came as `concept:name` beside it keeps its place. */
  private named({ kind, attributes }: ExportedTouchpoint, taken: Set<string>, written: Set<string>): string {
    const prefix = `${this.journeyType}:`;
    const isOfLog = kind.startsWith(prefix) && kind.length > prefix.length;
    const activity = isOfLog ? kind.slice(prefix.length) : kind;
    const beside = attributes[CONCEPT];
    const keeps = typeof beside === 'string' && beside !== '' && isFaithful(CONCEPT, beside);
    taken.add(CONCEPT);
    if (keeps) written.add(CONCEPT);
    this.kinds.add(kind);
    return [
      keeps ? element('string', CONCEPT, beside) : this.text('string', CONCEPT, activity),
      keeps ? this.text('string', OWN.activity, activity) : '',
      isOfLog ? '' : this.text('string', OWN.kind, kind),
    ].join('');
  }

  /** What the standard has no attributes for. */
  private own({ id, factId, source, objects, personal, forgotten }: ExportedTouchpoint): string {
    if (personal) this.report.add(forgotten ? 'forgotten' : 'personal', 'values of a touchpoint');
    return [
      element('id', OWN.id, id),
      factId === undefined ? '' : element('id', OWN.fact, factId),
      source && source.system !== this.journeyType ? this.text('string', OWN.source, source.system) : '',
      source?.recordedAt === undefined ? '' : element('date', OWN.recorded, source.recordedAt),
      objects.length === 0 ? '' : `<list key="${OWN.objects}"><values>${objects.map((o) => this.object(o)).join('')}</values></list>`, // prettier-ignore
      personal ? element('string', OWN.personal, forgotten ? 'forgotten' : 'withheld') : '',
    ].join('');
  }

  private object({ type, id, qualifier }: ExportedTouchpoint['objects'][number]): string {
    const inner = qualifier === undefined ? '' : this.text('string', 'qualifier', qualifier);
    this.mind(type);
    this.mind(id);
    return element('string', type, id, inner);
  }

  /** Attributes in their order; those that XES cannot hold, or whose name is taken, together as JSON. */
  private attributes(
    attributes: JsonObject,
    taken: ReadonlySet<string>,
    written: ReadonlySet<string> = new Set(),
  ): string {
    const texts: string[] = [];
    const rest: [string, Json][] = [];
    let values = 0;
    for (const [key, value] of Object.entries(attributes)) {
      if (written.has(key)) continue;
      values += sizeOf(value);
      if (!taken.has(key) && !isOwn(key) && values <= MOST_VALUES && isFaithful(key, value)) {
        texts.push(attributeText(key, value));
      } else {
        this.report.add('as-json', key);
        rest.push([key, value]);
      }
    }
    if (rest.length > 0)
      texts.push(`<string key="${OWN.json}" value='${quoted(jsonText(Object.fromEntries(rest)))}'/>`);
    return texts.join('');
  }

  private text(type: string, key: string, value: string): string {
    this.mind(value);
    return element(type, key, value);
  }

  private mind(text: string): void {
    if (!isXmlText(text)) this.report.add('character', 'in a name');
  }
}

/** The trace's own attributes, as an import has kept them. */
function traceOf({ attributes }: ExportedTouchpoint): JsonObject | undefined {
  const kept = attributes[TRACE_KEY];
  if (kept === null || typeof kept !== 'object' || Array.isArray(kept)) return undefined;
  return Object.keys(kept).length > 0 ? (kept as JsonObject) : undefined;
}

const sizeOf = (value: Json): number =>
  value !== null && typeof value === 'object'
    ? Object.values(value).reduce((sum: number, inner) => sum + sizeOf(inner), 1)
    : 1;

/** For an attribute in single quotes: JSON is full of double ones. */
const quoted = (text: string): string => escaped(text).replaceAll('&quot;', '"').replaceAll("'", '&#39;');
