/** How long a server may take over what it is asked, and what becomes of a connection that it leaves without an answer. */
import type { Socket } from 'node:net';
import type pg from 'pg';
import type { Limits, WireFault } from './sync-postgres.wire.js';

/** A connection whose server another connection can be made to. */
export interface Reachable {
  readonly client: pg.Client;
  readonly url: string;
  readonly limits: Pick<Limits, 'connectMs'>;
}

/** A connection that can be broken off from this side. */
export interface Breakable extends Reachable {
  readonly limits: Limits;
  /** Why it was broken off: whatever was under way on it fails for this. */
  brokenOff: WireFault | null;
}

/** What the server's own limit may be late by, before the connection is given up. ms */
const GRACE_MS = 500;
/** How long an ended connection may take to end. ms */
const GOODBYE_MS = 1_000;
/** Looks in a row that nobody answered, before a server is held to be gone. */
const LOOKS = 2;

/**
 * Waits for what was asked. Beyond its time the connection is broken off, so that it fails; without a time of its own it may
 * take for ever as long as the server answers others.
 */
export async function within<R>(connection: Breakable, limitMs: number | null, work: () => Promise<R>): Promise<R> {
  let isOver = false;
  const timer =
    limitMs === null
      ? setTimeout(() => void lookAfter(connection, () => isOver), connection.limits.lookAfterMs)
      : setTimeout(() => breakOff(connection, `no answer for ${limitMs} ms`), limitMs + GRACE_MS);
  try {
    return await work();
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

async function lookAfter(connection: Breakable, isOver: () => boolean): Promise<void> {
  const { connectMs, lookAfterMs } = connection.limits;
  for (let failed = 0; !isOver();) {
    failed = (await isThere(connection)) ? 0 : failed + 1;
    if (isOver()) return;
    if (failed === LOOKS) return breakOff(connection, `no answer to anybody for ${LOOKS * connectMs} ms`);
    if (failed === 0) await new Promise((resolve) => setTimeout(resolve, lookAfterMs));
  }
}

/** From a connection of its own: the one that is busy does not listen. Whatever the server says, it is there. */
const isThere = (connection: Breakable): Promise<boolean> =>
  beside(connection, (other) => other.query('select 1')).then(
    () => true,
    (error: unknown) => /^[0-9A-Z]{5}$/.test(String((error as { code?: unknown }).code)),
  );

/** Has the server end what is under way, from a connection of its own: the one that is busy does not listen. */
export async function cancel(connection: Reachable): Promise<void> {
  const pid = (connection.client as unknown as { processID?: number }).processID;
  if (pid === undefined) return;
  // Where it does not arrive, the connection is broken off in a while.
  await beside(connection, (other) => other.query('select pg_cancel_backend($1)', [pid])).catch(() => undefined);
}

async function beside(connection: Reachable, work: (other: pg.Client) => Promise<unknown>): Promise<void> {
  const { connectMs } = connection.limits;
  const { default: driver } = await import('pg');
  const other = new driver.Client({
    connectionString: connection.url,
    connectionTimeoutMillis: connectMs,
    query_timeout: connectMs,
  });
  other.on('error', () => undefined);
  try {
    await other.connect();
    await work(other);
  } finally {
    void goodbye(other);
  }
}

/** What waits for an answer on it fails, at once, and nothing more goes out on it. */
export function breakOff(connection: Breakable, why: string): void {
  connection.brokenOff ??= { code: 'ETIMEDOUT', message: why };
  socketOf(connection.client).destroy();
}

/** Ends a connection; where the server does not take notice, without it. */
export async function goodbye(client: pg.Client): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, GOODBYE_MS)));
  await Promise.race([client.end().catch(() => undefined), late]);
  clearTimeout(timer);
  socketOf(client).destroy();
}

export const socketOf = (client: pg.Client): Socket =>
  (client as unknown as { connection: { stream: Socket } }).connection.stream;
