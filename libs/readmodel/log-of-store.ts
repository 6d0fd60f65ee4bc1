/** Which event log a PostgreSQL's read models and places were made from: positions of another one would mean something else. */
import { TouchstoneError, type Position } from '@touchstone/eventing/pure';
import { quoted } from './sqlite.js';
import type { Ask, SharedStore } from './shared-store.js';

/** What tells one log from every other, copies of the same events included: those have other positions. */
export interface LogIdentity {
  readonly engine: 'sqlite' | 'eventstoredb';
  readonly firstEvent: string;
  readonly firstPosition: Position;
}

/**
 * `same`: it is the log that they were made from, or nobody had said. `other`: another log altogether. `copy`: the same events
 * elsewhere, as `copy-log` leaves them.
 */
export type LogLikeness = 'same' | 'copy' | 'other';

/** Null, as long as the log has no event. */
export type LookAtLog = () => Promise<LogIdentity | null> | LogIdentity | null;

/** `log`: null, as long as it has no event. */
export function likeness(known: LogIdentity | null, log: LogIdentity | null): LogLikeness {
  if (known === null) return 'same';
  if (log === null || log.firstEvent !== known.firstEvent) return 'other';
  return log.engine === known.engine && log.firstPosition === known.firstPosition ? 'same' : 'copy';
}

/** What every process of a house shares for as long as it listens there: who has it alone knows that there are none. */
export const MEMBERS = (schema: string): string => `hashtext('${schema}.members'), 0`;

/** How long what passed a fence may take to end. ms */
const PATIENCE_MS = 5_000;

/** Has the log as columns of the same names. */
export const LOG_OF_STORE = (schema: string): string =>
  `select engine, first_event as "firstEvent", first_position as "firstPosition" from ${schema}.event_log`;

/**
 * The store is this log's from now on. Of a log that has moved what holds positions is removed, and made anew from it: all of it
 * or nothing. Call it before anything is written there.
 * @param look tells the log as it is then; asked once it is known what the store says, for others may begin an empty log
 *   in the same moment
 * @returns whether that was done
 * @throws READ_STORE_OF_OTHER_LOG (conflict), READ_STORE_UNREACHABLE
 */
export function belongTo(store: SharedStore, look: LookAtLog): Promise<boolean> {
  const { schema, shown } = store;
  return store.together(async (ask) => {
    // Those who start at the same moment come one after the other.
    await ask(`select pg_advisory_xact_lock(hashtext('touchstone'), hashtext('${schema}'))`);
    const [known = null] = await ask<LogIdentity>(LOG_OF_STORE(schema));
    const log = await look();
    const found = likeness(known, log);
    if (found === 'other') throw ofOtherLog(`${shown}, schema ${schema}`, known!);
    if (found === 'copy') {
      await endTerms(ask, store);
      await forgetPlaces(ask, schema);
    }
    if (log === null) return false;
    await ask(
      `insert into event_log (engine, first_event, first_position, since) values ($1, $2, $3, clock_timestamp())
       on conflict (one) do update set engine = excluded.engine, first_event = excluded.first_event,
         first_position = excluded.first_position, since = excluded.since where $4`,
      [log.engine, log.firstEvent, log.firstPosition, found === 'copy'],
    );
    return found === 'copy';
  });
}

/** Nobody is there any more who still has the former log, and none of its holders writes there, frozen ones that thaw included. */
async function endTerms(ask: Ask, { schema, shown, holder }: SharedStore): Promise<void> {
  const where = `${shown}, schema ${schema}`;
  const [{ isAlone } = { isAlone: false }] = await ask<{ isAlone: boolean }>(
    `select pg_try_advisory_xact_lock(${MEMBERS(schema)}) as "isAlone"`,
  );
  const leases = await ask<{ name: string; holder: string; isCurrent: boolean }>(
    'select name, holder, expires_at > clock_timestamp() as "isCurrent" from lease order by name',
  );
  const current = leases.find(({ isCurrent }) => isCurrent);
  if (!isAlone || current) throw inUse(where, current?.holder);
  const take = `select ${schema}.take_lease($1, $2, 0, ${PATIENCE_MS}) as epoch`;
  for (const { name } of leases) {
    const [taken] = await ask<{ epoch: number | null }>(take, [name, holder]);
    if (taken?.epoch == null) throw inUse(where, name);
  }
}

/** As `copy-log --switch` does in a data directory. Numbers of generations are not given a second time. */
async function forgetPlaces(ask: Ask, schema: string): Promise<void> {
  const [{ hasGenerations } = { hasGenerations: false }] = await ask<{ hasGenerations: boolean }>(
    'select to_regclass($1) is not null as "hasGenerations"',
    [`${schema}.generation`],
  );
  if (hasGenerations) {
    const made = await ask<{ group: string; number: number }>(`select group_name as "group", number from generation`);
    for (const { group, number } of made) {
      await ask(`drop schema if exists ${quoted(`${schema}_${group.replaceAll('-', '_')}_${number}`)} cascade`);
    }
    await ask('delete from generation');
  }
  for (const table of ['projection_state', 'projection_request', 'policy_checkpoint', 'policy_state'])
    await ask(`delete from ${table}`);
}

const ofOtherLog = (where: string, { engine, firstEvent }: LogIdentity): TouchstoneError =>
  new TouchstoneError(
    'READ_STORE_OF_OTHER_LOG',
    `What is kept in ${where} was made from another event log (${engine}, first event ${firstEvent}). Name that log, or another schema in READ_STORE_URL.`,
    'conflict',
    { firstEvent },
  );

const inUse = (where: string, holder = 'other processes'): TouchstoneError =>
  new TouchstoneError(
    'READ_STORE_OF_OTHER_LOG',
    `${where} is in use by ${holder} with another copy of this log. Stop every process of the house first, and start it with this one: the read models are made anew then.`,
    'conflict',
    { holder },
  );
