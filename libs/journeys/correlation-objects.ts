/** What of a fact its journey is found by, and why none is. */
import { TouchstoneError } from '@touchstone/eventing';
import type { CorrelationInForce } from '@touchstone/packs';
import type { ObjectReference } from './journey.events.js';
import type { UnplacedFact } from './touchpoint-fact.js';

/** Journeys that one fact may touch by naming several objects; what touches more is a fact about a shared thing. */
export const MOST_JOURNEYS = 20;

/** The fact's objects that stand for a matter, those of the strongest type first; each once. */
export function objectsOf({ objects = [] }: UnplacedFact, rule: CorrelationInForce): ObjectReference[][] {
  if (objects.length === 0) return [];
  const byType = (rule.objects ?? []).map((type) => {
    const own = new Map(objects.filter((object) => object.type === type).map((object) => [object.id, object]));
    return [...own.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  });
  return byType.filter((own) => own.length > 0);
}

export const noRule = ({ kind, journey }: UnplacedFact): TouchstoneError =>
  new TouchstoneError(
    'CORRELATION_UNKNOWN',
    journey?.type === undefined
      ? `No rule says to which type of journey "${kind}" belongs: name data.journey.type, or publish a rule that claims the kind.`
      : `No rule says how a touchpoint finds a journey of the type ${journey.type}: name the journey, or publish a rule.`,
    'invalid',
  );

export const tooMany = (objects: readonly ObjectReference[]): TouchstoneError =>
  new TouchstoneError(
    'FACT_TOUCHES_TOO_MANY',
    `It names ${objects.length} objects of the type ${objects[0]!.type}, each with a journey of its own; at most ${MOST_JOURNEYS} are taken. Report it once, as a fact about the thing they share.`,
    'invalid',
  );
