import { Inject } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import type { Executed } from '@touchstone/eventing';
import { decodeCursor, encodeCursor, pageOf, READS } from '@touchstone/platform';
import type { Reads } from '@touchstone/readmodel';
import { Recorded } from './commands.graphql.js';
import {
  Match,
  MatchConnection,
  MatchesArgs,
  MergeJourneysInput,
  SettleMatchInput,
  SplitJourneyInput,
  SplitRecorded,
  UnmergeJourneysInput,
} from './journey-linking.graphql.js';
import { PartJourney } from './journey-linking.handlers.js';
import { MergeJourneys, UnmergeJourneys } from './journey-merging.js';
import { JourneyReader, when } from './journey-reader.js';
import { Customer, Journey } from './journeys.graphql.js';
import { loaderOf } from './loaders.js';
import { ConfirmMatch, RejectMatch } from './match.js';
import { matchesQuery } from './matches.queries.js';

/** Journeys that turn out to be one or two, and doubts that wait for a person. */
@Resolver(() => Match)
export class JourneyLinkingResolver {
  constructor(
    private readonly commands: CommandBus,
    private readonly reader: JourneyReader,
    @Inject(READS) private readonly reads: Reads,
  ) {}

  @Query(() => MatchConnection, {
    description: 'Doubts whether two are one, in the order in which they came up; what became one anyway is left out.',
  })
  async matches(@Args() { status = 'OPEN' as never, of, ...page }: MatchesArgs) {
    const after = page.after === undefined ? undefined : (decodeCursor('matches', page.after, ['number'])[0] as number);
    const { result, asOf } = await this.reads.run(
      matchesQuery,
      { status, of, after, first: page.first + 1 },
      when(page),
    );
    return {
      ...pageOf(
        result,
        page,
        (row) => encodeCursor('matches', [row.cursor]),
        ({ cursor: _cursor, ...row }) => ({ ...row, asOf }),
      ),
      asOf,
    };
  }

  @ResolveField(() => [Journey], { description: 'The two journeys; empty for customers.' })
  async journeys(@Parent() { of, first, second, asOf }: Match, @Context() context: object) {
    if (of !== 'JOURNEYS') return [];
    const loader = loaderOf(context, `journeys ${asOf.position} ${asOf.instant}`, (ids: readonly string[]) =>
      this.reader.journeysById(ids, { asOf }),
    );
    return (await Promise.all([loader.load(first), loader.load(second)])).filter((journey) => journey !== null);
  }

  @ResolveField(() => [Customer], { description: 'The two customers; empty for journeys.' })
  async customers(@Parent() { of, first, second, asOf }: Match, @Context() context: object) {
    if (of !== 'CUSTOMERS') return [];
    const loader = loaderOf(context, `customers ${asOf.position} ${asOf.instant}`, (ids: readonly string[]) =>
      this.reader.customersById(ids, { asOf }),
    );
    return (await Promise.all([loader.load(first), loader.load(second)])).filter((customer) => customer !== null);
  }

  @Mutation(() => Recorded, { description: 'Says that the two of a doubtful match are one: they are merged.' })
  confirmMatch(@Args('input') input: SettleMatchInput) {
    return this.execute(new ConfirmMatch(input));
  }

  @Mutation(() => Recorded, { description: 'Says that the two of a doubtful match are two; it is not asked again.' })
  rejectMatch(@Args('input') input: SettleMatchInput) {
    return this.execute(new RejectMatch(input));
  }

  @Mutation(() => Recorded, {
    description:
      'Says that a journey is part of another one: from now on they are seen as one, and as two in the past. No fact is rewritten.',
  })
  mergeJourneys(@Args('input') input: MergeJourneysInput) {
    return this.execute(new MergeJourneys(input));
  }

  @Mutation(() => Recorded, {
    description: 'Takes a merge of journeys back. No rule merges the journey again; a person may.',
  })
  unmergeJourneys(@Args('input') input: UnmergeJourneysInput) {
    return this.execute(new UnmergeJourneys(input));
  }

  @Mutation(() => SplitRecorded, {
    description: 'Moves touchpoints to another journey. Merge that one into this one to take it back.',
  })
  splitJourney(@Args('input') input: SplitJourneyInput): Promise<SplitRecorded> {
    return this.commands.execute(new PartJourney(input));
  }

  private execute(command: object): Promise<Executed> {
    return this.commands.execute(command);
  }
}
