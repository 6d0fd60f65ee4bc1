import { Inject } from '@nestjs/common';
import { Args, ID, Info, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import type { GraphQLResolveInfo } from 'graphql';
import { FORGOTTEN } from '@touchstone/eventing';
import { currentContext, fieldsOf } from '@touchstone/platform';
import { QuarantineMending, type Selection } from './quarantine-mending.js';
import {
  DiscardQuarantinedInput,
  MendQuarantinedInput,
  QuarantineDiscarded,
  QuarantineMended,
  QuarantineRetried,
  QuarantineSelectionInput,
  type KindMappingInput,
} from './quarantine-mending.graphql.js';
import {
  QuarantineArgs,
  QuarantineConnection,
  QuarantineDeed,
  QuarantinedRecord,
  QuarantineState,
} from './quarantine.graphql.js';
import { Quarantine } from './quarantine.js';
import type { Quarantined, RecordState } from './quarantine-types.js';
import { RunningImports } from './running-imports.js';

@Resolver(() => QuarantinedRecord)
export class QuarantineResolver {
  constructor(
    @Inject(Quarantine) private readonly records: Quarantine,
    @Inject(QuarantineMending) private readonly mending: QuarantineMending,
    @Inject(RunningImports) private readonly imports: RunningImports,
  ) {}

  @Query(() => QuarantineConnection, {
    description:
      'What could not be taken in, in the order in which it came. A page with "raw" or "payload" may end before "first", ' +
      'after 8 MB of them: "pageInfo" says where to read on.',
  })
  quarantine(@Args() { state, ...args }: QuarantineArgs, @Info() info: GraphQLResolveInfo) {
    const selected = fieldsOf(info, true);
    const contents = (['raw', 'payload'] as const).filter((name) => selected.has(name));
    const filter = { ...args, state: state.toLowerCase() as RecordState | 'open' | 'all' };
    const { records } = this;
    const { edges, pageInfo } = records.list({ ...filter, contents });
    return {
      edges: edges.map(({ cursor, node }) => ({ cursor, node: shown(node) })),
      pageInfo,
      // Counted only for those who ask.
      get totalCount() {
        return records.count(filter);
      },
    };
  }

  @Query(() => QuarantinedRecord, { description: 'One record in quarantine.' })
  quarantined(@Args('id', { type: () => ID, description: 'Id of the record.' }) id: string) {
    return shown(this.records.record(id));
  }

  @ResolveField(() => String, { description: 'The record as it came; it may hold personal data.' })
  raw(@Parent() { id }: QuarantinedRecord) {
    return this.records.raw(id);
  }

  @ResolveField(() => String, { description: 'The record as it was mended, else as it came: what a retry reads.' })
  payload(@Parent() { id }: QuarantinedRecord) {
    return this.records.opening(id).payload ?? FORGOTTEN;
  }

  @ResolveField(() => [QuarantineDeed], { description: 'What was done about it, and by whom; the last hundred.' })
  deeds(@Parent() { id }: QuarantinedRecord) {
    return this.records.deeds(id).map(({ actor, ...deed }) => ({ ...deed, actorId: actor.id }));
  }

  @Mutation(() => QuarantineMended, {
    description: 'Changes how records are read: a new payload for one, kinds and a zone for many. Takes nothing in.',
  })
  mendQuarantined(@Args('input') { records, payload, kinds, zone, note, seenRevision }: MendQuarantinedInput) {
    const mapping = { ...(kinds && { kinds: kindsOf(kinds) }), ...(zone !== undefined && { zone }) };
    const mend = { payload, mapping, note, seen: seenRevision };
    return this.imports.during(this.mending.mend(selected(records), mend, currentContext()));
  }

  @Mutation(() => QuarantineRetried, {
    description: 'Drives records in again: by their ids, or page by page all that a filter chooses.',
  })
  retryQuarantined(@Args('records', { description: 'Which records.' }) records: QuarantineSelectionInput) {
    return this.imports.during(this.mending.retry(selected(records), currentContext()));
  }

  @Mutation(() => QuarantineDiscarded, { description: 'Gives records up; they can be looked at until they expire.' })
  discardQuarantined(@Args('input') { records, reason }: DiscardQuarantinedInput) {
    return this.mending.discard(selected(records), reason, currentContext());
  }
}

const shown = (record: Quarantined) => ({ ...record, state: record.state.toUpperCase() as QuarantineState });

const selected = ({ ids, filter, first, after }: QuarantineSelectionInput): Selection => ({
  ids,
  filter: filter && { ...filter },
  first,
  after,
});

const kindsOf = (kinds: readonly KindMappingInput[]): Record<string, string> =>
  Object.fromEntries(kinds.map(({ from = '*', to }) => [from, to]));
