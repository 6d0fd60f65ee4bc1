/**
 * What the rules of moments ask for, and what is still to be done about it. A rule's moment is known by its code and by
 * what caused it. It gives way to a person's moment of the same polarity at the same touchpoint, and one that a person
 * took back is not observed again.
 */
import type { Entry } from '../journey-blob.js';
import { DueAction } from './care.tables.js';
import { isByRule, isMoment, ownerChanges, reopenings, type JourneyFacts, isJudgedByPerson } from './facts.js';
import { isConfirmed, isRepeat, isResolved, REPEAT_WINDOW_MS, type Contact } from './matter.js';

/** Version of every rule; a changed rule gets a new one. */
export const RULE_VERSION = 1;

/** The moments that follow from facts. */
export const RULES = {
  'NEG-S2': { polarity: 'negative', what: 'the owner changed without a note, or changed again' },
  'NEG-S3': { polarity: 'negative', what: 'a contact of the same matter within 168 h before' },
  'NEG-S5': { polarity: 'negative', what: 'the journey went on after it had been closed' },
  'POS-S2': { polarity: 'positive', what: 'a first contact that resolved the matter' },
} as const;
export type RuleCode = keyof typeof RULES;
export const RULE_CODES = Object.keys(RULES) as readonly RuleCode[];

/** A row of `moment_due`. */
export interface Due {
  readonly journey: number;
  readonly code: RuleCode;
  readonly cause: string;
  readonly action: number;
  readonly touchpoint: string;
  readonly due_ms: number;
  readonly moment_id: string;
  readonly reason: string;
}

/** What a rule finds: at which touchpoint (its number), because of what, and from when on it may be decided. */
interface Found {
  readonly code: RuleCode;
  readonly cause: string;
  readonly touchpoint: number;
  readonly due: number;
}

/**
 * @param contacts those of the journey, judged, in the journey's order
 * @param codeOf the rule of a moment code's surrogate
 */
export function dueMoments(
  facts: JourneyFacts,
  contacts: readonly Contact[],
  codeOf: (surrogate: number) => RuleCode | undefined,
): Due[] {
  const recorded = facts.observations.filter((observed) => isMoment(observed) && isByRule(observed));
  const found = findings(facts, contacts);
  if (found.length === 0 && recorded.length === 0 && facts.stranded.length === 0) return [];
  const wanted = new Map(found.filter(permitted(facts, codeOf)).map((each) => [`${each.code} ${each.cause}`, each]));
  const due: Due[] = [];
  const [standing, inTheWay] = [new Set<string>(), new Set<string>()];
  for (const { entry, touchpoint } of recorded) {
    const code = codeOf(entry.kind);
    if (code === undefined) continue;
    const key = `${code} ${entry.cause}`;
    inTheWay.add(key);
    // One that stands as it should is done; of several for one cause, the first of these.
    const expected = standing.has(key) ? undefined : wanted.get(key);
    const place = facts.touchpoints[touchpoint]!;
    if (expected?.touchpoint === touchpoint && facts.at[place] === entry.at) {
      standing.add(key);
      continue;
    }
    const reason = expected ? MOVED : isJudgedByPerson(facts, touchpoint, entry.score) ? PERSON : GONE;
    due.push(withdrawal(facts, code, entry, reason));
  }
  // What is due for a cause is so once what stands in its place has gone.
  for (const key of inTheWay) wanted.delete(key);
  for (const entry of facts.stranded) {
    const code = codeOf(entry.kind);
    if (code === undefined) continue;
    // What is due for its cause instead is so once this one has gone.
    wanted.delete(`${code} ${entry.cause}`);
    due.push(withdrawal(facts, code, entry, GONE));
  }
  for (const each of wanted.values()) due.push(row(facts, each));
  return due;
}

const MOVED = 'what it judges was corrected';
const PERSON = 'a person judged the touchpoint';
const GONE = 'what it rested on does not hold';

function findings(facts: JourneyFacts, contacts: readonly Contact[]): Found[] {
  const found: Found[] = [];
  const at = (touchpoint: number) => facts.at[facts.touchpoints[touchpoint]!]!;
  const add = (
    code: RuleCode,
    touchpoint: number,
    cause = facts.id(facts.touchpoints[touchpoint]!),
    due = at(touchpoint),
  ) => found.push({ code, cause, touchpoint, due });
  if (facts.touchpoints.length === 0) return found;
  ownerChanges(facts).forEach(({ place, noted }, i) => {
    // The touchpoint that the customer had with the former owner; before any, the one that follows.
    if (!noted || i > 0) add('NEG-S2', Math.max(0, facts.touchpointBefore(place)), facts.id(place), facts.at[place]!);
  });
  for (const touchpoint of reopenings(facts)) add('NEG-S5', touchpoint);
  if (contacts.length === 0) return found;
  const numbers = new Map<string, number>();
  facts.touchpoints.forEach((place, number) => numbers.set(facts.id(place), number));
  for (const contact of contacts) {
    const touchpoint = numbers.get(contact.id);
    if (touchpoint === undefined) continue;
    if (isRepeat(contact)) add('NEG-S3', touchpoint, contact.id);
    else if (isResolved(contact)) {
      add('POS-S2', touchpoint, contact.id, isConfirmed(contact) ? contact.at : contact.at + REPEAT_WINDOW_MS);
    }
  }
  return found;
}

function permitted(facts: JourneyFacts, codeOf: (surrogate: number) => RuleCode | undefined) {
  const banned = new Set(facts.banned.map(({ code, cause }) => `${codeOf(code)} ${cause}`));
  return ({ code, cause, touchpoint }: Found): boolean =>
    !banned.has(`${code} ${cause}`) &&
    !isJudgedByPerson(facts, touchpoint, RULES[code].polarity === 'negative' ? -1 : 1);
}

const withdrawal = (facts: JourneyFacts, code: RuleCode, { cause, ref, id }: Entry, reason: string): Due => ({
  journey: facts.head.journey,
  code,
  cause,
  action: DueAction.withdraw,
  touchpoint: ref,
  due_ms: 0,
  moment_id: id,
  reason,
});

const row = (facts: JourneyFacts, { code, cause, touchpoint, due }: Found): Due => ({
  journey: facts.head.journey,
  code,
  cause,
  action: DueAction.observe,
  touchpoint: facts.id(facts.touchpoints[touchpoint]!),
  due_ms: due,
  moment_id: '',
  reason: '',
});
