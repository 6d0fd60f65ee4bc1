import { Inject, Injectable } from '@nestjs/common';
import type { Vault } from '@touchstone/eventing';
import { decodeCursor, encodeCursor, pageOf, READS, VAULT, type Page } from '@touchstone/platform';
import type { AsOf, Reads } from '@touchstone/readmodel';
import { audienceQuery, audienceSizesQuery, objectFactQuery, type AudienceCursor } from './audience.queries.js';
import { versionNode, when, type When } from './journey-reader.js';
import type { AudienceMember, AudienceSize } from './object-audience.graphql.js';
import type { ObjectKey } from './object.events.js';
import type { ObjectEntry, ObjectFact, ObjectLink, SharedObject } from './objects.graphql.js';
import {
  objectLinksQuery,
  objectQuery,
  objectsQuery,
  objectTimelineQuery,
  type LinkCursor,
  type ObjectsParams,
  type ObjectEntryRow,
} from './objects.queries.js';
import { opened } from './observed-nodes.js';
import type { SharedFactRow } from './shared-facts.js';
import { customersQuery } from './journeys.queries.js';
import type { TimelineCursor } from './timeline-version.js';

interface PageOf {
  readonly first: number;
  readonly after?: string;
}

/** Reads objects, their facts and whom these concerned, and opens what is personal. */
@Injectable()
export class ObjectReader {
  constructor(
    @Inject(READS) private readonly reads: Reads,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /** @throws OBJECT_UNKNOWN */
  async object({ type, id }: ObjectKey, options: When): Promise<SharedObject> {
    const { result, asOf } = await this.reads.run(objectQuery, { type, id }, when(options));
    return { ...result, asOf };
  }

  /** In the order of their names. @throws OBJECT_TYPE_MISSING */
  async objects(which: Pick<ObjectsParams, 'type' | 'idPrefix'>, page: PageOf & When) {
    const [after] = cursorOf<readonly [string]>('objects', page, ['string']) ?? [];
    const { type, idPrefix } = which;
    const params = { type, idPrefix, after, first: page.first + 1 };
    const { result, asOf } = await this.reads.run(objectsQuery, params, when(page));
    const nodes = pageOf(
      result,
      page,
      (row) => encodeCursor('objects', [row.cursor]),
      ({ cursor: _cursor, ...row }): SharedObject => ({ ...row, asOf }),
    );
    return { ...nodes, asOf };
  }

  async timeline({ type, id }: ObjectKey, page: PageOf, asOf: AsOf): Promise<Page<ObjectEntry>> {
    const after = cursorOf<TimelineCursor>('objectTimeline', page, ['number', 'number', 'string']);
    const params = { object: { type, id }, after, first: page.first + 1 };
    const { result } = await this.reads.run(objectTimelineQuery, params, { asOf });
    return pageOf(
      result,
      page,
      (row) => encodeCursor('objectTimeline', row.cursor),
      (row) => this.entryOf(row, asOf),
    );
  }

  async links(of: ObjectKey, direction: string, page: PageOf, asOf: AsOf): Promise<Page<ObjectLink>> {
    const list = `objectLinks ${direction}`;
    const after = cursorOf<LinkCursor>(list, page, ['number', 'number', 'number']);
    const { type, id } = of;
    const params = { object: { type, id }, incoming: direction === 'INCOMING', after, first: page.first + 1 };
    const { result } = await this.reads.run(objectLinksQuery, params, { asOf });
    return pageOf(
      result,
      page,
      (row) => encodeCursor(list, row.cursor),
      ({ cursor: _cursor, ...link }) => link,
    );
  }

  /** @throws OBJECT_FACT_UNKNOWN */
  async fact(factId: string, options: When): Promise<ObjectFact> {
    const { result, asOf } = await this.reads.run(objectFactQuery, { factId }, when(options));
    return this.factOf(result, asOf);
  }

  /** In the order of the ids. */
  async audienceSizes(factIds: readonly string[], asOf: AsOf): Promise<(AudienceSize | null)[]> {
    return [...(await this.reads.run(audienceSizesQuery, { factIds }, { asOf })).result];
  }

  async audience(factId: string, page: PageOf, asOf: AsOf): Promise<Page<AudienceMember>> {
    const after = cursorOf<AudienceCursor>('audience', page, ['string', 'number']);
    const { result } = await this.reads.run(audienceQuery, { factId, after, first: page.first + 1 }, { asOf });
    const ids = result.map(({ customerId }) => customerId);
    // Whether they are forgotten is told as of today: what was erased cannot be read in the past either.
    const { result: customers } = await this.reads.run(customersQuery, { ids, first: Math.max(1, ids.length) });
    const forgotten = new Set(customers.filter((customer) => customer.forgotten).map(({ id }) => id));
    return pageOf(
      result,
      page,
      (row) => encodeCursor('audience', row.cursor),
      ({ customerId, listed }) => ({ customerId, listed, forgotten: forgotten.has(customerId), asOf }),
    );
  }

  private entryOf(row: ObjectEntryRow, asOf: AsOf): ObjectEntry {
    const { fact, body, links, cursor: _cursor, ...entry } = row;
    const said = { eventId: row.id, body };
    return {
      ...entry,
      fact: fact && this.factOf(fact, asOf),
      attributes: body['attributes'] ?? null,
      personal: opened(this.vault, said, 'personal'),
      customerId: (body['customerId'] as string | undefined) ?? null,
      links: [...links],
      linkCount: counted(body['objects']) + counted(body['customers']),
    };
  }

  private factOf({ shared, correctedSince, earlier, cursor: _cursor, ...row }: SharedFactRow, asOf: AsOf): ObjectFact {
    return {
      ...versionNode(this.vault, row),
      shared: { ...shared, asOf },
      correctedSince: correctedSince.map((version) => versionNode(this.vault, version)),
      earlier: earlier.map((version) => versionNode(this.vault, version)),
    };
  }
}

const counted = (value: unknown): number => (typeof value === 'number' ? value : 0);

function cursorOf<C>(list: string, { after }: PageOf, shape: Parameters<typeof decodeCursor>[2]): C | undefined {
  return after === undefined ? undefined : (decodeCursor(list, after, shape) as C);
}
