/** How Touchstone marks its own exports in XES, so that an import restores what the standard has no place for. */

export const OWN_EXTENSION = { name: 'Touchstone', prefix: 'touchstone', uri: 'urn:touchstone:xes:1' } as const;

/** Attributes of the extension. */
export const OWN = {
  /** Of the log: the journey type, the place in the log that was exported, and which attributes name the roles. */
  journeyType: 'touchstone:journey-type',
  asOf: 'touchstone:as-of',
  roles: 'touchstone:roles',
  /** Of a trace. */
  journey: 'touchstone:journey',
  customer: 'touchstone:customer',
  /** Of an event: the touchpoint's id, and the fact of which it is one of several. */
  id: 'touchstone:id',
  fact: 'touchstone:fact',
  /** The activity, where `concept:name` is an attribute beside it; the kind, where it is none of the log's own. */
  activity: 'touchstone:activity',
  kind: 'touchstone:kind',
  /** The system that told it, where it is not the journey type; and when that system recorded it. */
  source: 'touchstone:source',
  recorded: 'touchstone:recorded',
  objects: 'touchstone:objects',
  channel: 'touchstone:channel',
  unit: 'touchstone:unit',
  staff: 'touchstone:staff',
  /** What is personal is not in the file: `withheld`, or `forgotten`. */
  personal: 'touchstone:personal',
  /** Of an event or a trace: attributes that XES cannot hold as they are, as JSON. */
  json: 'touchstone:json',
} as const;

/** Where units, staff and channels stand in a file. */
export interface OwnRoles {
  readonly unit: string;
  readonly staff: string;
  readonly channel: string;
}

export const isOwn = (key: string): boolean => key.startsWith('touchstone:');

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
