import {
  deterministicId,
  instantMs,
  TouchstoneError,
  type ExecuteOptions,
  type Kernel,
  type Position,
  type Vault,
  type Work,
  type WorkOutcome,
} from '@touchstone/eventing';
import type { CorrelationInForce, PackCatalogue } from '@touchstone/packs';
import type { CorrelationSource, ObjectReference } from './journey.events.js';
import { MOST_JOURNEYS, noRule, objectsOf, tooMany } from './correlation-objects.js';
import { faultOf } from './fact-faults.js';
import type { Joining } from './journey-joining.js';
import { BindKey, keyDecider, type LookupKey } from './lookup-key.js';
import type { DoubtMatch } from './match.js';
import { aboutOf, CustomerLines, ownJourney, type About, type Lines, type People } from './customer-lines.js';
import { besides, near, spanAt, type Neighbour } from './matter.js';
import type { UnplacedFact } from './touchpoint-fact.js';

/** Where facts went before: read before anything is decided, so that a repeat goes where the first went. */
export interface FactPlaces {
  /** @param atLeast the answer knows everything up to this position of the log */
  find(factIds: readonly string[], atLeast?: Position): Promise<ReadonlyMap<string, readonly FactPlace[]>>;
}
export interface FactPlace {
  readonly journeyId: string;
  readonly touchpointId: string;
}

/** A fact that names no journey, and whose customer is known, if anybody's is. */
export interface ToPlace {
  readonly fact: UnplacedFact;
  readonly customerId?: string;
}

/** A fact that the rules placed, and where it was recorded; there may be more of it in other journeys. */
export interface PlacedBefore extends ToPlace {
  readonly recordedIn: FactPlace;
}

/** Where a fact goes, and what follows from it for other journeys. */
export interface Placed {
  readonly journeyType: string;
  readonly places: readonly (FactPlace & { readonly correlation: CorrelationSource })[];
  readonly joinings: readonly Joining[];
  readonly doubts: readonly Omit<DoubtMatch, 'matchId'>[];
}

interface Item extends ToPlace {
  readonly index: number;
  readonly rule: CorrelationInForce;
  readonly journeyType: string;
  /** Where it went before. */
  readonly known?: readonly FactPlace[];
  /** The journeys so far: one per object of the strongest sort, else one by time, else one of its own. */
  places: (FactPlace & { readonly correlation: CorrelationSource })[];
  readonly joinings: Joining[];
  readonly doubts: Omit<DoubtMatch, 'matchId'>[];
  /** Of the fact itself: it is refused, and its neighbours go on. */
  fault?: TouchstoneError;
}

/**
 * Finds journeys for facts that name none, by the rules of the packs: a shared object; else customer, type and idle gap;
 * else one of its own. Claims and spans are recorded before the answer; what they say is the same for a repeat.
 */
export class Correlation {
  private readonly lines: CustomerLines;

  constructor(
    private readonly parts: {
      readonly kernel: Pick<Kernel, 'look'>;
      readonly execute: (work: readonly Work[], options: ExecuteOptions) => Promise<WorkOutcome[]>;
      readonly vault: Pick<Vault, 'lookupHash'>;
      readonly packs: Pick<PackCatalogue, 'correlation'>;
      readonly places?: FactPlaces;
      /** Who is one person with whom; without it every customer is a person. */
      readonly people?: People;
    },
  ) {
    this.lines = new CustomerLines(parts);
  }

  /**
   * One answer per fact, in order; an error is a fault of the fact. @throws what the log and the read models throw
   * @param known where facts went before
   */
  async place(
    facts: readonly ToPlace[],
    known: ReadonlyMap<string, readonly FactPlace[]>,
    options: ExecuteOptions,
  ): Promise<(Placed | TouchstoneError)[]> {
    const answers: (Placed | TouchstoneError)[] = new Array<Placed | TouchstoneError>(facts.length);
    const items: Item[] = [];
    facts.forEach((each, index) => {
      const found = this.parts.packs.correlation(each.fact.kind, each.fact.journey?.type);
      if (!found) return (answers[index] = noRule(each.fact));
      const strongest = objectsOf(each.fact, found.rule)[0] ?? [];
      if (strongest.length > MOST_JOURNEYS) return (answers[index] = tooMany(strongest));
      items.push({
        ...each,
        ...found,
        index,
        known: known.get(each.fact.factId),
        places: [],
        joinings: [],
        doubts: [],
      });
      return undefined;
    });
    await this.byObjects(items, options);
    await this.byTime(items, options);
    for (const item of items) answers[item.index] = item.fault ?? answerOf(item);
    return answers;
  }

  /** What followed from facts that are recorded: as `place`, and nothing is claimed or recorded for them once more. */
  async placeAgain(facts: readonly PlacedBefore[], atLeast: Position, options: ExecuteOptions) {
    const found = await this.known(facts, atLeast);
    const own = facts.map(({ fact: { factId }, recordedIn }): [string, readonly FactPlace[]] => [
      factId,
      found.get(factId) ?? [recordedIn],
    ]);
    return this.place(facts, new Map(own), options);
  }

  private async known(facts: readonly ToPlace[], atLeast: Position) {
    const found = await this.parts.places?.find(
      facts.map(({ fact }) => fact.factId),
      atLeast,
    );
    return found ?? new Map<string, readonly FactPlace[]>();
  }

  /** The journey's objects are its own from now on, where nobody has claimed them; with whom they are else. */
  async claim(
    facts: readonly { journeyId: string; journeyType: string; objects: readonly ObjectReference[]; about: About }[],
    options: ExecuteOptions,
  ): Promise<{ journeyId: string; other: string; rule: CorrelationInForce }[]> {
    const claims = facts.flatMap(({ journeyId, journeyType, objects, about }) => {
      const rule = this.parts.packs.correlation('', journeyType)?.rule;
      if (!rule || rule.journeyType !== journeyType) return [];
      const own = objects.filter(({ type }) => rule.objects?.includes(type));
      return own.map((object) => ({ journeyId, rule, work: this.claimOf(journeyType, object, journeyId, about) }));
    });
    if (claims.length === 0) return [];
    const outcomes = await this.parts.execute(
      claims.map(({ work }) => work),
      options,
    );
    return claims.flatMap(({ journeyId, rule }, i) => {
      const other = boundTo(outcomes[i]!);
      // The touchpoint is recorded, and nothing can be found by an object that nobody may have.
      return other === journeyId || other instanceof TouchstoneError ? [] : [{ journeyId, other, rule }];
    });
  }

  private async byObjects(items: readonly Item[], options: ExecuteOptions): Promise<void> {
    const named = items.flatMap((item) => {
      const [strongest = [], ...weaker] = objectsOf(item.fact, item.rule);
      // Which of several the weaker ones would stand for, nobody can say.
      return strongest.map((object) => ({ item, object, weaker: strongest.length === 1 ? weaker.flat() : [] }));
    });
    if (named.length === 0) return;
    const journeys = await Promise.all(
      named.map(async ({ item, object, weaker }) => {
        const own = deterministicId('journey', item.journeyType, object.type, object.id);
        if (weaker.length === 0) return own;
        for (const each of [object, ...weaker]) {
          const holder = await this.holder(item.journeyType, each);
          if (holder !== undefined) return holder;
        }
        return own;
      }),
    );
    const claimed = await this.claimAll(
      named.map(({ item, object }, i) => ({ item, object, journeyId: journeys[i]! })),
      options,
    );
    const further: Claiming[] = [];
    named.forEach(({ item, object, weaker }, i) => {
      const journeyId = claimed[i]!;
      if (journeyId instanceof TouchstoneError) return void (item.fault = journeyId);
      item.places.push(placeOf(item, journeyId, { by: 'object', object }));
      for (const each of weaker) further.push({ item, object: each, journeyId });
    });
    const holders = await this.claimAll(further, options);
    further.forEach(({ item, object, journeyId }, i) => {
      const holder = holders[i]!;
      if (holder instanceof TouchstoneError) item.fault = holder;
      else if (holder !== journeyId) item.joinings.push(joiningOf(item, journeyId, holder, { by: 'object', object }));
    });
  }

  /**
   * To which journey each object leads, after the journey given has claimed it; a repeat only looks. An error is a fault
   * of the fact.
   */
  private async claimAll(claims: readonly Claiming[], options: ExecuteOptions): Promise<(string | TouchstoneError)[]> {
    const found: (string | TouchstoneError)[] = [];
    const open: number[] = [];
    for (const [i, { item, object, journeyId }] of claims.entries()) {
      if (!item.known) open.push(i);
      else found[i] = (await this.holder(item.journeyType, object)) ?? journeyId;
    }
    const work = open.map((i) => {
      const { item, object, journeyId } = claims[i]!;
      return this.claimOf(item.journeyType, object, journeyId, aboutOf(item.fact));
    });
    const outcomes = work.length > 0 ? await this.parts.execute(work, options) : [];
    open.forEach((i, at) => (found[i] = boundTo(outcomes[at]!)));
    return found;
  }

  private claimOf(journeyType: string, object: ObjectReference, journeyId: string, about: About): Work {
    const hash = this.hash(journeyType, object);
    return { decider: keyDecider as never, command: new BindKey({ hash, keyType: object.type, journeyId, ...about }) };
  }

  private async holder(journeyType: string, object: ObjectReference): Promise<string | undefined> {
    const { state } = await this.parts.kernel.look(keyDecider, this.hash(journeyType, object));
    return state.status === 'bound' ? state.journeyId : undefined;
  }

  private hash(journeyType: string, { type, id }: ObjectReference): string {
    return this.parts.vault.lookupHash(JSON.stringify(['object', journeyType, type]), id);
  }

  private async byTime(items: readonly Item[], options: ExecuteOptions): Promise<void> {
    const timed = items.filter((item) => !item.fault && item.customerId !== undefined && this.isTimed(item));
    const lines = await this.lines.place(timed, options);
    timed.forEach((item, i) => {
      const found = lines[i]!;
      if (found instanceof TouchstoneError) item.fault = found;
      else settle(item, found);
    });
    for (const item of items) {
      if (item.fault || item.places.length > 0) continue;
      item.places.push(placeOf(item, ownJourney(item), { by: 'opened' }));
    }
  }

  /** A fact with one object stands in time only where the rule says what that means. */
  private isTimed({ rule, places }: Item): boolean {
    if (rule.idleGapMs === undefined) return false;
    return places.length === 0 || (places.length === 1 && (rule.sameCustomer ?? 'apart') !== 'apart');
  }
}

/** The journey by time, and which others are one with it, or may be: on the customer's line, and on those of the person. */
function settle(item: Item, { own, others }: Lines): void {
  const at = instantMs(item.fact.occurredAt);
  const { rule } = item;
  const [gap, doubtful] = [rule.idleGapMs!, rule.doubtfulMs ?? 0];
  const named = item.places[0]?.journeyId;
  const lines = [own, ...others];
  if (named !== undefined && rule.sameCustomer === 'ask') {
    const watched = own.apart.get(named);
    if (!watched) return;
    const spans = lines.flatMap((line) => line.spans);
    for (const other of near(spans, watched, gap)) doubt(item, named, other, 'near-object-journey');
    return;
  }
  const span = spanAt(own, at);
  // Nobody placed it: it came before by another way, or by another rule.
  if (!span) return;
  if (named === undefined) {
    const by = span.journeyId === ownJourney(item) ? 'opened' : 'idle-gap';
    item.places.push(placeOf(item, span.journeyId, { by }));
  } else if (named !== span.journeyId) {
    item.joinings.push(joiningOf(item, named, span.journeyId, { by: 'idle-gap' }));
  }
  const elsewhere = others.flatMap((line) => near(line.spans, span, gap + doubtful));
  for (const other of [...besides(own, at), ...elsewhere]) {
    if (other.journeyId === span.journeyId) continue;
    if (other.gapMs <= gap) {
      const joining = joiningOf(item, span.journeyId, other.journeyId, { by: 'idle-gap' });
      item.joinings.push({ ...joining, one: span, other });
    } else if (other.gapMs <= gap + doubtful) doubt(item, span.journeyId, other, 'gap-near-limit');
  }
  if (rule.sameCustomer !== 'ask') return;
  const watched = lines.flatMap((line) => [...line.apart.values()]);
  for (const other of near(watched, span, gap)) doubt(item, span.journeyId, other, 'near-object-journey');
}

function doubt(item: Item, journeyId: string, other: Neighbour, reason: DoubtMatch['reason']): void {
  if (journeyId === other.journeyId) return;
  const { journeyType, rule } = item;
  const [first, second] = journeyId < other.journeyId ? [journeyId, other.journeyId] : [other.journeyId, journeyId];
  const { pack, version } = rule;
  item.doubts.push({ of: 'journeys', first, second, reason, rule: { journeyType, pack, version }, gapMs: other.gapMs });
}

interface Claiming {
  readonly item: Item;
  readonly object: ObjectReference;
  readonly journeyId: string;
}

type Found = Pick<CorrelationSource, 'by'> & { readonly object?: ObjectReference };

const sourceOf = ({ rule }: Item, { by, object }: Found): CorrelationSource => ({
  by,
  rule: rule.journeyType,
  pack: rule.pack,
  version: rule.version,
  ...(object && { object: { type: object.type, id: object.id } }),
});

const placeOf = (item: Item, journeyId: string, found: Found) => ({
  journeyId,
  touchpointId: deterministicId(item.fact.factId, journeyId),
  correlation: sourceOf(item, found),
});

function joiningOf(item: Item, one: string, other: string, found: Found): Joining {
  const { journeyType, customerId, fact } = item;
  const from = instantMs(fact.occurredAt);
  return {
    journeyType,
    ...(customerId !== undefined && { customerId }),
    one: { journeyId: one, from },
    other: { journeyId: other, from },
    rule: sourceOf(item, found),
  };
}

/** Where it went before wins; what follows for others holds only if the rules still say the same. */
function answerOf(item: Item): Placed {
  const { journeyType, places, joinings, doubts, known } = item;
  if (!known) return { journeyType, places, joinings, doubts };
  const same = places.length === known.length && places.every((p) => known.some((k) => k.journeyId === p.journeyId));
  const correlation = sourceOf(item, { by: 'opened' });
  return {
    journeyType,
    places: known.map((place) => ({ ...place, correlation })),
    joinings: same ? joinings : [],
    doubts: same ? doubts : [],
  };
}

/** To which journey the key leads; an error is a fault of the fact. @throws a fault of the house */
function boundTo(outcome: WorkOutcome): string | TouchstoneError {
  if (!outcome.ok) return faultOf(outcome.error);
  const key = outcome.done.state as LookupKey;
  if (key.status === 'bound' && key.journeyId !== undefined) return key.journeyId;
  const message = 'The object is bound to a customer, not to a journey; name the journey.';
  return new TouchstoneError('KEY_TAKEN', message, 'refused');
}
