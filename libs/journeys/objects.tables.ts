import type { TableSpec } from '@touchstone/readmodel/projection';

const versioned = ['from_pos', 'to_pos'];

/** Whom the linked part of an audience reaches, as stored. */
export const Linked = { nobody: 0, directly: 1, throughObjects: 2 } as const;

/** What an entry of an object is, as stored. */
export const ObjectForm = { fact: 0, voided: 1, changed: 2, linked: 3, unlinked: 4 } as const;

/** Objects of which anything was ever said. */
export const objectKnown: TableSpec = {
  name: 'object_known',
  columns: { object: 'int', from_pos: 'text' },
  key: ['object'],
  compare: { ignore: ['from_pos'], names: ['object'] },
};

/** Facts of objects, a row per version, keyed by the position of the event that brought it. */
export const objectFact: TableSpec = {
  name: 'object_fact',
  columns: {
    from_pos: 'text',
    to_pos: 'text',
    fact: 'int',
    object: 'int',
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
    /** Whom the fact names. */
    customer: 'int',
    flags: 'int',
    /** Whom the linked part of its audience reaches. */
    linked: 'int',
    event_id: 'text',
    revision: 'int',
    recorded_at: 'text',
    /** The rest as JSON: attributes, objects, source, reason; personal fields as ciphertext with their subject. */
    body: 'text',
  },
  nullable: ['to_pos'],
  key: ['from_pos'],
  indexes: [
    ['fact'],
    ['object', 'linked', 'occurred_ms', 'sequence', 'entry_id'],
    ['object', 'occurred_ms', 'sequence', 'entry_id'],
  ],
  compare: {
    ignore: [...versioned, 'revision', 'recorded_at', 'body'],
    names: ['fact', 'object', 'kind', 'channel', 'unit', 'staff', 'customer'],
    currentWhenNull: 'to_pos',
  },
};

/**
 * The customers whom a version of a fact names or lists, with its place in order, so that one customer's page of facts is
 * read off the index. A row holds as long as its version does. Those who are linked to the object have no rows: they are
 * found over the links.
 */
export const objectAudience: TableSpec = {
  name: 'object_audience',
  columns: {
    /** Of the version. */
    from_pos: 'text',
    customer: 'int',
    object: 'int',
    occurred_ms: 'int',
    sequence: 'int',
    entry_id: 'text',
  },
  key: ['from_pos', 'customer'],
  indexes: [['customer', 'occurred_ms', 'sequence', 'entry_id', 'from_pos', 'object']],
  compare: { ignore: ['from_pos'], names: ['customer', 'object'] },
};

/**
 * Links as they were said: from `at_ms` on the two are linked, or not any more. A row is never changed; whether a link
 * is valid at a time is told by the last row of the same ends and qualifier at or before it, in the order (at_ms, ended,
 * event_id), whatever came to be known first.
 */
export const objectLink: TableSpec = {
  name: 'object_link',
  columns: {
    from_pos: 'text',
    /** Place in its event. */
    nth: 'int',
    object: 'int',
    /** The object or the customer at the other end; the other one of the two is 0. */
    other: 'int',
    customer: 'int',
    qualifier: 'int',
    at_ms: 'int',
    ended: 'int',
    event_id: 'text',
    conveys: 'int',
  },
  key: ['from_pos', 'nth'],
  indexes: [
    ['object', 'other', 'customer', 'qualifier', 'at_ms', 'ended', 'event_id', 'conveys'],
    ['other', 'object', 'customer', 'qualifier', 'at_ms', 'ended', 'event_id', 'conveys'],
    ['customer', 'object', 'other', 'qualifier', 'at_ms', 'ended', 'event_id'],
    ['at_ms'],
  ],
  compare: { ignore: ['from_pos', 'nth'], names: ['object', 'other', 'customer', 'qualifier'] },
};

/** Changes and links of objects as they were told, an entry per event. */
export const objectEntry: TableSpec = {
  name: 'object_entry',
  columns: {
    from_pos: 'text',
    object: 'int',
    form: 'int',
    entry_id: 'text',
    occurred_ms: 'int',
    occurred_at: 'text',
    sequence: 'int',
    revision: 'int',
    recorded_at: 'text',
    body: 'text',
  },
  key: ['from_pos'],
  indexes: [['object', 'occurred_ms', 'sequence', 'entry_id']],
  compare: { ignore: ['from_pos', 'revision', 'recorded_at'], names: ['object'] },
};

/** Values of attributes as they were told, each from its time on. */
export const objectAttribute: TableSpec = {
  name: 'object_attribute',
  columns: {
    from_pos: 'text',
    nth: 'int',
    object: 'int',
    attribute: 'int',
    at_ms: 'int',
    sequence: 'int',
    event_id: 'text',
    /** JSON. */
    value: 'text',
  },
  key: ['from_pos', 'nth'],
  indexes: [['object', 'attribute', 'at_ms', 'sequence', 'event_id']],
  compare: { ignore: ['from_pos', 'nth'], names: ['object', 'attribute'] },
};
