import type { TableSpec } from '@touchstone/readmodel/projection';

/** Status of a journey as stored. */
export const Status = { open: 0, paused: 1, closed: 2 } as const;

const versioned = ['from_pos', 'to_pos'];

/** State of a journey, a row per version: what lists, filters and the map select by. */
export const journeyState: TableSpec = {
  name: 'journey_state',
  columns: {
    journey: 'int',
    from_pos: 'text',
    to_pos: 'text',
    /** Surrogate of the journey type; 0 while only facts without an opening are known. */
    type: 'int',
    customer: 'int',
    status: 'int',
    key: 'text',
    /** When the first touchpoint was, else the opening: ms since 1970. */
    opened_ms: 'int',
    /** What `JourneyOpened` said: who reports first opens, so these depend on the order of arrival. */
    opening_ms: 'int',
    opening_customer: 'int',
    /** When the entry that closed it was; null while open. */
    ended_ms: 'int',
    owner_unit: 'int',
    owner_staff: 'int',
  },
  nullable: ['to_pos', 'key', 'ended_ms'],
  key: ['journey', 'from_pos'],
  indexes: [
    ['type', 'journey'],
    ['customer', 'journey'],
    ['type', 'opened_ms', 'journey'],
  ],
  compare: {
    ignore: [...versioned, 'opening_ms', 'opening_customer'],
    names: ['journey', 'type', 'customer', 'owner_unit', 'owner_staff'],
    currentWhenNull: 'to_pos',
  },
};

/** Everything that a timeline shows, a row per version, keyed by the position of the event that brought it. */
export const timelineEntry: TableSpec = {
  name: 'timeline_entry',
  columns: {
    from_pos: 'text',
    to_pos: 'text',
    journey: 'int',
    form: 'int',
    entry_id: 'text',
    version: 'int',
    occurred_ms: 'int',
    occurred_at: 'text',
    sequence: 'int',
    kind: 'int',
    channel: 'int',
    unit: 'int',
    staff: 'int',
    customer: 'int',
    flags: 'int',
    /** Id and stream revision of the event behind the version. */
    event_id: 'text',
    revision: 'int',
    recorded_at: 'text',
    /** The rest as JSON: attributes, objects, source, reason; personal fields as ciphertext with their subject. */
    body: 'text',
  },
  nullable: ['to_pos'],
  key: ['from_pos'],
  indexes: [['journey', 'occurred_ms', 'sequence', 'entry_id'], ['entry_id']],
  compare: {
    ignore: [...versioned, 'revision', 'recorded_at', 'body'],
    names: ['journey', 'kind', 'channel', 'unit', 'staff', 'customer'],
    currentWhenNull: 'to_pos',
  },
};

/**
 * What somebody, or a rule, observed at a touchpoint: moments, expectations, experience, reviews. A row per version,
 * keyed by the position of the event that brought it; the end of a moment is a row of its own that never held.
 */
export const observation: TableSpec = {
  name: 'observation',
  columns: {
    from_pos: 'text',
    to_pos: 'text',
    journey: 'int',
    form: 'int',
    entry_id: 'text',
    /** Id of the touchpoint. */
    touchpoint: 'text',
    /** Surrogate of the moment's code, of the aspect, or of the label; 0: none. */
    code: 'int',
    /** 1 customer, 2 QA, 3 auditor, 4 staff, 5 rule; 0: nobody's. */
    observer: 'int',
    /** Of a moment its intensity, negative of a negative one; of an experience its gap, 127 where there is none. */
    score: 'int',
    occurred_ms: 'int',
    occurred_at: 'text',
    event_id: 'text',
    revision: 'int',
    recorded_at: 'text',
    /** Policy and version that decided it, such as `NEG-S3@1`; '' where a person did. */
    rule: 'text',
    body: 'text',
  },
  nullable: ['to_pos'],
  key: ['from_pos'],
  indexes: [
    ['touchpoint'],
    ['entry_id'],
    ['journey', 'form'],
    ['form', 'occurred_ms', 'entry_id'],
    ['form', 'code', 'occurred_ms', 'entry_id'],
  ],
  compare: {
    ignore: [...versioned, 'revision', 'recorded_at', 'body'],
    names: ['journey', 'code'],
    currentWhenNull: 'to_pos',
  },
};

/** Columns of a journey's entries, all versions, in chunks (journey-blob.ts). */
export const journeyBlob: TableSpec = {
  name: 'journey_blob',
  columns: {
    journey: 'int',
    chunk: 'int',
    /** The earliest and the latest time of any version in the chunk, ms since 1970: what a window may touch. */
    first_ms: 'int',
    last_ms: 'int',
    data: 'blob',
  },
  key: ['journey', 'chunk'],
  indexes: [['first_ms', 'last_ms', 'journey']],
  compare: { skip: true },
};

/** Where a fact went that named no journey: read before it is placed again. */
export const factPlace: TableSpec = {
  name: 'fact_place',
  columns: { fact: 'text', touchpoint: 'text', journey: 'int' },
  key: ['fact', 'touchpoint'],
  compare: { names: ['journey'] },
};

/** Which journey was merged into which, a row per version, while it holds. */
export const journeyLink: TableSpec = {
  name: 'journey_link',
  columns: { journey: 'int', into_journey: 'int', from_pos: 'text', to_pos: 'text' },
  nullable: ['to_pos'],
  key: ['journey', 'from_pos'],
  indexes: [['into_journey', 'journey']],
  compare: { ignore: versioned, names: ['journey', 'into_journey'], currentWhenNull: 'to_pos' },
};

/** Touchpoints that were moved from the journey in whose stream they stand to another, a row per version. */
export const journeySplit: TableSpec = {
  name: 'journey_split',
  columns: { touchpoint: 'text', journey: 'int', into_journey: 'int', from_pos: 'text', to_pos: 'text' },
  nullable: ['to_pos'],
  key: ['touchpoint', 'from_pos'],
  indexes: [['journey'], ['into_journey']],
  compare: { ignore: versioned, names: ['journey', 'into_journey'], currentWhenNull: 'to_pos' },
};

export const MatchStatus = { open: 0, confirmed: 1, rejected: 2 } as const;

/** Doubts whether two are one, a row per version. */
export const match: TableSpec = {
  name: 'match',
  columns: {
    match: 'int',
    from_pos: 'text',
    to_pos: 'text',
    /** 0: journeys, 1: customers. */
    of: 'int',
    /** Surrogates of the two. */
    first: 'int',
    second: 'int',
    status: 'int',
    reason: 'text',
    /** JSON: the rule, how far apart they were, why it was settled so. */
    body: 'text',
    doubted_at: 'text',
    /** Of the event behind the version: an event that is not newer changes nothing. */
    revision: 'int',
  },
  nullable: ['to_pos'],
  key: ['match', 'from_pos'],
  indexes: [['status', 'match']],
  compare: {
    ignore: [...versioned, 'doubted_at', 'revision', 'body'],
    names: ['match', 'first', 'second'],
    currentWhenNull: 'to_pos',
  },
};

export const customerState: TableSpec = {
  name: 'customer_state',
  columns: {
    customer: 'int',
    from_pos: 'text',
    to_pos: 'text',
    segment: 'int',
    region: 'int',
    tier: 'int',
    /** 1: the key of everything personal is destroyed. */
    forgotten: 'int',
    /** Of the event behind the version: an event that is not newer changes nothing. */
    revision: 'int',
    registered_at: 'text',
    /** Personal fields as ciphertext, each with the event it is bound to. */
    personal: 'text',
  },
  nullable: ['to_pos'],
  key: ['customer', 'from_pos'],
  indexes: [['segment', 'customer']],
  compare: {
    ignore: [...versioned, 'revision', 'registered_at', 'personal'],
    names: ['customer', 'segment', 'region', 'tier'],
    currentWhenNull: 'to_pos',
  },
};

/** Who was merged into whom, a row per version, while it holds. */
export const customerLink: TableSpec = {
  name: 'customer_link',
  columns: { customer: 'int', into_customer: 'int', from_pos: 'text', to_pos: 'text' },
  nullable: ['to_pos'],
  key: ['customer', 'from_pos'],
  indexes: [['into_customer', 'customer']],
  compare: { ignore: versioned, names: ['customer', 'into_customer'], currentWhenNull: 'to_pos' },
};

/** Keyed hash of an identifier to its customer, a row per version. */
export const boundKey: TableSpec = {
  name: 'bound_key',
  columns: { key: 'int', customer: 'int', key_type: 'text', revision: 'int', from_pos: 'text', to_pos: 'text' },
  nullable: ['to_pos'],
  key: ['key', 'from_pos'],
  indexes: [['customer']],
  compare: { ignore: [...versioned, 'revision'], names: ['key', 'customer'], currentWhenNull: 'to_pos' },
};
