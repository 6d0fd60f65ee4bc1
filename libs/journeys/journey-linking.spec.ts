import { given } from '@touchstone/eventing/testing';
import {
  JourneyOpened,
  JourneysMerged,
  JourneySplit,
  JourneysUnmerged,
  TouchpointRecorded,
  TouchpointVoided,
} from './journey.events.js';
import { journeyDecider } from './journey.js';
import { MergeJourneys, SplitJourney, UnmergeJourneys } from './journey-merging.js';
import {
  ConfirmMatch,
  DoubtMatch,
  MatchConfirmed,
  matchDecider,
  MatchDoubted,
  MatchRejected,
  RejectMatch,
} from './match.js';

const uuid = (n: number) => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const [journeyId, survivorId, other] = [uuid(1), uuid(2), uuid(3)];
const opened = JourneyOpened({ journeyType: 'x' });
const touchpoint = (n: number) =>
  TouchpointRecorded(
    { kind: 'k', kindVersion: 1, traits: { closes: false, contact: true, customerVisible: true } },
    { id: uuid(n), occurredAt: '2024-05-01T08:00:00+08:00' },
  );
const rule = { by: 'idle-gap' as const, rule: 'x', pack: 'p', version: 3 };
const merge = (into: string, byRule = false) =>
  new MergeJourneys({ journeyId, survivorId: into, reason: 'r', ...(byRule && { rule }) });
const merged = JourneysMerged({ survivorId, reason: 'r' });
const unmerged = JourneysUnmerged({ survivorId, reason: 'r' });

describe('merging journeys', () => {
  const journey = (...past: (typeof opened | typeof merged | typeof unmerged)[]) => given(journeyDecider, past);

  it('is one event in the stream of the absorbed, decided once; a rule’s says which edition', () => {
    journey(opened).when(merge(survivorId)).then(merged);
    journey(opened, merged).when(merge(survivorId)).thenNothing();
    journey(opened)
      .when(merge(survivorId, true))
      .then(JourneysMerged({ survivorId, reason: 'r', rule }, { policyVersion: 'x@p/3' }));
  });

  it('is refused for nobody, for itself, and for what is part of another', () => {
    journey().when(merge(survivorId)).thenRefused('JOURNEY_UNKNOWN');
    journey(opened).when(merge(journeyId)).thenRefused('JOURNEY_MERGE_SELF');
    journey(opened, merged).when(merge(other)).thenRefused('JOURNEY_MERGED');
  });

  it('can be taken back; then a person may merge again, and no rule', () => {
    const unmerge = new UnmergeJourneys({ journeyId, reason: 'r' });
    journey(opened, merged).when(unmerge).then(unmerged);
    journey(opened).when(unmerge).thenNothing();
    journey(opened, merged, unmerged).when(merge(survivorId, true)).thenNothing();
    journey(opened, merged, unmerged)
      .when(merge(other))
      .then(JourneysMerged({ survivorId: other, reason: 'r' }));
  });
});

describe('splitting a journey', () => {
  const split = (ids: number[], newJourneyId = other) =>
    new SplitJourney({ journeyId, touchpointIds: ids.map(uuid), newJourneyId, reason: 'r' });
  const away = (ids: number[]) => JourneySplit({ newJourneyId: other, touchpointIds: ids.map(uuid), reason: 'r' });
  const lived = [opened, touchpoint(11), touchpoint(12), touchpoint(13)];

  it('moves touchpoints, each once', () => {
    given(journeyDecider, [...lived])
      .when(split([11, 12, 11]))
      .then(away([11, 12]));
    given(journeyDecider, [...lived, away([11])])
      .when(split([11, 12]))
      .then(away([12]));
    given(journeyDecider, [...lived, away([11])])
      .when(split([11]))
      .thenNothing();
  });

  it('is refused where nothing would be left, and for what is not there', () => {
    given(journeyDecider, [...lived])
      .when(split([11, 12, 13]))
      .thenRefused('JOURNEY_SPLIT_WHOLE');
    given(journeyDecider, [...lived, away([11, 12])])
      .when(split([13]))
      .thenRefused('JOURNEY_SPLIT_WHOLE');
    given(journeyDecider, [...lived])
      .when(split([14]))
      .thenRefused('TOUCHPOINT_UNKNOWN');
    given(journeyDecider, [...lived])
      .when(split([]))
      .thenRefused('TOUCHPOINTS_MISSING');
    given(journeyDecider, [...lived])
      .when(split([11], journeyId))
      .thenRefused('JOURNEY_SPLIT_SELF');
    const voided = TouchpointVoided({ touchpointId: uuid(11), reason: 'r' });
    given(journeyDecider, [...lived, voided])
      .when(split([11]))
      .thenRefused('TOUCHPOINT_VOID');
  });
});

describe('a doubtful match', () => {
  const doubt = {
    of: 'journeys' as const,
    first: uuid(1),
    second: uuid(2),
    reason: 'gap-near-limit' as const,
    gapMs: 5,
  };
  const doubted = MatchDoubted(doubt);
  const matchId = uuid(9);
  const confirm = new ConfirmMatch({ matchId, reason: 'r' });
  const reject = new RejectMatch({ matchId, reason: 'r' });

  it('is put on the list once, whatever became of it', () => {
    given(matchDecider, [])
      .when(new DoubtMatch({ matchId, ...doubt }))
      .then(doubted);
    given(matchDecider, [doubted])
      .when(new DoubtMatch({ matchId, ...doubt }))
      .thenNothing();
    given(matchDecider, [doubted, MatchRejected({ reason: 'r' })])
      .when(new DoubtMatch({ matchId, ...doubt }))
      .thenNothing();
  });

  it('is settled by a person, who may find later that the two are one, but then has to unmerge them', () => {
    given(matchDecider, []).when(confirm).thenRefused('MATCH_UNKNOWN');
    given(matchDecider, [doubted])
      .when(reject)
      .then(MatchRejected({ reason: 'r' }));
    given(matchDecider, [doubted, MatchRejected({ reason: 'r' })])
      .when(reject)
      .thenNothing();
    given(matchDecider, [doubted, MatchRejected({ reason: 'r' })])
      .when(confirm)
      .then(MatchConfirmed({ reason: 'r' }));
    given(matchDecider, [doubted, MatchConfirmed({ reason: 'r' })])
      .when(confirm)
      .thenNothing();
    given(matchDecider, [doubted, MatchConfirmed({ reason: 'r' })])
      .when(reject)
      .thenRefused('MATCH_CONFIRMED');
  });
});
