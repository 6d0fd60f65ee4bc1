/** Where facts went before, so that a repeat goes where the first went, whatever else it says. */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { TouchstoneError, type Position } from '@touchstone/eventing';
import type { FactPlace, FactPlaces } from './correlation.js';
import { isPlaced, repeatIdOf, type TouchpointFact, type UnplacedFact } from './touchpoint-fact.js';

type Fact = TouchpointFact | UnplacedFact;

export interface Before {
  readonly places: readonly FactPlace[];
  /** Of what the first said; absent where only the read models know of it. */
  readonly digest?: string;
}

/** Facts remembered beside what the read models know: they lag behind by less, but for a load. */
const REMEMBERED = 50_000;

/**
 * The facts that this process took last, by their own ids, and those that the read models know. A fact that named its
 * journey is also taken while there is no read model: it is then known by its journey alone.
 */
export class FactsBefore {
  private readonly recent = new LRUCache<string, Before>({ max: REMEMBERED });
  private readonly underWay = new Map<string, Promise<unknown>>();

  constructor(
    private readonly parts: {
      readonly places?: FactPlaces;
      /** Up to where the read models have to know facts that the rules place: what came later the rules place alike. */
      readonly since: () => Position | undefined;
    },
  ) {}

  /** Of those who come with the same fact at once, one after the other. */
  async inTurn<R>(facts: readonly Fact[], work: () => Promise<R>): Promise<R> {
    const ids = facts.flatMap((fact) => repeatIdOf(fact) ?? []);
    const earlier = new Set(ids.flatMap((id) => this.underWay.get(id) ?? []));
    const done = (earlier.size > 0 ? Promise.allSettled(earlier) : Promise.resolve()).then(work);
    // Whoever began first never waits for who came later, so nobody waits for each other.
    for (const id of ids) this.underWay.set(id, done);
    try {
      return await done;
    } finally {
      for (const id of ids) if (this.underWay.get(id) === done) this.underWay.delete(id);
    }
  }

  /** In the order of the facts. @throws what the read models throw, where facts are to be placed */
  async of(facts: readonly Fact[]): Promise<readonly (Before | undefined)[]> {
    const found = new Map<string, Before>();
    const [named, open]: string[][] = [[], []];
    for (const fact of facts) {
      const id = repeatIdOf(fact);
      if (id === undefined) continue;
      const before = this.recent.get(id);
      if (before) found.set(id, before);
      else (isPlaced(fact) ? named! : open!).push(id);
    }
    await this.lookUp(open!, found, this.parts.since());
    await this.lookUp(named!, found).catch(unlessThereIsNone);
    return facts.map((fact) => found.get(repeatIdOf(fact) ?? ''));
  }

  remember(factId: string, before: Before): void {
    this.recent.set(factId, before);
  }

  private async lookUp(factIds: readonly string[], found: Map<string, Before>, atLeast?: Position): Promise<void> {
    if (factIds.length === 0 || !this.parts.places) return;
    for (const [factId, places] of await this.parts.places.find(factIds, atLeast)) found.set(factId, { places });
  }
}

/** Of everything that a source says of a fact, but when it was sent and how it came. It is kept in memory only. */
export function digestOf(fact: Fact): string {
  const { customer, identifiers, kind, channel, unit, staff, occurredAt, attributes, personal, objects } = fact;
  const { id, type, key }: { id?: string; type?: string; key?: string } = fact.journey ?? {};
  const said = [customer, identifiers, kind, channel, unit, staff, occurredAt, attributes, personal, objects];
  return hash('sha1', JSON.stringify([said, id, type, key]), 'base64');
}

/** Whether the repeat says anything else than the first, as far as that is known. */
export function differs(fact: Fact, before: Before, digest: string | undefined): boolean {
  if (before.digest !== undefined) return before.digest !== digest;
  return isPlaced(fact) && !before.places.some(({ journeyId }) => journeyId === fact.journey.id);
}

function unlessThereIsNone(error: unknown): void {
  if (error instanceof TouchstoneError && error.code === 'READ_MODEL_NOT_READY') return;
  throw error;
}
