import { TouchstoneError } from './errors.js';

/** Where an EventStoreDB is: what the client is given, and what people may be shown. */
export interface EsdbAddress {
  /** For the client; may hold a password. */
  readonly connectionString: string;
  /** The same without credentials. */
  readonly shown: string;
  /** Appends and reads ask the leader for what was just written; not where the address prefers other nodes. */
  readonly requiresLeader: boolean;
}

/** The client knows only the first name; KurrentDB is the product's new one. */
const SCHEMES = new Map([
  ['esdb', 'esdb'],
  ['esdb+discover', 'esdb+discover'],
  ['kurrentdb', 'esdb'],
  ['kurrentdb+discover', 'esdb+discover'],
]);

/**
 * Looking for the leader is given up by our own time-outs: the client's own giving up is a rejection that nobody can
 * catch while another call of it fails.
 */
const DISCOVER_WITHOUT_END = 'maxDiscoverAttempts=1000000000';

/** Credentials, hosts with their ports, perhaps a path of "/", options. */
const SHAPE = /^([a-z+]+):\/\/(?:([^@/?]*)@)?([^@/?]+)\/?(?:\?(.*))?$/i;

/**
 * Reads an address such as `esdb://admin:secret@node1:2113,node2:2113?tls=true` or `kurrentdb://…`. Credentials stand
 * here and nowhere else: given call by call, they would turn the fast way of appending into a slow one.
 * @throws LOG_ADDRESS_INVALID, without repeating what may be a password
 */
export function esdbAddress(text: string): EsdbAddress {
  const [, given = '', credentials, hosts = '', query = ''] = SHAPE.exec(text.trim()) ?? [];
  const scheme = SCHEMES.get(given.toLowerCase());
  if (scheme === undefined) throw invalid('it does not begin with esdb:// or kurrentdb://, or names no host');
  if (credentials !== undefined && !/^[^:]+:.+$/.test(credentials)) {
    throw invalid('its credentials are not user:password, with "@", ":", "/" and "?" in them percent-encoded');
  }
  for (const host of hosts.split(',')) if (!isHost(host)) throw invalid(`"${host}" is no host, or host:port`);
  const options = new Map(query.split('&').filter(Boolean).map(option));
  // It would answer a conflict as if it were a success.
  options.delete('throwonappendfailure');
  if (!options.has('maxdiscoverattempts')) options.set('maxdiscoverattempts', DISCOVER_WITHOUT_END);
  const preference = options.get('nodepreference')?.split('=')[1]?.toLowerCase();
  const tail = `${hosts}?${[...options.values()].join('&')}`;
  return {
    connectionString: `${scheme}://${credentials === undefined ? '' : `${credentials}@`}${tail}`,
    shown: `${scheme}://${hosts}`,
    requiresLeader: preference === undefined || preference === 'leader',
  };
}

/** True for what `esdbAddress` is to read, whether or not it will find it in order. */
export const isEsdbAddress = (text: string): boolean => /^(esdb|kurrentdb)(\+discover)?:\/\//i.test(text.trim());

function option(text: string): [string, string] {
  const [name = '', value = ''] = text.split('=');
  if (name === '' || value === '') throw invalid(`its option "${name}" has no value`);
  return [name.trim().toLowerCase().replace(/[_-]/g, ''), text];
}

function isHost(text: string): boolean {
  const [name = '', port = '2113', ...rest] = text.trim().split(':');
  return rest.length === 0 && /^[a-z0-9._-]+$/i.test(name) && /^\d+$/.test(port) && Number(port) <= 65_535;
}

const invalid = (why: string): TouchstoneError =>
  new TouchstoneError(
    'LOG_ADDRESS_INVALID',
    `The address of the event log cannot be used: ${why}. Write it like esdb://user:password@host:2113?tls=true.`,
    'invalid',
  );
