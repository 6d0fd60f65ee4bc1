/** What PostgreSQL's driver says, in our values. */
import type pg from 'pg';
import { storedText } from './sync-postgres.text.js';
import type { SqlValue, WireFault } from './sync-postgres.wire.js';

export function faultOf(error: unknown): WireFault {
  const { message, code, detail, errors } = error as Error & { code?: string; detail?: string; errors?: Error[] };
  // Refused on every address of a name: the first one says enough.
  const first = errors?.[0] as (Error & { code?: string }) | undefined;
  return { message: message || first?.message || String(error), code: code ?? first?.code ?? 'UNKNOWN', detail };
}

const number = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond 2^53 - 1.`);
  return value;
};

const PARSERS: Readonly<Record<number, (text: string) => SqlValue>> = {
  16: (text) => (text === 't' ? 1 : 0),
  17: (text) => Buffer.from(text.slice(2), 'hex'),
  20: number,
  21: number,
  23: number,
  26: number,
  700: Number,
  701: Number,
  1700: number,
};

/** How the driver reads columns. */
export const TYPES = {
  getTypeParser: (oid: number) => PARSERS[oid] ?? storedText.read,
} as unknown as pg.CustomTypesConfig;
