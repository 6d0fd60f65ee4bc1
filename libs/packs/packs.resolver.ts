import { Inject } from '@nestjs/common';
import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { decodeCursor, encodeCursor, pageOf, READS } from '@touchstone/platform';
import type { ReadOptions, ReadQuery, Reads } from '@touchstone/readmodel';
import type { KindSpec } from './kind.js';
import { PackCatalogue } from './pack-catalogue.js';
import {
  KindArgs,
  KindConnection,
  KindInput,
  MomentCodeConnection,
  PackConnection,
  PackPageArgs,
  PackPublication,
  PublishPackInput,
} from './packs.graphql.js';
import { kindsQuery, momentsQuery, packsQuery, type NamePage } from './packs.queries.js';

@Resolver()
export class PacksResolver {
  constructor(
    private readonly packs: PackCatalogue,
    @Inject(READS) private readonly reads: Reads,
  ) {}

  @Query(() => PackConnection, { name: 'packs', description: 'Packs, by id.' })
  list(@Args() args: PackPageArgs) {
    const nodeOf = ({ names, ...row }: Awaited<ReturnType<typeof packsQuery.run>>[number]) => ({
      ...row,
      nameEn: names.en,
      nameZh: names.zh ?? null,
    });
    return this.page('packs', packsQuery, args, {}, (row) => row.id, nodeOf);
  }

  @Query(() => KindConnection, { description: 'Touchpoint kinds, by id.' })
  kinds(@Args() { pack, ...args }: KindArgs) {
    return this.page(
      'kinds',
      kindsQuery,
      args,
      { pack },
      (row) => row.id,
      (row) => row,
    );
  }

  @Query(() => MomentCodeConnection, { description: 'Codes of moments of truth, by code.' })
  momentCodes(@Args() args: PackPageArgs) {
    return this.page(
      'momentCodes',
      momentsQuery,
      args,
      {},
      (row) => row.code,
      (row) => row,
    );
  }

  @Mutation(() => PackPublication, {
    description: 'Adds kinds to a pack; it publishes a new version only when something differs.',
  })
  async publishPack(@Args('input') { pack, nameEn, kinds }: PublishPackInput) {
    const { revision, position } = await this.packs.publish({ pack, names: { en: nameEn }, kinds: kinds.map(kindOf) });
    return { id: pack, revision, position };
  }

  private async page<P extends NamePage, R, T>(
    list: string,
    query: ReadQuery<P, R[]>,
    args: PackPageArgs,
    filter: object,
    keyOf: (row: R) => string,
    nodeOf: (row: R) => T,
  ) {
    const after = args.after === undefined ? undefined : (decodeCursor(list, args.after, ['string'])[0] as string);
    const params = { ...filter, after, first: args.first + 1 } as unknown as P;
    const asOf = args.asOf && ({ ...args.asOf } as ReadOptions['asOf']);
    const answer = await this.reads.run(query, params, { asOf, atLeast: args.atLeast });
    return { ...pageOf(answer.result, args, (row) => encodeCursor(list, [keyOf(row)]), nodeOf), asOf: answer.asOf };
  }
}

const kindOf = ({
  id,
  nameEn,
  nameZh,
  closes,
  contact,
  customerVisible,
  actor,
  stage,
  personalAttributes,
}: KindInput): KindSpec => ({
  id,
  names: { en: nameEn, ...(nameZh != null && { zh: nameZh }) },
  traits: { closes, contact, customerVisible, ...(actor != null && { actor }), ...(stage != null && { stage }) },
  ...(personalAttributes?.length && {
    attributes: Object.fromEntries(personalAttributes.map((name) => [name, { type: 'json' as const, personal: true }])),
  }),
});
