import { isInstant, TouchstoneError } from '@touchstone/eventing';
import type { JourneyFilter } from '@touchstone/journeys';
import type { AsOfInput } from '@touchstone/readmodel';

/** What is exported: the journeys of a filter, as known at a place in the log. */
export interface ExportOptions {
  readonly filter: JourneyFilter;
  readonly asOf?: AsOfInput;
}

const FILTER = ['journeyType', 'customerId', 'segment', 'unit', 'channel', 'status', 'from', 'to', 'window'] as const;
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  status: ['OPEN', 'PAUSED', 'CLOSED'],
  window: ['OPENED', 'TOUCHES'],
};
const POSITION = /^[0-9a-f]{16,64}$/;

/**
 * Reads the parameters of an address. `asOf` is a position, or an instant with its zone.
 * @param also further names that the route knows
 * @throws OPTION_UNKNOWN, OPTION_INVALID
 */
export function exportOptionsOf(query: Readonly<Record<string, unknown>>, also: readonly string[] = []): ExportOptions {
  const known: readonly string[] = [...FILTER, 'asOf', ...also];
  for (const [name, value] of Object.entries(query)) {
    if (!known.includes(name)) {
      const message = `There is no export option "${name}"; known are ${known.join(', ')}.`;
      throw new TouchstoneError('OPTION_UNKNOWN', message, 'invalid');
    }
    if (typeof value !== 'string' || value === '') throw invalid(`Give ${name} once, with a value.`);
    const choices = CHOICES[name];
    if (choices && !choices.includes(value)) throw invalid(`${name} must be one of ${choices.join(', ')}.`);
  }
  for (const end of ['from', 'to'] as const) {
    const text = query[end];
    if (text !== undefined && !isInstant(text as string)) {
      throw invalid(`${end} must be a date and time with a zone offset, such as 2024-05-01T08:00:00+08:00.`);
    }
  }
  const filter = Object.fromEntries(FILTER.flatMap((name) => (query[name] === undefined ? [] : [[name, query[name]]])));
  const asOf = query['asOf'] as string | undefined;
  return { filter: filter as JourneyFilter, ...(asOf !== undefined && { asOf: asOfOf(asOf) }) };
}

/** One of some values, the first of them where nothing is said. @throws OPTION_INVALID */
export function oneOf<const T extends string>(
  query: Readonly<Record<string, unknown>>,
  name: string,
  values: readonly [T, ...T[]],
): T {
  const value = query[name] ?? values[0];
  if ((values as readonly unknown[]).includes(value)) return value as T;
  throw invalid(`${name} must be one of ${values.join(', ')}.`);
}

function asOfOf(text: string): AsOfInput {
  if (isInstant(text)) return { instant: text };
  if (POSITION.test(text)) return { position: text };
  throw invalid('asOf must be a position as an answer carried it, or a date and time with a zone offset.');
}

const invalid = (message: string): TouchstoneError => new TouchstoneError('OPTION_INVALID', message, 'invalid');
