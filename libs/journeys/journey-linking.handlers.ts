import { CommandHandler } from '@nestjs/cqrs';
import {
  command,
  deterministicId,
  Kernel,
  refuse,
  TouchstoneError,
  wrongRevision,
  type Executed,
} from '@touchstone/eventing';
import { MergeCustomers } from './customer.js';
import { MergeCustomersHandler } from './customer.handlers.js';
import { JourneyJoining } from './journey-joining.js';
import { journeyDecider, OpenJourney } from './journey.js';
import { LearnOfPart, MergeJourneys, SplitJourney, splitJourney } from './journey-merging.js';
import { existing } from './journey-state.js';
import { WholeJourneys } from './whole-journeys.js';
import { holdsTouchpoint, toHolder } from './whole-journeys.handlers.js';
import { ConfirmMatch, MatchConfirmed, matchDecider, matchStream, mustBeDoubted, type Match } from './match.js';
import { OpenEnds } from './open-ends.js';

/** Touchpoints that belong to a journey of their own, or to another one that is there. */
export class PartJourney extends command<{
  journeyId: string;
  touchpointIds: readonly string[];
  /** Absent: a new one, the same when this is said again. */
  newJourneyId?: string;
  reason: string;
  expectedRevision?: number;
}>() {}

/** What the other journey learns of a split; the same however often it is told. @param splitId of the event */
export const receivingOf = (
  splitId: string,
  split: Pick<SplitJourney, 'journeyId' | 'newJourneyId' | 'touchpointIds'>,
) =>
  new LearnOfPart({
    journeyId: split.newJourneyId,
    partId: split.journeyId,
    touchpointIds: split.touchpointIds,
    learnedId: deterministicId('part-added', splitId),
    causeId: splitId,
  });

/** A split needs neither the time nor an id to be decided. */
const UNASKED = { now: '', actor: { id: '' }, newId: () => '' };

@CommandHandler(MergeJourneys)
export class MergeJourneysHandler {
  constructor(private readonly joining: JourneyJoining) {}

  execute(c: MergeJourneys): Promise<Executed> {
    return this.joining.merge(c);
  }
}

/** The new journey is opened first: whatever breaks off in between leaves one without touchpoints, and can be repeated. */
@CommandHandler(PartJourney)
export class PartJourneyHandler {
  constructor(
    readonly kernel: Kernel,
    readonly wholes: WholeJourneys,
  ) {}

  /** @throws JOURNEY_TYPES_DIFFER, TOUCHPOINTS_OF_SEVERAL_JOURNEYS, and what the journey refuses */
  async execute(given: PartJourney): Promise<Executed & { readonly newJourneyId: string }> {
    const c = await this.routed(given);
    const { journeyId, touchpointIds, reason, expectedRevision } = c;
    const newJourneyId = c.newJourneyId ?? deterministicId('split', journeyId, ...[...new Set(touchpointIds)].sort());
    const { state } = await this.kernel.look(journeyDecider, journeyId);
    const target = (await this.kernel.look(journeyDecider, newJourneyId)).state;
    if (target.status !== 'none' && target.journeyType !== state.journeyType) {
      const message = `The journey ${newJourneyId} is of another type, ${target.journeyType}; name one of the type ${state.journeyType}.`;
      refuse('JOURNEY_TYPES_DIFFER', message);
    }
    const split = new SplitJourney({ journeyId, touchpointIds, newJourneyId, reason, expectedRevision });
    // Refuses before anything is written.
    splitJourney(split, state, UNASKED);
    if (target.status === 'none') {
      const held = touchpointIds.map((id) => existing(state, journeyId, id));
      const first = held.reduce((a, b) => (b.mark.at < a.mark.at ? b : a));
      const { journeyType, customerId } = state;
      const open = { journeyId: newJourneyId, journeyType: journeyType!, customerId, occurredAt: first.occurredAt };
      await this.kernel.execute(journeyDecider, new OpenJourney(open));
    }
    const done = await this.kernel.execute(journeyDecider, split);
    // Were it broken off here, the policy would see to it.
    for (const { id } of done.events) await this.kernel.execute(journeyDecider, receivingOf(id, split));
    return { ...done, newJourneyId };
  }

  /** Touchpoints of a merged journey stand in the streams of its parts; one command is one stream. */
  private async routed(c: PartJourney): Promise<PartJourney> {
    const holders = new Set<string>();
    for (const id of c.touchpointIds) holders.add(await this.wholes.holderOf(c.journeyId, holdsTouchpoint(id)));
    if (holders.size > 1) {
      const message = `The touchpoints were recorded in ${holders.size} journeys that are seen as one; split those of each of them by a command of its own, into the same new journey.`;
      refuse('TOUCHPOINTS_OF_SEVERAL_JOURNEYS', message, { journeys: [...holders].sort() });
    }
    const [holder] = holders;
    return holder === undefined ? c : toHolder(c, holdsTouchpoint(c.touchpointIds[0]!), this);
  }
}

/**
 * Merges the two, then says so; whatever breaks off in between is made good by saying it again. What would be refused is
 * refused before anything is merged.
 */
@CommandHandler(ConfirmMatch)
export class ConfirmMatchHandler {
  constructor(
    private readonly kernel: Kernel,
    private readonly joining: JourneyJoining,
    private readonly customers: MergeCustomersHandler,
    private readonly ends: OpenEnds,
  ) {}

  async execute(c: ConfirmMatch): Promise<Executed> {
    const { state, revision } = await this.kernel.look(matchDecider, c.matchId);
    const { status, of, first, second } = mustBeDoubted(c.matchId, state);
    if (status === 'confirmed') return this.kernel.execute(matchDecider, c);
    if (c.expectedRevision !== undefined && c.expectedRevision !== revision) {
      throw wrongRevision(matchStream(c.matchId), revision, c.expectedRevision);
    }
    mustBeRecordable(c);
    // The merge settles the doubt: this person's reason is the one that is kept.
    this.ends.begin([c.matchId]);
    try {
      return await this.mergeAndSay(c, { of, first, second });
    } finally {
      this.ends.done([c.matchId]);
    }
  }

  private async mergeAndSay(
    c: ConfirmMatch,
    { of, first, second }: Pick<Exclude<Match, { status: 'none' }>, 'of' | 'first' | 'second'>,
  ): Promise<Executed> {
    if (of === 'journeys') await this.joining.unite(first, second, c.reason);
    else await this.customers.execute(new MergeCustomers({ customerId: second, survivorId: first, reason: c.reason }));
    // They are one by now, so it is said whatever came meanwhile.
    return this.kernel.execute(matchDecider, new ConfirmMatch({ matchId: c.matchId, reason: c.reason }));
  }
}

function mustBeRecordable({ reason }: ConfirmMatch): void {
  const fault = MatchConfirmed.fault({ reason });
  if (fault) throw new TouchstoneError('EVENT_INVALID', `MatchConfirmed cannot be recorded: ${fault}.`, 'invalid');
}

export const linkingHandlers = [MergeJourneysHandler, PartJourneyHandler, ConfirmMatchHandler];
