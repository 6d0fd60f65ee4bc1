import { TouchstoneError } from '@touchstone/eventing';
import { checkedOptions, type XesMappingOptions } from './xes-options.js';

/** What becomes of an event that relates to no object of the types that are journeys. */
export const WITHOUT_CASE = ['leave-out', 'quarantine', 'own-journey'] as const;
export type WithoutCase = (typeof WITHOUT_CASE)[number];

/**
 * How an OCEL log becomes journeys. `customer`, `unit`, `staff` and `channel` name attributes of events; `customer` may
 * also name an object type.
 */
export interface OcelMappingOptions extends Omit<XesMappingOptions, 'activity'> {
  /**
   * Object types whose objects are the journeys. An event is of the journeys of the first of these types that it has
   * objects of: one touchpoint in each, with a common `factId`.
   */
  readonly caseTypes: readonly string[];
  /** Default `leave-out`, which the report names. */
  readonly withoutCase?: WithoutCase;
  /** Offset of times that name none, such as `+08:00`; default `Z`. */
  readonly zone?: string;
}

const OFFSET = /^(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;

/**
 * Checks options as they come from a command line or a request.
 * @throws OPTION_INVALID, OPTION_UNKNOWN, OPTION_CONFLICT
 */
export function checkedOcelOptions(given: unknown): OcelMappingOptions {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw invalid('The options must be a JSON object with at least journeyType and caseTypes.');
  }
  const { caseTypes, withoutCase, zone, ...rest } = given as Record<string, unknown>;
  if (rest['activity'] !== undefined)
    throw invalid('activity is for XES: in OCEL the type of an event is its activity.');
  if (!Array.isArray(caseTypes) || caseTypes.length === 0 || caseTypes.length > 100) {
    throw invalid('caseTypes must name the object types whose objects are the journeys, 1 to 100 of them.');
  }
  for (const type of caseTypes)
    if (typeof type !== 'string' || type === '') throw invalid('caseTypes has an empty name.');
  if (withoutCase !== undefined && !(WITHOUT_CASE as readonly unknown[]).includes(withoutCase)) {
    throw invalid(`withoutCase must be one of ${WITHOUT_CASE.join(', ')}.`);
  }
  if (zone !== undefined && !(typeof zone === 'string' && OFFSET.test(zone))) {
    throw invalid('zone must be Z or an offset such as +08:00.');
  }
  return {
    ...checkedOptions(rest),
    caseTypes: caseTypes as string[],
    ...(withoutCase !== undefined && { withoutCase: withoutCase as WithoutCase }),
    ...(zone !== undefined && { zone }),
  };
}

const invalid = (message: string): TouchstoneError => new TouchstoneError('OPTION_INVALID', message, 'invalid');
