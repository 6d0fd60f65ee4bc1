import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inspectLogFile, inspectLogServer, postgresAddress, readLogCard } from '@touchstone/eventing';
import { likeness, LOG_OF_STORE, type LogIdentity } from '@touchstone/readmodel';
import { fail, note, ok, reasonOf, warn, type Finding } from './doctor-findings.js';
import { duration } from './text.js';

/** How a log is told from every other; undefined: it does not answer, which is found elsewhere; null: it has no event. */
export async function logIdentity(url: string | undefined, data: string): Promise<LogIdentity | null | undefined> {
  const file = join(data, 'log.db');
  try {
    if (!url && !existsSync(file)) return undefined;
    const facts = url ? await inspectLogServer(url, PATIENCE_MS) : inspectLogFile(file, { integrity: false });
    const { firstEvent, firstPosition } = facts;
    if (firstEvent === null || firstPosition === null) return null;
    return { engine: url ? 'eventstoredb' : 'sqlite', firstEvent, firstPosition };
  } catch {
    return undefined;
  }
}

/** Whether the read models are those of the log. */
export function logOfStoreFindings(known: LogIdentity | null, log: LogIdentity | null | undefined): Finding[] {
  if (known === null || log === undefined) return [];
  switch (likeness(known, log)) {
    case 'same':
      return [ok('READ_STORE_LOG', 'It belongs to this event log.')];
    case 'copy':
      return [warn('READ_STORE_OF_OTHER_LOG', 'Its read models were made from another copy of this event log: a start makes them anew, once every process with the former one has been stopped.')]; // prettier-ignore
    case 'other':
      return [fail('READ_STORE_OF_OTHER_LOG', `It was made from another event log (${known.engine}, first event ${known.firstEvent}), and a start is refused: name that log, or another schema in READ_STORE_URL.`)]; // prettier-ignore
  }
}

/** How long a server may take to answer, in ms. */
const PATIENCE_MS = 3_000;
/** Clocks that differ by more put recorded times out of order where several machines write. */
const SKEW_MS = 2_000;
/** Tried with; what is older was not. */
const OLDEST_POSTGRES = 150_000;

/** The EventStoreDB that EVENT_LOG_URL names: reachable, which version, which clock, and is it the right log. */
export async function logServerFindings(url: string, data: string): Promise<Finding[]> {
  let shown: string, firstEvent: string | null;
  try {
    ({ shown, firstEvent } = await inspectLogServer(url, PATIENCE_MS));
  } catch (error) {
    return [fail('EVENT_LOG', `EVENT_LOG_URL: ${reasonOf(error)}`)];
  }
  const found = [ok('EVENT_LOG', `${shown} answers; its first event is ${firstEvent ?? 'still to come'}.`)];
  const card = existsSync(data) ? readLogCard(data) : null;
  if (card !== null && card.firstEvent !== null && card.firstEvent !== firstEvent) {
    found.push(
      fail('EVENT_LOG_OTHER', `The log at EVENT_LOG_URL is not the one that ${data} belongs to (first event ${card.firstEvent}): name that one, or another data directory.`), // prettier-ignore
    );
  }
  return [...found, ...(await infoFindings(url))];
}

/** Every node tells of itself over HTTP on the same port; one whose certificate is not trusted here does not. */
async function infoFindings(url: string): Promise<Finding[]> {
  const [, host = ''] = /^[^:]+:\/\/(?:[^@/]*@)?([^,/?]+)/.exec(url.trim()) ?? [];
  const scheme = /[?&]tls=false/i.test(url) ? 'http' : 'https';
  try {
    const sent = Date.now();
    const address = `${scheme}://${host.includes(':') ? host : `${host}:2113`}/info`;
    const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const { esVersion, dbVersion, state } = (await answer.json()) as Record<string, string | undefined>;
    const version = dbVersion ?? esVersion ?? 'of an unknown version';
    const found = [ok('EVENT_LOG_VERSION', `The server is ${version}${state ? ` (${state})` : ''}; 24.2 was tried.`)];
    const date = answer.headers.get('date');
    return date === null
      ? found
      : [...found, skewFinding('EVENT_LOG_CLOCK', Date.parse(date), sent, Date.now(), 1_000)];
  } catch {
    return [note('EVENT_LOG_VERSION', 'The server does not tell its version over HTTP to this machine.')];
  }
}

/** Whether a clock that was read between two moments of ours agrees with it; `grain`: how finely it tells the time. */
export function skewFinding(code: string, theirs: number, sent: number, received: number, grain: number): Finding {
  const skew = theirs > received ? theirs - received : theirs + grain < sent ? sent - theirs - grain : 0;
  if (skew <= SKEW_MS) return ok(code, 'Its clock and that of this machine agree.');
  return warn(code, `Its clock and that of this machine are ${duration(skew)} apart: let both follow a time server.`);
}

/** What a PostgreSQL says of itself. */
export interface PostgresFacts {
  readonly version: string;
  readonly number: number;
  readonly encoding: string;
  readonly collation: string;
  /** The rules of the collation as of when the database was made, and as the system has them now. */
  readonly collationMade: string | null;
  readonly collationNow: string | null;
  readonly now: number;
  readonly connections: number;
  readonly maxConnections: number;
  readonly isStandby: boolean;
  /** Null: the table is not there. */
  readonly leases: readonly LeaseFacts[] | null;
}

export interface LeaseFacts {
  readonly name: string;
  readonly holder: string;
  readonly isCurrent: boolean;
}

/** What PostgreSQL says, judged. */
export function postgresFindings(facts: PostgresFacts, sent: number, received: number): Finding[] {
  const found = [
    facts.number >= OLDEST_POSTGRES
      ? ok('READ_STORE', `PostgreSQL ${facts.version} answers.`)
      : fail('READ_STORE', `PostgreSQL ${facts.version} is older than 15: take a newer one.`),
  ];
  if (facts.encoding !== 'UTF8')
    found.push(fail('READ_STORE_ENCODING', `The database is in ${facts.encoding} and cannot hold every name: create it anew with ENCODING 'UTF8'.`)); // prettier-ignore
  if (facts.collationMade !== facts.collationNow)
    found.push(warn('READ_STORE_COLLATION', `The rules of the collation ${facts.collation} have changed under the database (${facts.collationMade} to ${facts.collationNow}): REINDEX it, then ALTER DATABASE … REFRESH COLLATION VERSION.`)); // prettier-ignore
  else found.push(ok('READ_STORE_COLLATION', `Encoding ${facts.encoding}, collation ${facts.collation}; what has to sort as the log does says COLLATE "C" itself.`)); // prettier-ignore
  if (facts.isStandby) found.push(fail('READ_STORE_STANDBY', 'It is a standby and takes no writes: name the primary.'));
  if (facts.connections > 0.9 * facts.maxConnections)
    found.push(warn('READ_STORE_CONNECTIONS', `${facts.connections} of ${facts.maxConnections} connections are taken: raise max_connections, or look who keeps them.`)); // prettier-ignore
  found.push(skewFinding('READ_STORE_CLOCK', facts.now, sent, received, 0));
  return [...found, ...(facts.leases === null ? [] : leaseFindings(facts.leases))];
}

export function leaseFindings(leases: readonly LeaseFacts[]): Finding[] {
  return leases.map(
    ({ name, holder, isCurrent }) =>
    isCurrent
      ? ok('LEASE', `${name} is held by ${holder}.`)
      : warn('LEASE_FREE', `${name} was last held by ${holder} and is held by nobody: start a process with that role, or look why it does not take it.`), // prettier-ignore
  );
}

const FACTS = `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
  pg_encoding_to_char(encoding) as encoding, datcollate as collation, datcollversion as "collationMade",
  pg_database_collation_actual_version(oid) as "collationNow",
  extract(epoch from clock_timestamp())::float8 * 1000 as now,
  (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
  current_setting('max_connections')::int as "maxConnections", pg_is_in_recovery() as "isStandby",
  to_regclass($1) is not null as "hasLeases", to_regclass($2) is not null as "hasLog"
  from pg_database where datname = current_database()`;
const leasesIn = (schema: string): string =>
  `select name, holder, expires_at > clock_timestamp() as "isCurrent" from ${schema}.lease order by name`;

interface Asked extends PostgresFacts {
  readonly hasLeases: boolean;
  readonly hasLog: boolean;
}

/** The PostgreSQL that READ_STORE_URL names; `log`: see `logIdentity`. */
export async function readStoreFindings(url: string, log?: LogIdentity | null): Promise<Finding[]> {
  // Loaded late: most houses have none.
  const { default: pg } = await import('pg');
  let client: InstanceType<typeof pg.Client> | null = null;
  try {
    const { connectionString, schema } = postgresAddress(url);
    client = new pg.Client({ connectionString, connectionTimeoutMillis: PATIENCE_MS, query_timeout: PATIENCE_MS });
    // A connection that breaks while nobody asks is told where nobody listens.
    client.on('error', () => undefined);
    await client.connect();
    const sent = Date.now();
    const { rows } = await client.query<Asked>(FACTS, [`${schema}.lease`, `${schema}.event_log`]);
    const received = Date.now();
    const [{ hasLeases, hasLog, ...facts }] = rows as [Asked];
    const leases = hasLeases ? (await client.query<LeaseFacts>(leasesIn(schema))).rows : null;
    const known = hasLog ? (await client.query<LogIdentity>(LOG_OF_STORE(schema))).rows[0] : null;
    return [...postgresFindings({ ...facts, leases }, sent, received), ...logOfStoreFindings(known ?? null, log)];
  } catch (error) {
    return [fail('READ_STORE', `READ_STORE_URL does not answer (${reasonOf(error)}): check the address, and that the server runs.`)]; // prettier-ignore
  } finally {
    await client?.end().catch(() => undefined);
  }
}
