import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { XesMappingOptions } from '@touchstone/interchange';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { UsageError } from './cli-errors.js';
import { unreadable } from './import-file.js';

/** The flags of `touchstone import`, as they were given. */
export interface ImportFlags {
  readonly mapping?: string;
  readonly journeyType?: string;
  readonly source?: string;
  readonly activity?: readonly string[];
  readonly customer?: string;
  readonly unit?: string;
  readonly staff?: string;
  readonly channel?: string;
  readonly closes?: readonly string[];
  readonly contact?: readonly string[];
  readonly map?: string;
  readonly personal?: readonly string[];
  readonly asHistory?: boolean;
  readonly caseType?: readonly string[];
  readonly withoutCase?: string;
  readonly zone?: string;
}

/**
 * What only logs of objects have; undefined for another file.
 * @throws USAGE
 */
export function ocelOptionsOf(path: string, flags: ImportFlags): Record<string, unknown> | undefined {
  const { caseType: caseTypes, withoutCase, zone, activity } = flags;
  if (caseTypes === undefined) {
    if (/\.(sqlite3?|db|jsonocel)(\.gz)?$/i.test(path)) {
      throw new UsageError('Name the object type whose objects are the journeys: --case-type <type>.');
    }
    if (withoutCase ?? zone) throw new UsageError('--without-case and --zone go with --case-type.');
    return undefined;
  }
  if (activity) throw new UsageError('--activity is for XES: in OCEL the type of an event is its activity.');
  return Object.fromEntries(
    Object.entries({ caseTypes, withoutCase, zone }).filter(([, value]) => value !== undefined),
  );
}

/**
 * How the server is to read the file.
 * @throws USAGE; MAP_INVALID and the errors of a file for `--map`
 */
export async function mappingOf(path: string, flags: ImportFlags): Promise<Record<string, unknown>> {
  const mapping: XesMappingOptions = {
    journeyType: flags.journeyType ?? journeyTypeOf(path),
    source: flags.source,
    activity: flags.activity,
    customer: flags.customer,
    unit: flags.unit,
    staff: flags.staff,
    channel: flags.channel,
    closes: closesOf(flags.closes),
    contacts: flags.contact,
    kinds: flags.map === undefined ? undefined : await kindsOf(flags.map),
    personal: flags.personal,
    asHistory: flags.asHistory,
  };
  return Object.fromEntries(Object.entries(mapping).filter(([, value]) => value !== undefined));
}

/** Flags that a mapping file says instead. */
const OF_LOGS = ['activity', 'customer', 'unit', 'staff', 'channel', 'closes', 'contact', 'map', 'personal'] as const;

/**
 * Of a table: its mapping, as it stands in its file, and what is said beside it. Undefined for a log.
 * @throws USAGE, MAPPING_MISSING and the errors of a file
 */
export async function tableOptions(
  path: string,
  flags: ImportFlags,
): Promise<{ mapping: string; query: Record<string, string | undefined> } | undefined> {
  if (flags.mapping === undefined) {
    if (!/\.(csv|tsv|tab)(\.gz)?$/i.test(path)) return undefined;
    throw new TouchstoneError(
      'MAPPING_MISSING',
      `A table needs a mapping: \`touchstone map-columns ${path} --out mapping.yaml\` proposes one; then --mapping mapping.yaml.`,
      'invalid',
    );
  }
  const ofObjects = flags.caseType ?? flags.withoutCase ?? flags.zone;
  if (ofObjects) throw new UsageError('--case-type, --without-case and --zone are for OCEL; --mapping is for tables.');
  const unfit = OF_LOGS.find((flag) => flags[flag] !== undefined);
  if (unfit) throw new UsageError(`With --mapping, --${unfit} stands in the mapping file: leave it out here.`);
  const mapping = await readFile(flags.mapping, 'utf8').catch((error: unknown) => {
    throw unreadable(flags.mapping!, error);
  });
  const { journeyType, source, asHistory } = flags;
  return { mapping, query: { journeyType, source, asHistory: asHistory ? 'true' : undefined } };
}

/** The name of the file without what says how it is written. */
export const journeyTypeOf = (path: string): string =>
  basename(path)
    .replace(/\.gz$/i, '')
    .replace(/\.(xes|xml|csv|tsv|tab|txt|sqlite3?|db|jsonocel|json)$/i, '');

function closesOf(closes: readonly string[] | undefined): readonly string[] | 'all' | undefined {
  if (!closes?.includes('all')) return closes;
  if (closes.length > 1) throw new UsageError('--closes all stands alone: leave out the activities, or "all".');
  return 'all';
}

async function kindsOf(path: string): Promise<Record<string, string>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const { parse } = await import('yaml');
  let kinds: unknown;
  try {
    // JSON is YAML.
    kinds = parse(text);
  } catch (error) {
    throw invalidMap(path, `it is neither YAML nor JSON (${(error as Error).message.split('\n')[0]})`);
  }
  if (kinds === null || typeof kinds !== 'object' || Array.isArray(kinds)) {
    throw invalidMap(path, 'it must be an object from activity to kind, such as "Crew on site: crew.arrived"');
  }
  for (const [activity, kind] of Object.entries(kinds)) {
    if (typeof kind !== 'string') throw invalidMap(path, `"${activity}" must name the id of a kind`);
  }
  return kinds as Record<string, string>;
}

const invalidMap = (path: string, what: string): TouchstoneError =>
  new TouchstoneError('MAP_INVALID', `${path} cannot be used as a map: ${what}.`, 'invalid');
