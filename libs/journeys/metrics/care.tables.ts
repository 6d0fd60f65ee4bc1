/** What care figures are kept in: sums by day and dimension, contacts with their status, and what rules still owe. */
import type { CubeSpec } from '@touchstone/readmodel/cube';
import type { TableSpec } from '@touchstone/readmodel/projection';

/** The derivation that keeps them; its setting is the zone of days. */
export const CARE = 'care';

/** Dimensions of every cell that has a touchpoint for its anchor: surrogates, 0 is "none". */
const DIMS = ['day', 'unit', 'channel', 'journey_type', 'stage', 'segment', 'region', 'tier'] as const;
const named = (...dims: readonly string[]) => ({ names: dims.filter((dim) => dim !== 'day') });
const ROLLUPS = [
  ['unit', 'journey_type'],
  ['channel', 'journey_type', 'stage'],
] as const;

/**
 * Anchored at touchpoints. Contacts count where the customer is known; `contacts_all` are those of anybody. `by_absence`:
 * resolved since no repeat has come; `owed`: of these, where the rule's moment would have a place.
 */
export const cubeTouchpoint = {
  name: 'cube_touchpoint',
  dims: DIMS,
  measures: [
    'touchpoints',
    'owned',
    'known',
    'contacts_all',
    'contacts',
    'repeats',
    'firsts',
    'resolved',
    'changes',
    'in_context',
    'by_absence',
    'owed',
  ],
  rollups: ROLLUPS,
  compare: named(...DIMS),
} as const satisfies CubeSpec;

/** Anchored at the touchpoint that was observed. `code` is a moment's; coverage and ratings have none. */
export const cubeMoment = {
  name: 'cube_moment',
  dims: [...DIMS, 'observer', 'code'],
  measures: [
    'pos',
    'neg',
    'pos_weight',
    'neg_weight',
    'weight_squares',
    'covered',
    'rated_m2',
    'rated_m1',
    'rated_0',
    'rated_p1',
    'rated_p2',
  ],
  rollups: [['unit', 'journey_type', 'observer', 'code']],
  compare: named(...DIMS, 'code'),
} as const satisfies CubeSpec;

/** Anchored at touchpoints that were not part of a historical load; `seconds` from happening to recording. */
export const cubeLag = {
  name: 'cube_lag',
  dims: ['day', 'source', 'unit', 'channel', 'journey_type', 'bucket'],
  measures: ['n', 'seconds'],
  rollups: [
    ['source', 'bucket'],
    ['unit', 'bucket'],
  ],
  // When something was recorded is not the same in another order of recording.
  compare: { skip: true },
} as const satisfies CubeSpec;

/** Anchored at the first touchpoint of a journey. */
export const cubeOpened = {
  name: 'cube_opened',
  dims: DIMS,
  measures: ['journeys', 'owner_changes', 'owner_change_squares', 'ping_pong', 'untold', 'with_negative', 'turned'],
  rollups: ROLLUPS,
  compare: named(...DIMS),
} as const satisfies CubeSpec;

/** Anchored at what closed a journey; `bucket` is that of the gross duration in ms. */
export const cubeClosed = {
  name: 'cube_closed',
  dims: [...DIMS, 'bucket'],
  measures: ['closed', 'gross_ms', 'net_ms', 'touchpoints', 'touchpoint_squares', 'by_system', 'owned', 'owner_kept'],
  rollups: [['unit', 'journey_type', 'bucket']],
  compare: named(...DIMS),
} as const satisfies CubeSpec;

export const CUBES = {
  touchpoint: cubeTouchpoint,
  moment: cubeMoment,
  lag: cubeLag,
  opened: cubeOpened,
  closed: cubeClosed,
} as const;
export type CubeName = keyof typeof CUBES;

/** Bits of a contact's status. */
export const ContactFlag = {
  /** Its journey has a confirmation of the customer not before it. */
  confirmed: 1,
  /** Its journey was reopened. */
  reopened: 2,
  /** An earlier contact of the matter began at most 168 h before. */
  repeat: 4,
  /** A first contact that resolved the matter. */
  resolved: 8,
  /** The rule's moment has no place here: a person judged the touchpoint, or took the moment back. */
  displaced: 16,
} as const;

/** Contacts of known customers in the order of their matter (root customer, journey type), with their status. */
export const contact: TableSpec = {
  name: 'contact',
  columns: {
    root: 'int',
    journey_type: 'int',
    at: 'int',
    sequence: 'int',
    id: 'text',
    journey: 'int',
    day: 'int',
    unit: 'int',
    channel: 'int',
    stage: 'int',
    segment: 'int',
    region: 'int',
    tier: 'int',
    flags: 'int',
  },
  key: ['root', 'journey_type', 'at', 'sequence', 'id'],
  indexes: [['journey'], ['at']],
  compare: { names: ['root', 'journey_type', 'journey', 'unit', 'channel', 'stage', 'segment', 'region', 'tier'] },
};

/**
 * Journeys with a negative moment that none follows yet, and that time alone may turn: the moment of a rule is still to
 * come. Anchored like `cube_opened`. Few: a row goes by itself once the moment is recorded.
 */
export const turnOpen: TableSpec = {
  name: 'turn_open',
  columns: {
    journey: 'int',
    /** When the first touchpoint was, ms since 1970. */
    at: 'int',
    /** From when on nothing is waited for, ms since 1970. */
    until: 'int',
    day: 'int',
    unit: 'int',
    channel: 'int',
    journey_type: 'int',
    stage: 'int',
    segment: 'int',
    region: 'int',
    tier: 'int',
  },
  key: ['journey'],
  indexes: [['until']],
  compare: { names: ['journey', 'unit', 'channel', 'journey_type', 'stage', 'segment', 'region', 'tier'] },
};

export const DueAction = { observe: 1, withdraw: 2 } as const;

/** What the rules still have to observe or to withdraw. A row goes by itself once that is recorded. */
export const momentDue: TableSpec = {
  name: 'moment_due',
  columns: {
    journey: 'int',
    /** `NEG-S2`, `NEG-S3`, `NEG-S5` or `POS-S2`. */
    code: 'text',
    /** Id of the entry that makes it so: an owner change, or the judged touchpoint itself. */
    cause: 'text',
    action: 'int',
    /** The judged touchpoint. */
    touchpoint: 'text',
    /** When it may be decided, ms since 1970: what rests on absence, when its window has passed. */
    due_ms: 'int',
    /** What is withdrawn; '' of what is to be observed. */
    moment_id: 'text',
    reason: 'text',
  },
  key: ['journey', 'code', 'cause'],
  indexes: [['due_ms']],
  compare: { names: ['journey'], ignore: ['moment_id'] },
};
