/** What follows from an event for other streams, made from the event alone, so that it can be made good at any time. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type {
  Actor,
  EventLog,
  EventRegistry,
  ExecuteOptions,
  Kernel,
  Position,
  RecordedEvent,
  Work,
} from '@touchstone/eventing';
import type { FactFollowUp, RecordedBefore } from './fact-follow-up.js';
import { receivingOf } from './journey-linking.handlers.js';
import { learningOf } from './journey-joining.js';
import { journeyDecider } from './journey.js';
import type { LearnOfPart } from './journey-merging.js';
import type { TouchpointContent } from './journey.events.js';
import { type OpenEnds } from './open-ends.js';
import { settledBy } from './settled-matches.js';

/** Who records it. */
export const FOLLOW_UPS: Actor = { id: 'follow-ups', role: 'policy' };

/** The events from which something follows elsewhere. */
export const TYPES = ['JourneysMerged', 'CustomersMerged', 'JourneySplit', 'TouchpointRecorded'] as const;

/** How long somebody who is at work is waited for, and how often it is looked; ms. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 20;
/** Touchpoints that are looked up at once. */
const TOGETHER = 50;

type Told = TouchpointContent & {
  readonly factId?: string;
  readonly correlation?: object;
  readonly survivorId?: string;
  readonly newJourneyId?: string;
  readonly touchpointIds?: readonly string[];
};

export interface FollowUpParts {
  readonly log: Pick<EventLog, 'head'>;
  readonly kernel: Pick<Kernel, 'look' | 'executeMany'>;
  readonly registry: Pick<EventRegistry, 'read'>;
  readonly follows: Pick<FactFollowUp, 'makeGood'>;
  readonly ends: OpenEnds;
  /** Other processes record too, and one that ends in the middle leaves no open ends here; default false. */
  readonly othersRecord?: boolean;
}

export class FollowUps {
  /**
   * Where nobody else writes the log, what came after this and is no open end was seen to by this process. Where others
   * do, every touchpoint is looked at once more; what was seen to decides nothing twice.
   */
  private begun: Position | null = null;

  constructor(private readonly parts: FollowUpParts) {}

  async begin(): Promise<void> {
    if (!this.parts.othersRecord) this.begun = await this.parts.log.head();
  }

  /** Answers how many events it recorded. @throws what the log, the read models and the deciders throw */
  async make(events: readonly RecordedEvent[], signal: AbortSignal): Promise<number> {
    let recorded = (await this.learn(events)) + (await this.settle(events, signal));
    const open: RecordedEvent[] = [];
    for (const event of events) {
      if (event.type !== 'TouchpointRecorded' || this.isDone(event)) continue;
      if (!(await this.isSeenTo(event, signal))) open.push(event);
    }
    for (let i = 0; i < open.length && !signal.aborted; i += TOGETHER) {
      const some = open.slice(i, i + TOGETHER);
      const facts = await Promise.all(some.map((event) => this.factOf(event)));
      const known = facts.filter((fact) => fact !== null);
      if (known.length > 0) recorded += await this.parts.follows.makeGood(known, some.at(-1)!.position);
      this.parts.ends.done(some.map(({ id }) => id));
      // Commands of people come in between.
      await nextTurn();
    }
    return recorded;
  }

  private async learn(events: readonly RecordedEvent[]): Promise<number> {
    let recorded = 0;
    const commands = events.flatMap((event) => {
      const learning = learningFrom(event, event.data as Told);
      return learning ? [{ event, learning }] : [];
    });
    for (const { event, learning } of commands) {
      const work: Work = { decider: journeyDecider as never, command: learning };
      const [outcome] = await this.parts.kernel.executeMany([work], optionsOf(event));
      if (!outcome!.ok) throw outcome!.error;
      recorded += outcome!.done.events.length;
    }
    return recorded;
  }

  /** Open doubts whose two have become one; who confirms one at this moment says why in their own words. */
  private async settle(events: readonly RecordedEvent[], signal: AbortSignal): Promise<number> {
    let recorded = 0;
    for (const event of events) {
      for (const { matchId, work } of await settledBy(event, this.parts.kernel)) {
        await this.untilDone(matchId, signal);
        const [outcome] = await this.parts.kernel.executeMany([work], optionsOf(event));
        if (!outcome!.ok) throw outcome!.error;
        recorded += outcome!.done.events.length;
      }
    }
    return recorded;
  }

  private async untilDone(id: string, signal: AbortSignal): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    while (this.parts.ends.of(id) === 'at work' && performance.now() < until && !signal.aborted) await sleep(LOOK_MS);
  }

  /** This process recorded it and saw to the rest: so it is with nearly all. */
  private isDone({ id, position }: RecordedEvent): boolean {
    return this.begun !== null && position > this.begun && this.parts.ends.of(id) === undefined;
  }

  /** Who records a touchpoint sees to the rest at once; only what nobody does any more is looked at again. */
  private async isSeenTo(event: RecordedEvent, signal: AbortSignal): Promise<boolean> {
    if (this.begun === null || event.position <= this.begun) return false;
    await this.untilDone(event.id, signal);
    return this.isDone(event);
  }

  /** Null: nothing follows from it. */
  private async factOf(recorded: RecordedEvent): Promise<RecordedBefore | null> {
    const event = this.parts.registry.read(recorded);
    const { source } = event.metadata;
    const { kind, objects, customerId, factId, correlation } = event.data as Told;
    // People name a journey by themselves, and claim nothing for it.
    if (!source || (!correlation && !objects?.length)) return null;
    const id = event.stream.slice('journey-'.length);
    const { journeyType: type = '' } = (await this.parts.kernel.look(journeyDecider, id)).state;
    const about = { kind, objects, occurredAt: event.occurredAt, source };
    const options = optionsOf(event);
    if (!correlation || factId === undefined) {
      return { named: { ...about, touchpointId: event.id, journey: { id, type } }, options };
    }
    const fact = { ...about, factId, journey: { type } };
    const recordedIn = { journeyId: id, touchpointId: event.id };
    return { toPlace: { fact, recordedIn, ...(customerId !== undefined && { customerId }) }, options };
  }
}

function learningFrom({ id, type, stream }: RecordedEvent, data: Told): LearnOfPart | null {
  const journeyId = stream.slice('journey-'.length);
  const { survivorId, newJourneyId, touchpointIds } = data;
  if (type === 'JourneysMerged') return learningOf(id, { journeyId, survivorId: survivorId! });
  if (type !== 'JourneySplit') return null;
  return receivingOf(id, { journeyId, newJourneyId: newJourneyId!, touchpointIds: touchpointIds! });
}

const optionsOf = ({ id, metadata }: RecordedEvent): ExecuteOptions => ({
  context: { actor: FOLLOW_UPS, correlationId: metadata.correlationId, causationId: id },
  ...(metadata.historical && { historical: true }),
});
