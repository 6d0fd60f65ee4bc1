import { TouchstoneError } from '@touchstone/eventing';

/** How a log becomes journeys. Attribute names are keys of events; one that the event lacks is looked up on its trace. */
export interface XesMappingOptions {
  readonly journeyType: string;
  /** Name of the source system; default the journey type. Never the path: a copy must give the same ids. */
  readonly source?: string;
  /** Attributes whose values, joined by `+`, name the activity; default the log's first classifier, else `concept:name`. */
  readonly activity?: readonly string[];
  readonly customer?: string;
  readonly unit?: string;
  readonly staff?: string;
  readonly channel?: string;
  /** Activities that close their journey, or `all`. */
  readonly closes?: readonly string[] | 'all';
  /** Activities in which customer and company are in contact; default none. Every activity is visible to the customer. */
  readonly contacts?: readonly string[];
  /** Activity to the id of a kind that is already published. */
  readonly kinds?: Readonly<Record<string, string>>;
  /** Attributes about a person: encrypted before they reach the log. */
  readonly personal?: readonly string[];
  /** A historical load: touchpoints are recorded at the time they happened. */
  readonly asHistory?: boolean;
}

const ROLES = ['customer', 'unit', 'staff', 'channel'] as const;
const KNOWN: ReadonlySet<string> = new Set([
  'journeyType',
  'source',
  'activity',
  ...ROLES,
  'closes',
  'contacts',
  'kinds',
  'personal',
  'asHistory',
]);
/** A kind id is `<journey type>:<activity>`, so the type must leave room for the activity. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._ -]{0,63}$/u;

/**
 * Checks options as they come from a command line or a request.
 * @throws OPTION_INVALID, OPTION_UNKNOWN, OPTION_CONFLICT
 */
export function checkedOptions(given: unknown): XesMappingOptions {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw invalid('The options must be a JSON object with at least journeyType.');
  }
  const options = given as Record<string, unknown>;
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) {
      throw new TouchstoneError(
        'OPTION_UNKNOWN',
        `There is no import option "${name}"; known are ${[...KNOWN].join(', ')}.`,
        'invalid',
      );
    }
  }
  assertName(options['journeyType'], 'journeyType');
  if (options['source'] !== undefined) assertName(options['source'], 'source');
  for (const role of ROLES) if (options[role] !== undefined) assertText(options[role], role);
  for (const list of ['activity', 'contacts', 'personal'] as const) {
    if (options[list] !== undefined) assertTexts(options[list], list);
  }
  if (options['closes'] !== undefined && options['closes'] !== 'all') assertTexts(options['closes'], 'closes');
  if (options['asHistory'] !== undefined && typeof options['asHistory'] !== 'boolean') {
    throw invalid('asHistory must be true or false.');
  }
  assertKinds(options['kinds']);
  const checked = given as XesMappingOptions;
  assertAgree(checked);
  return checked;
}

/** What is stored readable for its role cannot be personal as well. */
function assertAgree(options: XesMappingOptions): void {
  const personal = new Set(options.personal);
  const readable = [...(options.activity ?? []), options.unit, options.staff, options.channel];
  for (const key of [...readable, 'time:timestamp']) {
    if (key !== undefined && personal.has(key)) {
      throw new TouchstoneError(
        'OPTION_CONFLICT',
        `"${key}" cannot be personal and be stored readable as the activity, unit, staff, channel or time: drop one.`,
        'invalid',
      );
    }
  }
}

function assertName(value: unknown, option: string): void {
  if (typeof value === 'string' && NAME.test(value)) return;
  throw invalid(`${option} must be a name of 1 to 64 letters, digits, dots, blanks, hyphens or underscores.`);
}

function assertText(value: unknown, option: string): void {
  if (typeof value !== 'string' || value === '' || value.length > 1_000)
    throw invalid(`${option} must name an attribute.`);
}

function assertTexts(value: unknown, option: string): void {
  if (!Array.isArray(value) || value.length === 0 || value.length > 1_000) {
    throw invalid(`${option} must be a list of 1 to 1,000 names.`);
  }
  for (const item of value) if (typeof item !== 'string' || item === '') throw invalid(`${option} has an empty name.`);
}

function assertKinds(kinds: unknown): void {
  if (kinds === undefined) return;
  if (kinds === null || typeof kinds !== 'object' || Array.isArray(kinds)) {
    throw invalid('kinds must be an object from activity to kind id.');
  }
  for (const [activity, kind] of Object.entries(kinds)) {
    if (typeof kind !== 'string' || kind === '' || kind.length > 256) {
      throw invalid(`kinds must give "${activity}" the id of a kind, 1 to 256 characters.`);
    }
  }
}

const invalid = (message: string): TouchstoneError => new TouchstoneError('OPTION_INVALID', message, 'invalid');
