import { type ExecuteOptions, type Position, type Work, type WorkOutcome } from '@touchstone/eventing';
import type { Correlation, Placed, PlacedBefore } from './correlation.js';
import { matchOf, type JourneyJoining } from './journey-joining.js';
import { DoubtMatch, matchDecider } from './match.js';
import { isPlaced, type TouchpointFact, type UnplacedFact } from './touchpoint-fact.js';

export type Doubtful = Omit<DoubtMatch, 'matchId'>;

/** A fact that stands in the log. */
export interface Recorded {
  /** For facts that found their journey by the rules: what they found out. */
  readonly placed?: Placed;
  readonly fact: TouchpointFact | UnplacedFact;
}

/** A fact as an event tells it: one that the rules placed, or one that named its journey. */
export interface RecordedBefore {
  readonly toPlace?: PlacedBefore;
  readonly named?: TouchpointFact;
  readonly options: ExecuteOptions;
}

/** What follows from recorded facts for other journeys: claims, merges, doubts. Each step can be repeated. */
export class FactFollowUp {
  constructor(
    private readonly parts: {
      readonly correlation: Correlation;
      readonly joining: JourneyJoining;
      readonly execute: (work: readonly Work[], options: ExecuteOptions) => Promise<WorkOutcome[]>;
    },
  ) {}

  /** Answers how many merges and doubts it recorded. @throws what the log throws */
  async make(facts: readonly Recorded[], ofCustomers: readonly Doubtful[], options: ExecuteOptions): Promise<number> {
    let found = 0;
    const doubts = [...ofCustomers, ...(await this.claimed(facts, options))];
    for (const { placed } of facts) {
      for (const joining of placed?.joinings ?? []) found += await this.parts.joining.join(joining, options);
      for (const doubt of placed?.doubts ?? []) if (!(await this.isOne(doubt))) doubts.push(doubt);
    }
    if (doubts.length === 0) return found;
    const work = doubts.map((doubt): Work => {
      const matchId = matchOf(doubt.of, doubt.first, doubt.second);
      return { decider: matchDecider as never, command: new DoubtMatch({ ...doubt, matchId }) };
    });
    for (const outcome of await this.parts.execute(work, options)) {
      if (!outcome.ok) throw outcome.error;
      found += outcome.done.events.length;
    }
    return found;
  }

  /**
   * What followed from facts that were recorded before, by the rules as they are: nothing, where they would go elsewhere
   * today. Answers how many merges and doubts that were. @param atLeast the read models know everything up to there
   */
  async makeGood(facts: readonly RecordedBefore[], atLeast: Position): Promise<number> {
    const open = facts.filter((each): each is RecordedBefore & { toPlace: PlacedBefore } => each.toPlace !== undefined);
    const toPlace = open.map((each) => each.toPlace);
    const answers = open.length > 0 ? await this.parts.correlation.placeAgain(toPlace, atLeast, {}) : [];
    const placed = new Map<RecordedBefore, (typeof answers)[number]>(open.map((each, i) => [each, answers[i]!]));
    let found = 0;
    for (const each of facts) {
      const answer = placed.get(each);
      const ofRules = answer === undefined || answer instanceof Error ? {} : { placed: answer };
      const fact = each.toPlace?.fact ?? each.named!;
      found += await this.make([{ fact, ...ofRules }], [], each.options);
    }
    return found;
  }

  private async isOne({ first, second }: Doubtful): Promise<boolean> {
    const { joining } = this.parts;
    return (await joining.root(first)).id === (await joining.root(second)).id;
  }

  /** A fact that names its journey claims the objects that the rules know: later ones find the journey by them. */
  private async claimed(facts: readonly Recorded[], options: ExecuteOptions): Promise<Doubtful[]> {
    const claims = facts.flatMap(({ fact }) => {
      if (!isPlaced(fact) || !fact.objects?.length || fact.journey.type === '') return [];
      const { journey, objects, occurredAt, source } = fact;
      const about = { occurredAt, source: { system: source.system, recordedAt: source.recordedAt } };
      return [{ journeyId: journey.id, journeyType: journey.type, objects, about }];
    });
    const taken = await this.parts.correlation.claim(claims, options);
    const doubts: Doubtful[] = [];
    for (const { journeyId, other, rule } of taken) {
      const [first, second] = journeyId < other ? [journeyId, other] : [other, journeyId];
      const { journeyType, pack, version } = rule;
      const reason = 'object-of-another-journey';
      const doubt: Doubtful = { of: 'journeys', first, second, reason, rule: { journeyType, pack, version } };
      if (!(await this.isOne(doubt))) doubts.push(doubt);
    }
    return doubts;
  }
}
