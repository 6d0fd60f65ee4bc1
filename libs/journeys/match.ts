/** A doubt whether two are one: two journeys, or two customers. It waits for a person. */
import { command, decider, event, refuse, t, type Decide, type EventOf } from '@touchstone/eventing/pure';

export const matchStream = (id: string) => `match-${id}`;

/** Why it is doubtful. */
export const DOUBTS = ['gap-near-limit', 'near-object-journey', 'object-of-another-journey', 'identifiers'] as const;
export type Doubt = (typeof DOUBTS)[number];

export const MatchDoubted = event(
  'MatchDoubted',
  t.object({
    of: t.oneOf(['journeys', 'customers']),
    /** The two, in the order of their ids. */
    first: t.uuid(),
    second: t.uuid(),
    reason: t.oneOf([...DOUBTS]),
    /** The rule that leaves it to a person; identifiers of customers need none. */
    rule: t.optional(t.object({ journeyType: t.code(), pack: t.id(), version: t.integer({ minimum: 1 }) })),
    /** How far apart they were when it was doubted, ms. */
    gapMs: t.optional(t.integer({ minimum: 0 })),
  }),
);
/** They are one: they were merged. */
export const MatchConfirmed = event('MatchConfirmed', t.object({ reason: t.text() }));
/** They are two. */
export const MatchRejected = event('MatchRejected', t.object({ reason: t.text() }));
export type MatchEvent = EventOf<typeof MatchDoubted | typeof MatchConfirmed | typeof MatchRejected>;

export type Match =
  | { status: 'none' }
  | { status: 'open' | 'confirmed' | 'rejected'; of: 'journeys' | 'customers'; first: string; second: string };

export function evolve(match: Match, e: MatchEvent): Match {
  if (e.type === 'MatchDoubted') {
    const { of, first, second } = e.data;
    return match.status === 'none' ? { status: 'open', of, first, second } : match;
  }
  if (match.status === 'none') return match;
  return { ...match, status: e.type === 'MatchConfirmed' ? 'confirmed' : 'rejected' };
}

/** Puts a doubt on the list; one that was there before stays as it is, whatever became of it. */
export class DoubtMatch extends command<{
  matchId: string;
  of: 'journeys' | 'customers';
  first: string;
  second: string;
  reason: Doubt;
  rule?: { journeyType: string; pack: string; version: number };
  gapMs?: number;
}>() {}
/** The two are one; whoever says so merges them first. */
export class ConfirmMatch extends command<{ matchId: string; reason: string; expectedRevision?: number }>() {}
export class RejectMatch extends command<{ matchId: string; reason: string; expectedRevision?: number }>() {}

export const doubtMatch: Decide<DoubtMatch, Match> = ({ matchId: _id, ...doubt }, match) =>
  match.status === 'none' ? [MatchDoubted(doubt)] : [];

export const confirmMatch: Decide<ConfirmMatch, Match> = ({ matchId, reason }, match) => {
  if (mustBeDoubted(matchId, match).status === 'confirmed') return [];
  return [MatchConfirmed({ reason })];
};

export const rejectMatch: Decide<RejectMatch, Match> = ({ matchId, reason }, match) => {
  const { status, of } = mustBeDoubted(matchId, match);
  if (status === 'rejected') return [];
  if (status === 'confirmed') {
    refuse('MATCH_CONFIRMED', `The match ${matchId} was confirmed; unmerge the two ${of} instead.`);
  }
  return [MatchRejected({ reason })];
};

/** @throws MATCH_UNKNOWN */
export function mustBeDoubted(id: string, match: Match): Exclude<Match, { status: 'none' }> {
  if (match.status !== 'none') return match;
  return refuse('MATCH_UNKNOWN', `There is no doubtful match ${id}; list them with the query matches.`);
}

export const matchDecider = decider<Match, MatchEvent>(
  { name: 'match', stream: matchStream, initial: () => ({ status: 'none' }), evolve },
  (on) => [
    on(DoubtMatch, (c) => c.matchId, doubtMatch),
    on(ConfirmMatch, (c) => c.matchId, confirmMatch),
    on(RejectMatch, (c) => c.matchId, rejectMatch),
  ],
);
