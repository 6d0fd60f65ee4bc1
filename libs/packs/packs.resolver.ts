import { Inject } from '@nestjs/common';
import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { decodeCursor, encodeCursor, pageOf, ReadPageArgs, READS } from '@touchstone/platform';
import type { ReadOptions, ReadQuery, Reads } from '@touchstone/readmodel';
import type { AttributeSpec, KindSpec, MomentSpec, Names } from './kind.js';
import { PackCatalogue } from './pack-catalogue.js';
import { refuseTwice } from './pack.js';
import { AttributeInput, KindInput, MomentInput, PublishPackInput, RetirePackInput } from './pack-inputs.graphql.js';
import { KindArgs, KindConnection, MomentCodeConnection, PackConnection, PackPublication } from './packs.graphql.js';
import { kindsQuery, momentsQuery, packsQuery, type NamePage } from './packs.queries.js';

@Resolver()
export class PacksResolver {
  constructor(
    private readonly packs: PackCatalogue,
    @Inject(READS) private readonly reads: Reads,
  ) {}

  @Query(() => PackConnection, { name: 'packs', description: 'Packs, by id.' })
  list(@Args() args: ReadPageArgs) {
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
  momentCodes(@Args() args: ReadPageArgs) {
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
    description: 'Adds kinds and moments to a pack; it publishes a new version only when something differs.',
  })
  async publishPack(@Args('input') input: PublishPackInput) {
    const { pack, kinds = [], moments = [] } = input;
    const content = { pack, names: namesOf(input), kinds: kinds.map(kindOf), moments: moments.map(momentOf) };
    const { revision, position } = await this.packs.publish(content);
    return { id: pack, revision, position };
  }

  @Mutation(() => PackPublication, {
    description: 'Takes a pack out of force with its kinds and moments; what was recorded with them stays as it is.',
  })
  async retirePack(@Args('input') { pack, reason }: RetirePackInput) {
    const { revision, position } = await this.packs.retire(pack, reason);
    return { id: pack, revision, position };
  }

  private async page<P extends NamePage, R, T>(
    list: string,
    query: ReadQuery<P, R[]>,
    args: ReadPageArgs,
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

const namesOf = ({ nameEn, nameZh }: { nameEn: string; nameZh?: string }): Names => ({
  en: nameEn,
  ...(nameZh !== undefined && { zh: nameZh }),
});

function kindOf(input: KindInput): KindSpec {
  const { id, closes, contact, customerVisible, actor, stage, attributes } = input;
  return {
    id,
    names: namesOf(input),
    traits: { closes, contact, customerVisible, ...(actor && { actor }), ...(stage && { stage }) },
    ...(attributes && { attributes: attributesOf(id, attributes) }),
  };
}

function attributesOf(kind: string, given: readonly AttributeInput[]): Record<string, AttributeSpec> {
  refuseTwice(
    'ATTRIBUTE_TWICE',
    given.map((attribute) => attribute.name),
    (name) => `The attribute ${name} of the kind ${kind} is given twice; keep one.`,
  );
  return Object.fromEntries(given.map(({ name, ...spec }) => [name, spec]));
}

const momentOf = ({ code, polarity, counter, ...input }: MomentInput): MomentSpec => ({
  code,
  polarity,
  names: namesOf(input),
  ...(counter !== undefined && { counter }),
});
