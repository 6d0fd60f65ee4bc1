import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Api } from './api.js';
import { OBSERVED, type Observed } from './observed.js';
import type { AsOf } from './options.js';

export interface TimelineVersion {
  readonly form: string;
  readonly version: number;
  /** Null: a fact that many share. */
  readonly journeyId: string | null;
  readonly occurredAt: string;
  readonly kind: string | null;
  readonly channel: string | null;
  readonly unit: string | null;
  readonly staff: string | null;
  readonly closes: boolean;
  readonly attributes: Readonly<Record<string, unknown>> | null;
  readonly note: string | null;
  readonly reason: string | null;
  readonly eventId: string;
  readonly position: string;
  readonly recordedAt: string;
}

/** An entry in the version that held, with those before it, those that came since, and what was observed there. */
export interface TimelineEntry extends TimelineVersion, Observed {
  readonly entryId: string;
  /** Of a fact that many share: to which object it happened. */
  readonly shared: { readonly object: { readonly type: string; readonly id: string } } | null;
  /** Of a contact that is a repeat: the contact before. */
  readonly repeatOf: string | null;
  readonly firstContact: boolean | null;
  readonly channelChange: { readonly from: string; readonly to: string; readonly inContext: boolean } | null;
  readonly earlier: readonly TimelineVersion[];
  readonly correctedSince: readonly TimelineVersion[];
}

export interface JourneyHead {
  readonly id: string;
  readonly journeyType: string | null;
  readonly key: string | null;
  readonly customerId: string | null;
  readonly status: string;
  readonly openedAt: string;
  readonly endedAt: string | null;
}

export interface Timeline {
  readonly of: 'journey' | 'customer';
  readonly id: string;
  readonly asOf: { readonly position: string; readonly instant: string };
  readonly journeys: readonly JourneyHead[];
  readonly entries: readonly TimelineEntry[];
}

interface Page<T> {
  readonly edges: readonly { readonly node: T }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

const VERSION = `form version journeyId occurredAt kind channel unit staff closes attributes note reason eventId position
  recordedAt`;
const TIMELINE = `query Timeline($of: TimelineOf!, $asOf: AsOfInput, $after: String) {
  timeline(of: $of, asOf: $asOf, first: 300, after: $after) {
    asOf { position instant }
    edges {
      node {
        entryId ${VERSION} earlier { ${VERSION} } correctedSince { ${VERSION} }
        shared { object { type id } } repeatOf firstContact channelChange { from to inContext }
        ${OBSERVED}
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;
const HEAD = 'id journeyType key customerId status openedAt endedAt';
const JOURNEY = `query Journey($id: ID!, $asOf: AsOfInput) { journey(id: $id, asOf: $asOf) { ${HEAD} } }`;
const JOURNEYS = `query Journeys($id: ID!, $asOf: AsOfInput, $after: String) {
  journeys(filter: { customerId: $id }, asOf: $asOf, first: 1000, after: $after) {
    edges { node { ${HEAD} } } pageInfo { hasNextPage endCursor }
  }
}`;
const CUSTOMER = `query Customer($identifier: IdentifierInput!) { customer(by: { identifier: $identifier }) { id } }`;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The timeline of a journey, else of a customer: by id, or a customer by a name that another system gave them, written
 * `type=value`.
 * @throws ID_INVALID, ID_UNKNOWN, CUSTOMER_UNKNOWN
 */
export async function timelineOf(api: Api, id: string, asOf?: AsOf): Promise<Timeline> {
  const named = id.indexOf('=');
  if (named > 0) {
    const identifier = { type: id.slice(0, named), value: id.slice(named + 1) };
    const { customer } = await api.ask<{ customer: { id: string } }>(CUSTOMER, { identifier });
    return ofCustomer(api, customer.id, asOf);
  }
  if (!UUID.test(id)) throw invalidId(id);
  return (
    (await unlessUnknown('JOURNEY_UNKNOWN', ofJourney(api, id, asOf))) ??
    (await unlessUnknown('CUSTOMER_UNKNOWN', ofCustomer(api, id, asOf))) ??
    unknown(id)
  );
}

async function ofJourney(api: Api, id: string, asOf?: AsOf): Promise<Timeline> {
  const timeline = await read(api, { journeyId: id }, asOf);
  const { journey } = await api.ask<{ journey: JourneyHead }>(JOURNEY, { id, asOf: at(timeline) });
  return { of: 'journey', id, journeys: [journey], ...timeline };
}

async function ofCustomer(api: Api, id: string, asOf?: AsOf): Promise<Timeline> {
  const timeline = await read(api, { customerId: id }, asOf);
  const journeys: JourneyHead[] = [];
  let after: string | null | undefined;
  do {
    const page: { journeys: Page<JourneyHead> } = await api.ask(JOURNEYS, { id, asOf: at(timeline), after });
    journeys.push(...page.journeys.edges.map((edge) => edge.node));
    after = page.journeys.pageInfo.hasNextPage ? page.journeys.pageInfo.endCursor : null;
  } while (after);
  journeys.sort((a, b) => Date.parse(a.openedAt) - Date.parse(b.openedAt));
  return { of: 'customer', id, journeys, ...timeline };
}

/** All pages, each of them as of the first one: what comes in meanwhile does not tear the timeline. */
async function read(api: Api, of: object, asOf?: AsOf): Promise<Pick<Timeline, 'asOf' | 'entries'>> {
  type Answer = { timeline: Page<TimelineEntry> & Pick<Timeline, 'asOf'> };
  let { timeline: page } = await api.ask<Answer>(TIMELINE, { of, asOf });
  const { asOf: answered } = page;
  const entries = page.edges.map((edge) => edge.node);
  while (page.pageInfo.hasNextPage) {
    const after = page.pageInfo.endCursor;
    ({ timeline: page } = await api.ask<Answer>(TIMELINE, { of, asOf: at({ asOf: answered }), after }));
    entries.push(...page.edges.map((edge) => edge.node));
  }
  return { asOf: answered, entries };
}

const at = ({ asOf }: Pick<Timeline, 'asOf'>): AsOf => ({ position: asOf.position });

async function unlessUnknown<T>(code: string, reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as Partial<TouchstoneError>).code === code) return undefined;
    throw error;
  }
}

/** Both names of each kind, by id. */
export async function kindNames(api: Api): Promise<ReadonlyMap<string, { readonly en: string; readonly zh: string }>> {
  const query = `query Kinds($after: String) {
    kinds(first: 1000, after: $after) { edges { node { id nameEn nameZh } } pageInfo { hasNextPage endCursor } }
  }`;
  type Kind = { id: string; nameEn: string; nameZh: string | null };
  const names = new Map<string, { en: string; zh: string }>();
  let after: string | null | undefined;
  do {
    const { kinds }: { kinds: Page<Kind> } = await api.ask(query, { after });
    for (const { node } of kinds.edges) names.set(node.id, { en: node.nameEn, zh: node.nameZh ?? node.nameEn });
    after = kinds.pageInfo.hasNextPage ? kinds.pageInfo.endCursor : null;
  } while (after);
  return names;
}

const invalidId = (id: string): TouchstoneError =>
  new TouchstoneError(
    'ID_INVALID',
    `"${id}" is neither an id nor an identifier: give the id of a journey or a customer as \`touchstone journeys\` shows ` +
      'it, or type=value, such as phone=13800000000.',
    'invalid',
  );

function unknown(id: string): never {
  throw new TouchstoneError(
    'ID_UNKNOWN',
    `Neither a journey nor a customer with the id ${id} was known then: check the id, --as-of and --data.`,
    'notFound',
  );
}
