import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * How far a policy has come in the log, in a file of its own. It is written beside and then moved, so that it is there
 * whole or not at all; a policy that finds none begins at the beginning, and decides nothing twice.
 */
export class PolicyCheckpoint {
  constructor(private readonly file: string) {}

  /** Undefined: there is none, or none that can be read. */
  async load(): Promise<string | undefined> {
    try {
      const { position } = JSON.parse(await readFile(this.file, 'utf8')) as { position?: unknown };
      return typeof position === 'string' && position !== '' ? position : undefined;
    } catch {
      return undefined;
    }
  }

  async save(position: string): Promise<void> {
    await mkdir(dirname(this.file), { recursive: true });
    const fresh = `${this.file}.new`;
    await writeFile(fresh, JSON.stringify({ position }));
    await rename(fresh, this.file);
  }
}

/** What runs a statement with `$1`, `$2` … in a transaction of its own. */
export interface Queries {
  query<R extends object>(text: string, values: readonly unknown[]): Promise<R[]>;
}

/**
 * The same in the PostgreSQL that processes share. It is saved only by the holder of the policy's lease: one that was
 * frozen and thaws cannot put the place of its successor back.
 */
export class SharedPolicyCheckpoint {
  constructor(
    private readonly store: Queries,
    /** Of the policy. */
    private readonly name: string,
    private readonly term: { readonly name: string; readonly epoch: number },
  ) {}

  async load(): Promise<string | undefined> {
    const sql = 'select position from policy_checkpoint where name = $1';
    const [kept] = await this.store.query<{ position: string }>(sql, [this.name]);
    return kept?.position;
  }

  /** @throws LEASE_LOST (conflict) */
  async save(position: string): Promise<void> {
    const { name, epoch } = this.term;
    await this.store.query(
      `insert into policy_checkpoint (name, position, epoch, saved_at)
       select $1, $2, $4, clock_timestamp() from (select fence($3, $4)) as fenced
       on conflict (name) do update set position = excluded.position, epoch = excluded.epoch, saved_at = excluded.saved_at`,
      [this.name, position, name, epoch],
    );
  }
}
