import { Inject, Injectable } from '@nestjs/common';
import { FORGOTTEN, type Vault } from '@touchstone/eventing';
import { decodeCursor, encodeCursor, pageOf, READS, VAULT, type Page } from '@touchstone/platform';
import type { AsOf, ReadAnswer, ReadOptions, Reads } from '@touchstone/readmodel';
import type { Customer, Journey } from './journeys.graphql.js';
import type { JourneyFilter } from './journey-rows.js';
import {
  customersQuery,
  journeyPartsQuery,
  journeyQuery,
  journeysQuery,
  notKnown,
  type CustomerRow,
  type JourneyRow,
} from './journeys.queries.js';
import { observedNodes, opened } from './observed-nodes.js';
import type { TimelineEntry, TimelineVersion } from './timeline.graphql.js';
import { timelineQuery, type TimelineParams, type TimelineRow } from './timeline.queries.js';
import { type TimelineCursor, type TimelineVersion as VersionRow } from './timeline-version.js';

/** What a reader says about time: `asOf` and `atLeast` of a query. */
export interface When {
  readonly asOf?: { readonly position?: string | null; readonly instant?: string | null };
  readonly atLeast?: string | null;
  readonly signal?: AbortSignal;
}
interface PageOf extends When {
  readonly first: number;
  readonly after?: string;
}
type Answer<T> = Page<T> & { readonly asOf: AsOf };

/** Reads journeys, customers and timelines, and opens what is personal. */
@Injectable()
export class JourneyReader {
  constructor(
    @Inject(READS) private readonly reads: Reads,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  async journeys(filter: JourneyFilter, page: PageOf): Promise<Answer<Journey>> {
    const after =
      page.after === undefined ? undefined : (decodeCursor('journeys', page.after, ['string'])[0] as string);
    const answer = await this.reads.run(journeysQuery, { filter, after, first: page.first + 1 }, when(page));
    return {
      ...pageOf(
        answer.result,
        page,
        (row) => encodeCursor('journeys', [row.id]),
        (row) => journeyOf(row, answer.asOf),
      ),
      asOf: answer.asOf,
    };
  }

  /** In the order of the ids; null: not known then. */
  async journeysById(ids: readonly string[], options: When): Promise<(Journey | null)[]> {
    const { result, asOf } = await this.reads.run(journeyQuery, { ids }, when(options));
    return result.map((row) => row && journeyOf(row, asOf));
  }

  /** Ids of all journeys in whose streams something of this one stands, itself too. */
  async partsOf(id: string, options: When): Promise<readonly string[]> {
    return (await this.reads.run(journeyPartsQuery, { id }, when(options))).result;
  }

  /** @throws JOURNEY_UNKNOWN */
  async journey(id: string, options: When): Promise<Journey> {
    const [journey] = await this.journeysById([id], options);
    return journey ?? notKnown('journey', id);
  }

  async customers(choice: { segment?: string }, page: PageOf): Promise<Answer<Customer>> {
    const after =
      page.after === undefined ? undefined : (decodeCursor('customers', page.after, ['string'])[0] as string);
    const answer = await this.reads.run(customersQuery, { ...choice, after, first: page.first + 1 }, when(page));
    return {
      ...pageOf(
        answer.result,
        page,
        (row) => encodeCursor('customers', [row.id]),
        (row) => this.customerOf(row, answer.asOf),
      ),
      asOf: answer.asOf,
    };
  }

  /** In the order of the ids; null: not known then. */
  async customersById(ids: readonly string[], options: When): Promise<(Customer | null)[]> {
    const { result, asOf } = await this.reads.run(customersQuery, { ids, first: ids.length }, when(options));
    const byId = new Map(result.map((row) => [row.id, this.customerOf(row, asOf)]));
    return ids.map((id) => byId.get(id) ?? null);
  }

  /** The customer who is known by this identifier, or null. */
  async customerByIdentifier(
    { type, value }: { type: string; value: string },
    options: When,
  ): Promise<Customer | null> {
    const params = { hash: this.vault.lookupHash(type, value), first: 1 };
    const { result, asOf } = await this.reads.run(customersQuery, params, when(options));
    const found = result[0] && this.customerOf(result[0], asOf);
    // Whoever asks about the past must not find by a name what the one who bore it had forgotten.
    return found && !found.forgotten ? found : null;
  }

  async timeline(
    of: Pick<TimelineParams, 'journeyId' | 'customerId' | 'shared' | 'parts'>,
    page: PageOf,
  ): Promise<Answer<TimelineEntry>> {
    const after =
      page.after === undefined
        ? undefined
        : (decodeCursor('timeline', page.after, ['number', 'number', 'string']) as never as TimelineCursor);
    const answer: ReadAnswer<TimelineRow[]> = await this.reads.run(
      timelineQuery,
      { ...of, after, first: page.first + 1 },
      when(page),
    );
    return {
      ...pageOf(
        answer.result,
        page,
        (row) => encodeCursor('timeline', row.cursor),
        (row) => this.entryOf(row, answer.asOf),
      ),
      asOf: answer.asOf,
    };
  }

  private customerOf({ personal, mergedFrom, ...row }: CustomerRow, asOf: AsOf): Customer {
    const open = (field: string): unknown[] =>
      (personal[field] ?? []).map(({ eventId, sealed }) =>
        this.vault.open(`customer:${row.id}`, eventId, field, sealed),
      );
    const [names, phones, identifiers] = [open('name'), open('phone'), open('identifiers')];
    // The key is gone whenever one asks: before they were forgotten it reads so too.
    const forgotten = row.forgotten || [...names, ...phones, ...identifiers].includes(FORGOTTEN);
    return {
      ...row,
      mergedFrom: [...mergedFrom],
      name: (names[0] as string | undefined) ?? null,
      phone: (phones[0] as string | undefined) ?? null,
      identifiers: forgotten ? [] : distinct((identifiers as Customer['identifiers'][]).flat()),
      forgotten,
      asOf,
    };
  }

  private entryOf(entry: TimelineRow, asOf: AsOf): TimelineEntry {
    const { vault } = this;
    const { repeatOf, firstContact, channelChange, shared } = entry;
    // Assigned to one that is new, not spread into another: see record 23.
    return Object.assign(versionNode(vault, entry), observedNodes(vault, entry), {
      repeatOf,
      firstContact,
      channelChange,
      shared: shared && { ...shared, asOf },
      correctedSince: entry.correctedSince.map((version) => versionNode(vault, version)),
      earlier: entry.earlier.map((version) => versionNode(vault, version)),
    });
  }
}

/** A version of an entry, as the API shows it: personal fields opened, or `forgotten`. */
export function versionNode(vault: Vault, version: VersionRow): TimelineVersion {
  const { body } = version;
  const open = (field: string) => opened(vault, version, field);
  return {
    entryId: version.entryId,
    form: version.form,
    version: version.version,
    journeyId: version.journeyId,
    correlation: (body['correlation'] as TimelineVersion['correlation'] | undefined) ?? null,
    occurredAt: version.occurredAt,
    kind: version.kind,
    channel: version.channel,
    unit: version.unit,
    staff: version.staff,
    closes: version.closes,
    contact: version.contact,
    customerVisible: version.customerVisible,
    attributes: body['attributes'] ?? null,
    personal: open('personal'),
    note: (open('note') ?? open('text')) as string | null,
    reason: (body['reason'] as string | undefined) ?? null,
    objects: body['objects'] ?? null,
    source: body['source'] ?? null,
    eventId: version.eventId,
    position: version.position,
    recordedAt: version.recordedAt,
  };
}

const journeyOf = ({ journey: _journey, mergedFrom, ...row }: JourneyRow, asOf: AsOf): Journey => ({
  ...row,
  mergedFrom: [...mergedFrom],
  asOf,
});

/** GraphQL gives input objects without a prototype and absent fields as undefined; reads want plain data. */
export function when({ asOf, atLeast, signal }: When): ReadOptions {
  const { position, instant } = asOf ?? {};
  return {
    ...(position != null
      ? { asOf: { position, ...(instant != null && { instant }) } }
      : instant != null
        ? { asOf: { instant } }
        : {}),
    ...(atLeast != null && { atLeast }),
    ...(signal && { signal }),
  };
}

/** Somebody may have been named by the same identifier twice. */
const distinct = (identifiers: Customer['identifiers']): Customer['identifiers'] => [
  ...new Map(identifiers.map((each) => [JSON.stringify([each.type, each.value]), each])).values(),
];
