import { TouchstoneError } from '@touchstone/eventing/pure';
import {
  Fault,
  instant,
  integer,
  logAddress,
  loopback,
  oneOf,
  path,
  storeAddress,
  timeZone,
} from './setting-values.js';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/**
 * What a process does. `api`: GraphQL, events and files in and out. `projector`: keeps the read models, and sees to what
 * follows from events. `clock`: decides what time decides. `delivery`: the event feeds.
 */
export const ROLES = ['api', 'projector', 'clock', 'delivery'] as const;
export type Role = (typeof ROLES)[number];

/** What a process of Touchstone is told from outside. Every value has been checked. */
export interface Config {
  /** Directory of the log, the keys and the read models; one process owns it at a time. */
  readonly dataDir: string;
  /** Address of the EventStoreDB that is the event log, with its credentials; absent: the log is in the data directory. */
  readonly eventLogUrl?: string;
  /** Address of the PostgreSQL that holds read models and what processes share; absent: they are in the data directory. */
  readonly readStoreUrl?: string;
  /** What this process does; all of it unless told otherwise. */
  readonly roles: readonly Role[];
  /** 0 lets the system choose a free one. */
  readonly port: number;
  /** A loopback address. */
  readonly host: string;
  /** The clock starts at this instant and runs on from there; absent: the system's time. */
  readonly clockAt?: string;
  /** IANA name of the zone in which figures have their days, such as `Asia/Shanghai`. */
  readonly timeZone: string;
  /** More history is to be loaded: what rules derive waits until a process starts without this. */
  readonly historyOpen: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** What the threads that answer queries keep from one to the next, together. */
  readonly readMemoryMb: number;
  /** Worker threads that answer queries. */
  readonly readWorkers: number;
  /** Fields below one another in a GraphQL operation, at most. */
  readonly graphqlMaxDepth: number;
  /** Fields that a GraphQL operation may ask for, lists counted by their `first`, at most. */
  readonly graphqlMaxCost: number;
  /** Milliseconds a read model may be behind the log while the server still calls itself ready. */
  readonly readyMaxLagMs: number;
  /** From how many milliseconds on a read of the read models is told of in the log; 0: never. */
  readonly slowQueryMs: number;
  /** Milliseconds that requests under way are given at a stop. */
  readonly shutdownMs: number;
  /** Subscribers that may read the event feed at the same time. */
  readonly feedMaxOpen: number;
  /** Milliseconds for which a subscriber may take nothing before it is cut off. */
  readonly feedSlowMs: number;
  /** Milliseconds between two pings of a GraphQL socket; one that answers none of them in that time is closed. */
  readonly socketPingMs: number;
  /** Streams of lines that may bring events at the same time. */
  readonly intakeMaxStreams: number;
  /** Milliseconds for which a request that brings events may be silent, with nothing owed to it, before it is ended. */
  readonly intakeIdleMs: number;
}

type Key = keyof Config;

/** One setting: its environment variable, its flag, its default and its check. */
interface Setting<K extends Key = Key> {
  readonly key: K;
  readonly variable: string;
  readonly flag: string;
  readonly value: string;
  readonly fallback?: string;
  readonly about: string;
  /** May hold a password: it is never repeated. */
  readonly isSecret?: boolean;
  parse(text: string): Config[K];
}

const setting = <K extends Key>(of: Setting<K>): Setting => of as unknown as Setting;

/** In the order of `ROLES`, so that two ways to write it are one setting. */
const roles = (text: string): readonly Role[] => {
  const given = text.split(',').map((name) => name.trim());
  const unknown = given.find((name) => !ROLES.some((role) => role === name));
  if (unknown !== undefined) throw new Fault(`must name roles out of ${ROLES.join(',')}`);
  if (new Set(given).size < given.length) throw new Fault('must name each role once');
  return ROLES.filter((role) => given.includes(role));
};

const SETTINGS: readonly Setting[] = [
  setting({
    key: 'dataDir',
    variable: 'DATA_DIR',
    flag: 'data',
    value: 'DIR',
    fallback: './data',
    about: 'data directory',
    parse: path,
  }),
  setting({
    key: 'eventLogUrl',
    variable: 'EVENT_LOG_URL',
    flag: 'event-log',
    value: 'URL',
    about: 'esdb://… of the EventStoreDB to keep events in (default: in the data directory)',
    isSecret: true,
    parse: logAddress,
  }),
  setting({
    key: 'readStoreUrl',
    variable: 'READ_STORE_URL',
    flag: 'read-store',
    value: 'URL',
    about: 'postgres://… to keep read models and keys in (default: in the data directory)',
    isSecret: true,
    parse: storeAddress,
  }),
  setting({
    key: 'roles',
    variable: 'ROLES',
    flag: 'roles',
    value: 'LIST',
    fallback: ROLES.join(','),
    about: 'what this process does; fewer than all need --event-log and --read-store',
    parse: roles,
  }),
  setting({
    key: 'port',
    variable: 'PORT',
    flag: 'port',
    value: 'N',
    fallback: '4000',
    about: 'port; 0 chooses a free one',
    parse: integer(0, 65_535),
  }),
  setting({
    key: 'host',
    variable: 'HOST',
    flag: 'host',
    value: 'ADDRESS',
    fallback: '127.0.0.1',
    about: 'loopback address to listen on',
    parse: loopback,
  }),
  setting({
    key: 'clockAt',
    variable: 'CLOCK_AT',
    flag: 'clock-at',
    value: 'INSTANT',
    about: 'start the clock at this instant instead of now',
    parse: instant,
  }),
  setting({
    key: 'timeZone',
    variable: 'TIME_ZONE',
    flag: 'time-zone',
    value: 'ZONE',
    fallback: 'UTC',
    about: 'IANA zone of the days of figures; another one is counted anew',
    parse: timeZone,
  }),
  setting({
    key: 'historyOpen',
    variable: 'HISTORY_OPEN',
    flag: 'history-open',
    value: 'BOOLEAN',
    fallback: 'false',
    about: 'true: more history is to be loaded, so the rules of moments wait',
    parse: (text) => oneOf(['true', 'false'])(text) === 'true',
  }),
  setting({
    key: 'logLevel',
    variable: 'LOG_LEVEL',
    flag: 'log-level',
    value: 'LEVEL',
    fallback: 'info',
    about: LOG_LEVELS.join(', '),
    parse: oneOf(LOG_LEVELS),
  }),
  setting({
    key: 'logFormat',
    variable: 'LOG_FORMAT',
    flag: 'log-format',
    value: 'FORMAT',
    fallback: 'text',
    about: LOG_FORMATS.join(', '),
    parse: oneOf(LOG_FORMATS),
  }),
  setting({
    key: 'readWorkers',
    variable: 'READ_WORKERS',
    flag: 'read-workers',
    value: 'N',
    fallback: '2',
    about: 'threads that answer queries',
    parse: integer(1, 64),
  }),
  setting({
    key: 'readMemoryMb',
    variable: 'READ_MEMORY_MB',
    flag: 'read-memory-mb',
    value: 'MB',
    fallback: '200',
    about: 'what these threads together keep of journeys, so that maps need not read them again; 0: nothing',
    parse: integer(0, 65_536),
  }),
  setting({
    key: 'graphqlMaxDepth',
    variable: 'GRAPHQL_MAX_DEPTH',
    flag: 'graphql-max-depth',
    value: 'N',
    fallback: '12',
    about: 'fields below one another in an operation',
    parse: integer(3, 100),
  }),
  setting({
    key: 'graphqlMaxCost',
    variable: 'GRAPHQL_MAX_COST',
    flag: 'graphql-max-cost',
    value: 'N',
    fallback: '100000',
    about: 'fields an operation may ask for, lists counted by their "first"',
    parse: integer(100, 100_000_000),
  }),
  setting({
    key: 'readyMaxLagMs',
    variable: 'READY_MAX_LAG_MS',
    flag: 'ready-max-lag-ms',
    value: 'MS',
    fallback: '10000',
    about: 'how long a read model may be behind while /health/ready says yes',
    parse: integer(0, 86_400_000),
  }),
  setting({
    key: 'slowQueryMs',
    variable: 'SLOW_QUERY_MS',
    flag: 'slow-query-ms',
    value: 'MS',
    fallback: '1000',
    about: 'from when on a read is logged as slow; 0: never',
    parse: integer(0, 600_000),
  }),
  setting({
    key: 'shutdownMs',
    variable: 'SHUTDOWN_MS',
    flag: 'shutdown-ms',
    value: 'MS',
    fallback: '10000',
    about: 'time for requests under way at a stop',
    parse: integer(0, 600_000),
  }),
  setting({
    key: 'feedMaxOpen',
    variable: 'FEED_MAX_OPEN',
    flag: 'feed-max-open',
    value: 'N',
    fallback: '100',
    about: 'subscribers of the event feed at the same time',
    parse: integer(1, 10_000),
  }),
  setting({
    key: 'feedSlowMs',
    variable: 'FEED_SLOW_MS',
    flag: 'feed-slow-ms',
    value: 'MS',
    fallback: '30000',
    about: 'how long a subscriber may take nothing before it is cut off',
    parse: integer(100, 600_000),
  }),
  setting({
    key: 'socketPingMs',
    variable: 'SOCKET_PING_MS',
    flag: 'socket-ping-ms',
    value: 'MS',
    fallback: '15000',
    about: 'time between pings of a GraphQL subscription; who answers none is cut off',
    parse: integer(50, 600_000),
  }),
  setting({
    key: 'intakeMaxStreams',
    variable: 'INTAKE_MAX_STREAMS',
    flag: 'intake-max-streams',
    value: 'N',
    fallback: '256',
    about: 'streams that may bring events at the same time',
    parse: integer(1, 10_000),
  }),
  setting({
    key: 'intakeIdleMs',
    variable: 'INTAKE_IDLE_MS',
    flag: 'intake-idle-ms',
    value: 'MS',
    fallback: '60000',
    about: 'how long a request that brings events may be silent before it is ended',
    parse: integer(100, 86_400_000),
  }),
];

/** The flags of a command line, for `parseArgs` of `node:util`. */
export const configFlags = Object.fromEntries(SETTINGS.map((s) => [s.flag, { type: 'string' as const }]));

/** One line per setting: flag, variable, meaning, default. */
export function describeSettings(): string {
  return SETTINGS.map((s) => {
    const fallback = s.fallback === undefined ? '' : ` (default ${s.fallback})`;
    return `  ${`--${s.flag} ${s.value}`.padEnd(24)}${s.variable.padEnd(20)}${s.about}${fallback}`;
  }).join('\n');
}

/**
 * The configuration: a flag wins over its environment variable, that over the default. An empty variable counts as not
 * given.
 * @throws ADDRESS_NOT_LOOPBACK for an address that others can reach; CONFIG_INVALID naming every setting to mend;
 *   ROLES_NEED_SHARED_LOG, ROLES_NEED_READ_STORE where others could not do what this process is not to do
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, unknown>> = {},
): Config {
  const config: Partial<Record<Key, unknown>> = {};
  const faults: string[] = [];
  for (const { key, flag, variable, fallback, isSecret, parse } of SETTINGS) {
    const given = flags[flag];
    const fromFlag = typeof given === 'string';
    const text = fromFlag ? given : env[variable] || fallback;
    if (text === undefined) continue;
    try {
      config[key] = parse(text);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const got = isSecret ? '' : `; got "${text}"`;
      faults.push(`${fromFlag ? `--${flag}` : variable} ${error.message.replace(/\.$/, '')}${got}`);
    }
  }
  if (faults.length > 0) {
    throw new TouchstoneError('CONFIG_INVALID', `Mend the settings: ${faults.join('. ')}.`, 'invalid', { faults });
  }
  const read = config as Record<Key, unknown> as unknown as Config;
  assertShareable(read);
  return read;
}

/** Work can only be left to other processes where these reach the same log and the same read models. */
function assertShareable({ roles, eventLogUrl, readStoreUrl }: Config): void {
  const missing = ROLES.filter((role) => !roles.includes(role));
  if (missing.length === 0) return;
  const left = `ROLES leaves ${missing.join(', ')} to other processes`;
  if (eventLogUrl === undefined) {
    throw new TouchstoneError(
      'ROLES_NEED_SHARED_LOG',
      `${left}, and none can reach the event log in this data directory: set EVENT_LOG_URL and READ_STORE_URL, or leave ROLES out.`,
      'invalid',
      { roles, missing },
    );
  }
  if (readStoreUrl === undefined) {
    throw new TouchstoneError(
      'ROLES_NEED_READ_STORE',
      `${left}, and none can reach the read models in this data directory: set READ_STORE_URL, or leave ROLES out.`,
      'invalid',
      { roles, missing },
    );
  }
}
