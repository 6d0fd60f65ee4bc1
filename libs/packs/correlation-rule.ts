/** How a touchpoint that names no journey finds one: rules of a pack, one per type of journey. Pure. */
import { refuse, t, type Static } from '@touchstone/eventing/pure';

const DAY_MS = 86_400_000;
/** A gap beyond a year says nothing. */
export const LONGEST_GAP_MS = 366 * DAY_MS;

/** The rule of every type of journey that has none of its own. */
export const DEFAULT_RULE = 'default';

export const correlationSchema = t.object({
  /** Type of journey that the rule is for, or `default`. */
  journeyType: t.code(),
  /** Kinds whose touchpoints belong to this type when they name none; `crew.*` stands for all that begin so. */
  kinds: t.optional(t.array(t.code(), { maxItems: 200 })),
  /** Types of objects that stand for one matter, the strongest first: touchpoints that share one share a journey. */
  objects: t.optional(t.array(t.code(), { maxItems: 20 })),
  /** Touchpoints of one customer no further apart than this are of one journey; ms. */
  idleGapMs: t.optional(t.integer({ minimum: 1, maximum: LONGEST_GAP_MS })),
  /** Beyond the idle gap, so much further apart it is doubtful whether they are; ms. */
  doubtfulMs: t.optional(t.integer({ minimum: 1, maximum: LONGEST_GAP_MS })),
  /**
   * Touchpoints of one customer within the idle gap, of which some name an object: `apart` (default) keeps the object's
   * journey for itself, `ask` leaves it to a person, `join` makes them one.
   */
  sameCustomer: t.optional(t.oneOf(['apart', 'ask', 'join'])),
});
/** A rule by which touchpoints find their journey. */
export type CorrelationRule = Static<typeof correlationSchema>;

/** A rule as it is in force. */
export interface CorrelationInForce extends CorrelationRule {
  readonly pack: string;
  readonly version: number;
}

/**
 * What is wrong with the rules of one pack: the rule (by its type of journey) and a sentence with a case that goes wrong.
 * Null: nothing.
 */
export function correlationFault(rules: readonly CorrelationRule[]): { journeyType: string; fault: string } | null {
  const claimed = new Map<string, string>();
  const seen = new Set<string>();
  for (const rule of rules) {
    const fault = seen.has(rule.journeyType)
      ? 'is given twice; keep one'
      : (faultOf(rule) ?? claimFault(rule, claimed));
    if (fault !== null) return { journeyType: rule.journeyType, fault };
    seen.add(rule.journeyType);
  }
  return null;
}

function faultOf({ journeyType, kinds = [], objects = [], idleGapMs, doubtfulMs, sameCustomer }: CorrelationRule) {
  if (objects.length === 0 && idleGapMs === undefined) {
    return 'can find no journey: a second touchpoint of the same customer would open another one; give objects, an idle gap, or both';
  }
  const twice = objects.find((type, i) => objects.indexOf(type) !== i);
  if (twice !== undefined) return `names the object ${twice} twice; keep the stronger place`;
  if (doubtfulMs !== undefined && idleGapMs === undefined) {
    return 'says what is doubtful beyond an idle gap, but has no idle gap';
  }
  if (sameCustomer !== undefined && sameCustomer !== 'apart' && (idleGapMs === undefined || objects.length === 0)) {
    return `says "${sameCustomer}" for touchpoints with and without an object; that needs both objects and an idle gap`;
  }
  const wild = kinds.find((kind) => kind.slice(0, -1).includes('*') || kind === '*');
  if (wild !== undefined) return `has the kind "${wild}"; a star may only stand at the end, as in crew.*`;
  return journeyType === DEFAULT_RULE && kinds.length > 0
    ? 'is for every type of journey, so it can claim no kinds: a touchpoint of one would be of no type'
    : null;
}

function claimFault({ journeyType, kinds = [] }: CorrelationRule, claimed: Map<string, string>): string | null {
  for (const kind of kinds) {
    const holder = [...claimed].find(([other]) => overlap(kind, other));
    if (holder) {
      const example = kind.length >= holder[0].length ? kind : holder[0];
      return `claims the kind ${example}, and so does the rule of ${holder[1]}; a touchpoint of it would be of two types`;
    }
  }
  for (const kind of kinds) claimed.set(kind, journeyType);
  return null;
}

function overlap(a: string, b: string): boolean {
  if (a.endsWith('*') && b.endsWith('*')) return matchesKind(a, b.slice(0, -1)) || matchesKind(b, a.slice(0, -1));
  return a === b || matchesKind(a, b) || matchesKind(b, a);
}

/** Whether a kind is the pattern, or begins as one that ends in a star says. */
export const matchesKind = (pattern: string, kind: string): boolean =>
  pattern.endsWith('*') ? kind.startsWith(pattern.slice(0, -1)) : kind === pattern;

/** @throws CORRELATION_INVALID */
export function checkCorrelation(pack: string, rules: readonly CorrelationRule[] = []): void {
  const found = correlationFault(rules);
  if (found) refuse('CORRELATION_INVALID', `In the pack ${pack}, the rule of ${found.journeyType} ${found.fault}.`);
}

const DURATION = /^(\d{1,6})(m|h|d)$/;
const UNITS = { m: 60_000, h: 3_600_000, d: DAY_MS } as const;

/** Milliseconds of a duration as pack files write it (`90m`, `72h`, `7d`); null: it is none. */
export function durationMs(text: unknown): number | null {
  const match = typeof text === 'string' ? DURATION.exec(text) : null;
  return match && Number(match[1]) > 0 ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : null;
}
