import { CommandHandler } from '@nestjs/cqrs';
import { command, deterministicId, Kernel, refuse, type Executed } from '@touchstone/eventing';
import { MergeCustomers } from './customer.js';
import { MergeCustomersHandler } from './customer.handlers.js';
import { JourneyJoining } from './journey-joining.js';
import { journeyDecider, OpenJourney } from './journey.js';
import { MergeJourneys, SplitJourney, splitJourney } from './journey-merging.js';
import { existing } from './journey-state.js';
import { ConfirmMatch, matchDecider, mustBeDoubted } from './match.js';

/** Touchpoints that belong to a journey of their own, or to another one that is there. */
export class PartJourney extends command<{
  journeyId: string;
  touchpointIds: readonly string[];
  /** Absent: a new one, the same when this is said again. */
  newJourneyId?: string;
  reason: string;
  expectedRevision?: number;
}>() {}

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
  constructor(private readonly kernel: Kernel) {}

  /** @throws JOURNEY_TYPES_DIFFER, and what the journey refuses */
  async execute(c: PartJourney): Promise<Executed & { readonly newJourneyId: string }> {
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
    return { ...(await this.kernel.execute(journeyDecider, split)), newJourneyId };
  }
}

/** Merges the two, then says so; whatever breaks off in between is made good by saying it again. */
@CommandHandler(ConfirmMatch)
export class ConfirmMatchHandler {
  constructor(
    private readonly kernel: Kernel,
    private readonly joining: JourneyJoining,
    private readonly customers: MergeCustomersHandler,
  ) {}

  async execute(c: ConfirmMatch): Promise<Executed> {
    const { state } = await this.kernel.look(matchDecider, c.matchId);
    const { status, of, first, second } = mustBeDoubted(c.matchId, state);
    if (status === 'confirmed') return this.kernel.execute(matchDecider, c);
    if (of === 'journeys') await this.joining.unite(first, second, c.reason);
    else await this.customers.execute(new MergeCustomers({ customerId: second, survivorId: first, reason: c.reason }));
    return this.kernel.execute(matchDecider, c);
  }
}

export const linkingHandlers = [MergeJourneysHandler, PartJourneyHandler, ConfirmMatchHandler];
