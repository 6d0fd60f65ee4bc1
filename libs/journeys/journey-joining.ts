import {
  deterministicId,
  refuse,
  TouchstoneError,
  type Executed,
  type ExecuteOptions,
  type Kernel,
} from '@touchstone/eventing';
import type { CorrelationSource } from './journey.events.js';
import { journeyDecider, OpenJourney } from './journey.js';
import { matchDecider } from './match.js';
import { LearnOfPart, MergeJourneys } from './journey-merging.js';
import type { Journey } from './journey-state.js';
import { WholeJourneys } from './whole-journeys.js';
import type { Part } from './whole-state.js';

/** A journey that a rule found to be one with another, and the earliest time it is known to have. */
export interface Joined {
  readonly journeyId: string;
  /** ms since 1970. */
  readonly from: number;
}

export interface Joining {
  readonly journeyType: string;
  readonly customerId?: string;
  readonly one: Joined;
  readonly other: Joined;
  readonly rule: CorrelationSource;
}

/** Id of the doubt whether these two are one, in whichever order they are named. */
export const matchOf = (of: 'journeys' | 'customers', one: string, other: string): string =>
  deterministicId('match', of, ...[one, other].sort());

/** Another merge may come between looking and deciding; each try looks again. */
const MAX_ATTEMPTS = 5;

/**
 * Merges journeys: finds the roots of both, and refuses what would close a circle. One merge at a time in this process;
 * where two processes close one at once, readers agree on the smallest id of the circle.
 */
export class JourneyJoining {
  private before: Promise<unknown> = Promise.resolve();

  private readonly wholes: WholeJourneys;

  constructor(private readonly kernel: Pick<Kernel, 'execute' | 'look'>) {
    this.wholes = new WholeJourneys(kernel);
  }

  /** A person's merge. @throws JOURNEY_UNKNOWN, JOURNEY_TYPES_DIFFER, JOURNEY_MERGE_CYCLE, and what the journey refuses */
  merge(command: MergeJourneys): Promise<Executed> {
    return this.alone(async () => {
      const absorbed = await this.look(command.journeyId);
      const decidesAlone = command.journeyId === command.survivorId || absorbed.mergedInto === command.survivorId;
      if (!decidesAlone) await this.checkSurvivor(command, absorbed);
      const merged = await this.kernel.execute(journeyDecider, command);
      // Who merges and then closes, say, speaks of both; were it broken off here, the policy would see to it.
      await this.tell(merged, command);
      return merged;
    });
  }

  /** A person says that the two are one; which of them survives follows from the earlier one. */
  async unite(first: string, second: string, reason: string): Promise<void> {
    await this.alone(async () => {
      const [one, other] = await this.rootsOf(first, second);
      if (one.id === other.id) return;
      mustBeOfOneType(other.state, one.state);
      const [survivor, absorbed] = earlierFirst({ ...one, from: Infinity }, { ...other, from: Infinity });
      const command = new MergeJourneys({ journeyId: absorbed.id, survivorId: survivor.id, reason });
      await this.tell(await this.kernel.execute(journeyDecider, command), command);
    });
  }

  /**
   * What a rule found out: the later one becomes part of the earlier one, unless they are one, or a person said no.
   * Answers how many merges that were.
   */
  join(joining: Joining, options: ExecuteOptions = {}): Promise<number> {
    return this.alone(async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.joinOnce(joining, options);
        } catch (error) {
          const overtaken = error instanceof TouchstoneError && error.code === 'JOURNEY_MERGED';
          if (!overtaken || attempt >= MAX_ATTEMPTS) throw error;
        }
      }
    });
  }

  /** The journey that stands for all that was merged with this one. */
  root(journeyId: string): Promise<Part> {
    return this.wholes.root(journeyId);
  }

  private async joinOnce({ journeyType, customerId, one, other, rule }: Joining, options: ExecuteOptions) {
    for (const { journeyId, from } of [one, other]) {
      // Who placed a touchpoint there may not have recorded it yet.
      if ((await this.look(journeyId)).status !== 'none') continue;
      const occurredAt = new Date(from).toISOString();
      const open = new OpenJourney({ journeyId, journeyType, customerId, occurredAt });
      await this.kernel.execute(journeyDecider, open, options).catch(unlessOpen);
    }
    const [a, b] = await this.rootsOf(one.journeyId, other.journeyId);
    if (a.id === b.id || a.state.keptApart || b.state.keptApart || typesDiffer(a.state, b.state)) return 0;
    if (await this.saidToBeTwo(one.journeyId, other.journeyId)) return 0;
    const [survivor, absorbed] = earlierFirst({ ...a, from: one.from }, { ...b, from: other.from });
    const reason = REASONS[rule.by];
    // A rule merges a journey once: whoever takes it out keeps it out, so the merge may have an id of its own.
    const mergeId = deterministicId('journeys-merged', absorbed.id, survivor.id);
    const merge = new MergeJourneys({ journeyId: absorbed.id, survivorId: survivor.id, reason, rule, mergeId });
    return (await this.kernel.execute(journeyDecider, merge, options)).events.length;
  }

  /** A person said of two that would be seen as one from now on that they are two. */
  private async saidToBeTwo(one: string, other: string): Promise<boolean> {
    const [ours, theirs] = [await this.wholes.of(one), await this.wholes.of(other)];
    for (const { id } of ours.parts) {
      for (const part of theirs.parts) {
        const { state } = await this.kernel.look(matchDecider, matchOf('journeys', id, part.id));
        if (state.status === 'rejected') return true;
      }
    }
    return false;
  }

  private async tell({ events }: Executed, { journeyId, survivorId }: MergeJourneys): Promise<void> {
    for (const { id } of events) await this.kernel.execute(journeyDecider, learningOf(id, { journeyId, survivorId }));
  }

  private async rootsOf(first: string, second: string) {
    return [await this.root(first), await this.root(second)] as const;
  }

  private async checkSurvivor({ journeyId, survivorId }: MergeJourneys, absorbed: Journey): Promise<void> {
    const survivor = await this.look(survivorId);
    if (survivor.status === 'none') {
      refuse('JOURNEY_UNKNOWN', `There is no journey ${survivorId} to merge into; check the id.`);
    }
    mustBeOfOneType(absorbed, survivor);
    const root = await this.root(survivorId);
    if (root.id !== journeyId) return;
    const message = `The journey ${survivorId} was merged into ${journeyId}; unmerge them first, or merge the other way round.`;
    refuse('JOURNEY_MERGE_CYCLE', message);
  }

  private async look(journeyId: string): Promise<Journey> {
    return (await this.kernel.look(journeyDecider, journeyId)).state;
  }

  private alone<R>(work: () => Promise<R>): Promise<R> {
    const done = this.before.then(work);
    this.before = done.catch(() => undefined);
    return done;
  }
}

/** What the survivor learns of a merge; the same however often it is told. @param mergeId of the event */
export const learningOf = (mergeId: string, { journeyId, survivorId }: { journeyId: string; survivorId: string }) =>
  new LearnOfPart({
    journeyId: survivorId,
    partId: journeyId,
    learnedId: deterministicId('part-added', mergeId),
    causeId: mergeId,
  });

const REASONS = {
  object: 'A touchpoint names objects of both.',
  'idle-gap': 'No more than the idle gap lies between them.',
  opened: 'A touchpoint belongs to both.',
} as const;

const typesDiffer = ({ journeyType: type }: Journey, { journeyType: other }: Journey): boolean =>
  type !== undefined && other !== undefined && type !== other;

function mustBeOfOneType(absorbed: Journey, survivor: Journey): void {
  if (!typesDiffer(absorbed, survivor)) return;
  const message = `A journey of the type ${absorbed.journeyType} cannot be part of one of the type ${survivor.journeyType}.`;
  refuse('JOURNEY_TYPES_DIFFER', message);
}

/** They were quicker, and may know of another customer: all that matters is that the journey is there. */
function unlessOpen(error: unknown): void {
  if (!(error instanceof TouchstoneError) || error.code !== 'JOURNEY_EXISTS') throw error;
}

interface Root {
  readonly id: string;
  readonly state: Journey;
  readonly from: number;
}

/** The one that began earlier, then the smaller id. */
function earlierFirst(a: Root, b: Root): readonly [Root, Root] {
  const [x, y] = [beginOf(a), beginOf(b)];
  return x < y || (x === y && a.id < b.id) ? [a, b] : [b, a];
}

function beginOf({ state, from }: Root): number {
  let earliest = from;
  for (const touchpoint of state.touchpoints.values()) {
    if (touchpoint && touchpoint.mark.at < earliest) earliest = touchpoint.mark.at;
  }
  return earliest;
}
