import { Inject } from '@nestjs/common';
import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { decodeCursor, encodeCursor, pageOf, ReadArgs, ReadPageArgs, READS } from '@touchstone/platform';
import { refuse } from '@touchstone/eventing/pure';
import type { ReadOptions, ReadQuery, Reads } from '@touchstone/readmodel';
import type { CorrelationRule } from './correlation-rule.js';
import type { AttributeSpec, ExperienceLabel, KindSpec, MomentSpec, Names } from './kind.js';
import { PackCatalogue } from './pack-catalogue.js';
import { refuseTwice } from './pack.js';
import {
  AttributeInput,
  ExperienceLabelInput,
  KindInput,
  MomentInput,
  PublishPackInput,
  RetirePackInput,
} from './pack-inputs.graphql.js';
import {
  ExperienceLabels,
  KindArgs,
  KindConnection,
  MomentCodeConnection,
  PackConnection,
  PackPublication,
} from './packs.graphql.js';
import {
  experienceQuery,
  kindsQuery,
  momentsQuery,
  packsQuery,
  type MomentRow,
  type NamePage,
} from './packs.queries.js';

@Resolver()
export class PacksResolver {
  constructor(
    private readonly packs: PackCatalogue,
    @Inject(READS) private readonly reads: Reads,
  ) {}

  @Query(() => PackConnection, { name: 'packs', description: 'Packs, by id.' })
  list(@Args() args: ReadPageArgs) {
    const nodeOf = ({ names, correlation, ...row }: Awaited<ReturnType<typeof packsQuery.run>>[number]) => ({
      ...row,
      correlation: correlation.map(ruleNodeOf),
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
      ({ description, ...row }: MomentRow) => ({
        ...row,
        descriptionEn: description?.en ?? null,
        descriptionZh: description?.zh ?? null,
      }),
    );
  }

  @Query(() => ExperienceLabels, { description: 'The words for how an experience compares with what was expected.' })
  async experienceLabels(@Args() { asOf, atLeast }: ReadArgs) {
    const { result, asOf: known } = await this.reads.run(experienceQuery, {}, { asOf: asOfOption(asOf), atLeast });
    const labels = result?.labels.map(({ names, ...label }) => ({
      ...label,
      nameEn: names.en,
      nameZh: names.zh ?? null,
    }));
    return { pack: result?.pack ?? null, version: result?.version ?? null, labels: labels ?? [], asOf: known };
  }

  @Mutation(() => PackPublication, {
    description:
      'Adds kinds, moments, experience labels and rules of correlation to a pack; it publishes a new version only when something differs.',
  })
  async publishPack(@Args('input') input: PublishPackInput) {
    const { pack, kinds = [], moments = [], experienceLabels, correlation } = input;
    const content = {
      pack,
      names: namesOf(input),
      kinds: kinds.map(kindOf),
      moments: moments.map(momentOf),
      ...(experienceLabels && { experience: { labels: experienceLabels.map(labelOf) } }),
      ...(correlation && { correlation: correlation.map((rule) => ({ ...rule })) }),
    };
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
    const answer = await this.reads.run(query, params, { asOf: asOfOption(args.asOf), atLeast: args.atLeast });
    return { ...pageOf(answer.result, args, (row) => encodeCursor(list, [keyOf(row)]), nodeOf), asOf: answer.asOf };
  }
}

const ruleNodeOf = (rule: CorrelationRule) => ({
  ...rule,
  kinds: rule.kinds ?? [],
  objects: rule.objects ?? [],
  idleGapMs: rule.idleGapMs ?? null,
  doubtfulMs: rule.doubtfulMs ?? null,
  sameCustomer: rule.sameCustomer ?? 'apart',
});

const asOfOption = (asOf: ReadArgs['asOf']) => asOf && ({ ...asOf } as ReadOptions['asOf']);

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

function momentOf({ code, polarity, counter, descriptionEn, descriptionZh, ...input }: MomentInput): MomentSpec {
  if (descriptionEn === undefined && descriptionZh !== undefined) {
    refuse('DESCRIPTION_INCOMPLETE', `Describe the moment ${code} in English too, or leave its description out.`);
  }
  return {
    code,
    polarity,
    names: namesOf(input),
    ...(counter !== undefined && { counter }),
    ...(descriptionEn !== undefined && { description: namesOf({ nameEn: descriptionEn, nameZh: descriptionZh }) }),
  };
}

const labelOf = ({ id, from, to, ...input }: ExperienceLabelInput): ExperienceLabel => ({
  id,
  names: namesOf(input),
  from,
  to,
});
