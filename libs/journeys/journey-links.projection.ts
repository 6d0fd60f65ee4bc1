/** Which journeys are one, which touchpoints were moved, and which doubts there are: each in every version. */
import type { RecordedEvent } from '@touchstone/eventing/pure';
import type { IdOf, Name, Projection, Row, RowChange } from '@touchstone/readmodel/projection';
import type { JourneyEvent } from './journey.events.js';
import { journeyLink, journeySplit, match, MatchStatus } from './journeys.tables.js';
import type { MatchEvent } from './match.js';

type Linking = RecordedEvent & Extract<JourneyEvent, { type: 'JourneysMerged' | 'JourneysUnmerged' | 'JourneySplit' }>;

interface LinkUnit {
  readonly id: number;
  /** The version of the link that holds. */
  link: Row | null;
  /** The versions of splits that hold, by touchpoint. */
  readonly splits: Map<string, Row>;
  /** Position of the newest event that is in the rows: an older one is a repeat. */
  newest: string;
  pending: RowChange[];
}

export const journeyLinksProjection: Projection<LinkUnit> = {
  name: 'journey-links',
  version: 1,
  tables: [journeyLink, journeySplit],
  handles: ['JourneysMerged', 'JourneysUnmerged', 'JourneySplit'],
  unit: (event): Name => ['journey', event.stream.slice('journey-'.length)],
  names: (recorded) => {
    const { type, data } = recorded as Linking;
    if (type === 'JourneysUnmerged') return [];
    return [['journey', type === 'JourneysMerged' ? data.survivorId : data.newJourneyId]];
  },
  loads: [
    { table: 'journey_link', by: 'journey' },
    { table: 'journey_split', by: 'journey' },
  ],
  restore: (id, _name, [links = [], splits = []]) => ({
    id,
    link: held(links)[0] ?? null,
    splits: new Map(held(splits).map((row) => [row['touchpoint'] as string, row])),
    newest: newestOf([...links, ...splits]),
    pending: [],
  }),
  apply: (unit, recorded, idOf) => {
    const event = recorded as Linking;
    if (event.position <= unit.newest) return;
    unit.newest = event.position;
    if (event.type === 'JourneySplit') return split(unit, event, idOf);
    if (unit.link) unit.pending.push(end('journey_link', 'journey', unit.link, event.position));
    unit.link = null;
    if (event.type === 'JourneysUnmerged') return;
    const into_journey = idOf('journey', event.data.survivorId);
    unit.link = { journey: unit.id, into_journey, from_pos: event.position, to_pos: null };
    unit.pending.push({ op: 'put', table: 'journey_link', row: unit.link });
  },
  changes: (unit) => unit.pending.splice(0),
};

function split(unit: LinkUnit, event: Extract<Linking, { type: 'JourneySplit' }>, idOf: IdOf): void {
  const into_journey = idOf('journey', event.data.newJourneyId);
  for (const touchpoint of new Set(event.data.touchpointIds)) {
    const before = unit.splits.get(touchpoint);
    if (before) unit.pending.push(end('journey_split', 'touchpoint', before, event.position));
    const row = { touchpoint, journey: unit.id, into_journey, from_pos: event.position, to_pos: null };
    unit.splits.set(touchpoint, row);
    unit.pending.push({ op: 'put', table: 'journey_split', row });
  }
}

const held = (rows: readonly Row[]): Row[] => rows.filter((row) => row['to_pos'] === null);

const newestOf = (rows: readonly Row[]): string =>
  rows.reduce((newest, row) => {
    const last = (row['to_pos'] ?? row['from_pos']) as string;
    return last > newest ? last : newest;
  }, '');

const end = (table: string, by: string, row: Row, position: string): RowChange => ({
  op: 'set',
  table,
  key: { [by]: row[by]!, from_pos: row['from_pos']! },
  set: { to_pos: position },
});

interface MatchUnit {
  readonly id: number;
  row: Row | null;
  pending: RowChange[];
}

export const matchesProjection: Projection<MatchUnit> = {
  name: 'matches',
  version: 1,
  tables: [match],
  handles: ['MatchDoubted', 'MatchConfirmed', 'MatchRejected'],
  unit: (event): Name => ['match', event.stream.slice('match-'.length)],
  names: (recorded) => {
    const event = recorded as RecordedEvent & MatchEvent;
    if (event.type !== 'MatchDoubted') return [];
    const dictionary = event.data.of === 'journeys' ? 'journey' : 'customer';
    return [
      [dictionary, event.data.first],
      [dictionary, event.data.second],
    ];
  },
  loads: [{ table: 'match', by: 'match' }],
  restore: (id, _name, [rows = []]) => ({ id, row: held(rows)[0] ?? null, pending: [] }),
  apply: (unit, recorded, idOf) => {
    const event = recorded as RecordedEvent & MatchEvent;
    const { row: before } = unit;
    if (before && event.revision <= (before['revision'] as number)) return;
    const next = event.type === 'MatchDoubted' ? doubted(unit.id, event, idOf) : before && settled(before, event);
    if (!next) return;
    if (before) unit.pending.push(end('match', 'match', before, event.position));
    unit.row = { ...next, from_pos: event.position, to_pos: null, revision: event.revision };
    unit.pending.push({ op: 'put', table: 'match', row: unit.row });
  },
  changes: (unit) => unit.pending.splice(0),
};

function doubted(id: number, event: RecordedEvent & Extract<MatchEvent, { type: 'MatchDoubted' }>, idOf: IdOf): Row {
  const { of, first, second, reason, rule, gapMs } = event.data;
  const dictionary = of === 'journeys' ? 'journey' : 'customer';
  return {
    match: id,
    of: of === 'journeys' ? 0 : 1,
    first: idOf(dictionary, first),
    second: idOf(dictionary, second),
    status: MatchStatus.open,
    reason,
    body: JSON.stringify({ rule, gapMs }),
    doubted_at: event.recordedAt,
  };
}

function settled(before: Row, event: Extract<MatchEvent, { type: 'MatchConfirmed' | 'MatchRejected' }>): Row {
  const status = event.type === 'MatchConfirmed' ? MatchStatus.confirmed : MatchStatus.rejected;
  const body = JSON.parse(before['body'] as string) as object;
  return { ...before, status, body: JSON.stringify({ ...body, settledBecause: event.data.reason }) };
}
