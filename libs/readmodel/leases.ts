import { fence } from './fence.js';
import type { SharedStore } from './shared-store.js';

/** How long a lease holds without being renewed; who is to take over finds out within this and `TRY_EVERY_MS`. */
export const LEASE_TTL_MS = 5_000;
/** How often others try to take a lease over. */
export const TRY_EVERY_MS = 500;
/** How long a change of holder waits for transactions that passed the fence before it has PostgreSQL end them. */
const PATIENCE_MS = 500;

/** Who does what only one process may do. */
export interface LeaseState {
  readonly name: string;
  readonly holder: string;
  readonly epoch: number;
  /** ISO 8601 UTC, by PostgreSQL's clock. */
  readonly acquiredAt: string;
  readonly expiresAt: string;
  readonly isCurrent: boolean;
}

/**
 * The leases in PostgreSQL, all times by its own clock. An epoch is given once and for all: it grows with every taking of
 * the lease, so that whoever has an older one can be told from the holder whatever it believes.
 */
export class Leases {
  constructor(
    private readonly store: SharedStore,
    readonly ttlMs = LEASE_TTL_MS,
  ) {}

  get holder(): string {
    return this.store.holder;
  }

  /** What stands in the way of asking for leases, or null. */
  get trouble(): string | null {
    return this.store.trouble;
  }

  /** Takes a lease that nobody holds. Null: somebody does. */
  async acquire(name: string): Promise<{ epoch: number } | null> {
    const held = await this.store.query('select from lease where name = $1 and expires_at > clock_timestamp()', [name]);
    if (held.length > 0) return null;
    try {
      return await this.take(name);
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
      // Its holder stands still in the middle of a transaction: until that is over, nobody else could begin.
      await this.store.query(END_FENCED(this.store.schema), [name]);
      return null;
    }
  }

  /** True: it holds for another `ttl` from before this was asked. False: it is lost for good, whoever has it now. */
  async renew(name: string, epoch: number): Promise<boolean> {
    const renewed = await this.store.query(
      `update lease set expires_at = clock_timestamp() + $4 * interval '1 ms'
       where name = $1 and epoch = $2 and holder = $3 and expires_at > clock_timestamp() returning epoch`,
      [name, epoch, this.holder, this.ttlMs],
    );
    return renewed.length > 0;
  }

  /** Gives it back, so that the next one need not wait. */
  async release(name: string, epoch: number): Promise<void> {
    await this.store.query(
      `update lease set expires_at = clock_timestamp() where name = $1 and epoch = $2 and expires_at > clock_timestamp()`,
      [name, epoch],
    );
  }

  async list(): Promise<LeaseState[]> {
    return this.store.query<LeaseState>(
      `select name, holder, epoch, ${iso('acquired_at')} as "acquiredAt", ${iso('expires_at')} as "expiresAt",
         expires_at > clock_timestamp() as "isCurrent" from lease order by name`,
    );
  }

  /** See `fence`. */
  fence(name: string, epoch: number): string {
    return fence(this.store.schema, name, epoch);
  }

  private async take(name: string): Promise<{ epoch: number } | null> {
    const [taken] = await this.store.query<{ epoch: number | null }>(
      `select ${this.store.schema}.take_lease($1, $2, $3, $4) as epoch`,
      [name, this.holder, this.ttlMs, PATIENCE_MS],
    );
    return taken?.epoch == null ? null : { epoch: taken.epoch };
  }
}

const LOCK_NOT_AVAILABLE = '55P03';
const iso = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Ends the sessions that are past the fence of a lease that has run out. */
const END_FENCED = (schema: string) => `
select pg_terminate_backend(l.pid) from pg_locks l
where l.locktype = 'advisory' and l.granted and l.mode = 'ShareLock' and l.objsubid = 2 and l.pid <> pg_backend_pid()
  and l.database = (select oid from pg_database where datname = current_database())
  and l.classid = (hashtext('${schema}.lease')::bigint & 4294967295)::oid
  and l.objid = (hashtext($1)::bigint & 4294967295)::oid
  and not exists (select from lease where name = $1 and expires_at > clock_timestamp())`;
