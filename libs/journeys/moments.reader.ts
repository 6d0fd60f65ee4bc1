import { Inject, Injectable } from '@nestjs/common';
import { TouchstoneError, type Vault } from '@touchstone/eventing';
import { decodeCursor, encodeCursor, pageOf, READS, VAULT, type Page } from '@touchstone/platform';
import type { AsOf, Reads } from '@touchstone/readmodel';
import { when, type When } from './journey-reader.js';
import type { LedgerMoment } from './moments.graphql.js';
import {
  momentLedgerQuery,
  momentsByIdQuery,
  type MomentCursor,
  type MomentFilter,
  type MomentInLedger,
} from './moments.queries.js';
import { momentNode } from './observed-nodes.js';

interface PageOf extends When {
  readonly first: number;
  readonly after?: string;
}

/** Reads the ledger of moments of truth, and opens what is personal. */
@Injectable()
export class MomentReader {
  constructor(
    @Inject(READS) private readonly reads: Reads,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /** @throws INVALID_WINDOW, INVALID_CURSOR */
  async ledger(filter: MomentFilter, page: PageOf): Promise<Page<LedgerMoment> & { readonly asOf: AsOf }> {
    const after =
      page.after === undefined
        ? undefined
        : (decodeCursor('moments', page.after, ['number', 'string']) as never as MomentCursor);
    const params = { filter, after, first: page.first + 1 };
    const { result, asOf } = await this.reads.run(momentLedgerQuery, params, when(page));
    return {
      ...pageOf(
        result,
        page,
        (row) => encodeCursor('moments', row.cursor),
        (row) => this.nodeOf(row, asOf),
      ),
      asOf,
    };
  }

  /** One that was taken back is shown as such. @throws MOMENT_UNKNOWN */
  async moment(id: string, options: When): Promise<LedgerMoment> {
    const { result, asOf } = await this.reads.run(momentsByIdQuery, { ids: [id] }, when(options));
    if (result[0]) return this.nodeOf(result[0], asOf);
    throw new TouchstoneError(
      'MOMENT_UNKNOWN',
      `No moment ${id} is known there; check the id and the \`asOf\`.`,
      'notFound',
    );
  }

  private nodeOf(row: MomentInLedger, asOf: AsOf): LedgerMoment {
    const { journeyId, journeyType, customerId, touchpoint, cursor: _cursor, ...moment } = row;
    return { ...momentNode(this.vault, moment), journeyId, journeyType, customerId, touchpoint, asOf };
  }
}
