import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { EventRegistry, FORGOTTEN, openVault, readOwner, type RecordedEvent, type Vault } from '@touchstone/eventing';
import type { ProjectionGroup } from '@touchstone/readmodel';
import { projectAll } from '@touchstone/readmodel/testing';
import { events as definitions, groupsIn } from '../apps/server/composition.js';
import type { Claim, Ledger } from './chaos.ledger.js';

/** Findings of one kind are listed up to here; a broken house has thousands. */
const MOST = 5;
const ZERO = '0'.repeat(16);
const registry = new EventRegistry(definitions);

export interface Expectations {
  /** The house was let finish: read models stand at the head, and nothing of a rebuild lies about. */
  readonly settled?: boolean;
}

/**
 * Everything that is wrong with the data directory of a house that has ended, however it ended; empty: nothing. Looks
 * at a copy, so that the next start finds what the last end left. Log and row comparison lean on no code of the product.
 */
export async function findings(directory: string, ledger: Ledger, expected: Expectations = {}): Promise<string[]> {
  const copy = mkdtempSync(join(tmpdir(), 'touchstone-evidence-'));
  try {
    const lock = await lockFindings(directory);
    cpSync(directory, copy, { recursive: true });
    // A damaged file cannot be asked anything else.
    const damage = [...lock, ...soundness(copy)];
    if (damage.length > lock.length) return damage;
    const log = readLog(join(copy, 'log.db'));
    return [
      ...damage,
      ...orderFindings(log),
      ...claimFindings(log, ledger),
      ...(await personalFindings(join(copy, 'keys.db'), log, ledger)),
      ...quarantineFindings(join(copy, 'quarantine.db'), ledger),
      ...groupsIn('UTC').flatMap((group) => readModelFindings(join(copy, 'read'), group, log, ledger, expected)),
      ...ledger.complaints,
    ];
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Every event of a log file, in its order, read without the product. */
export function readLog(file: string): RecordedEvent[] {
  return withDatabase(file, [], (db) =>
    hasTable(db, 'event') ? db.prepare('SELECT * FROM event ORDER BY position').all().map(eventOf) : [],
  );
}

function eventOf(row: Record<string, unknown>): RecordedEvent {
  return {
    id: row['event_id'] as string,
    type: row['type'] as string,
    schemaVersion: row['schema_version'] as number,
    occurredAt: row['occurred_at'] as string,
    recordedAt: row['recorded_at'] as string,
    data: JSON.parse(row['data'] as string),
    metadata: JSON.parse(row['metadata'] as string) as RecordedEvent['metadata'],
    stream: row['stream'] as string,
    revision: row['revision'] as number,
    position: (row['position'] as number).toString(16).padStart(16, '0'),
  };
}

async function lockFindings(directory: string): Promise<string[]> {
  const owner = await readOwner(directory);
  return owner?.live ? [`The directory is still held by process ${owner.pid}.`] : [];
}

/** Every database but those of a rebuild under way, which nobody will ever read. */
function soundness(directory: string): string[] {
  const read = join(directory, 'read');
  const generations = generationsOf(read).filter(({ state }) => state !== 'building');
  const files = [
    ...['log.db', 'keys.db', 'quarantine.db'].map((name) => join(directory, name)),
    ...['meta', ...generations.map(({ name }) => name)].map((name) => join(read, `${name}.db`)),
  ];
  return files.flatMap((file) =>
    faultsOf(file)
      .slice(0, MOST)
      .map((fault) => `${file.slice(directory.length + 1)} is damaged: ${fault}`),
  );
}

function faultsOf(file: string): string[] {
  try {
    const rows = withDatabase(file, [], (db) => db.prepare('PRAGMA integrity_check').all());
    return rows.map((row) => String(row['integrity_check'])).filter((text) => text !== 'ok');
  } catch (error) {
    return [(error as Error).message];
  }
}

function orderFindings(log: readonly RecordedEvent[]): string[] {
  const next = new Map<string, number>();
  const found: string[] = [];
  for (const { stream, revision, position } of log) {
    const due = next.get(stream) ?? 0;
    if (revision !== due) found.push(`${stream} has revision ${revision} at ${position} where ${due} was due.`);
    next.set(stream, revision + 1);
  }
  return found.slice(0, MOST);
}

function claimFindings(log: readonly RecordedEvent[], ledger: Ledger): string[] {
  const byId = new Map(log.map((event) => [event.id, event]));
  const byPosition = new Map(log.map((event) => [event.position, event]));
  const wrong = ledger.claims.flatMap((claim) => {
    const found = claim.id === undefined ? byPosition.get(claim.position!) : byId.get(claim.id);
    const where = claim.id ?? claim.position;
    if (!found) return [`Acknowledged by ${claim.key}, but not in the log: ${where}.`];
    return differences(claim, found).map((what) => `Acknowledged by ${claim.key}, but ${where} has ${what}.`);
  });
  const halves = ledger.together().filter((ids) => ids.some((id) => byId.has(id)) && !ids.every((id) => byId.has(id)));
  const strays = log.filter(({ id, type, metadata }) => {
    const ours = metadata.actor.id === 'chaos' && (type === 'TouchpointRecorded' || type === 'NoteAdded');
    return ours && !ledger.asked(id);
  });
  return [
    ...wrong.slice(0, MOST),
    ...halves.slice(0, MOST).map((ids) => `Only a part of one append is in the log: of ${ids.join(', ')}.`),
    ...strays.slice(0, MOST).map(({ id, type }) => `Nobody asked for ${type} ${id}.`),
  ];
}

function differences(claim: Claim, event: RecordedEvent): string[] {
  const plain = ['stream', 'revision', 'position', 'type', 'occurredAt', 'recordedAt', 'data'] as const;
  const other = plain.filter((name) => claim[name] !== undefined && !isDeepStrictEqual(claim[name], event[name]));
  const data = event.data as Record<string, unknown>;
  const fields = Object.entries(claim.fields ?? {}).filter(([name, value]) => !isDeepStrictEqual(data[name], value));
  return [...other, ...fields.map(([name]) => `data.${name}`)].map((name) => `another ${name}`);
}

/** Every ciphertext opens with the keys beside it, and says what was sent. */
async function personalFindings(file: string, log: readonly RecordedEvent[], ledger: Ledger): Promise<string[]> {
  if (log.length === 0) return [];
  const vault = await openVault({ file });
  try {
    const found: string[] = [];
    const opened = new Map<string, Record<string, unknown>>();
    for (const event of log) {
      try {
        const personal = openPersonal(vault, event);
        if (Object.values(personal).includes(FORGOTTEN)) found.push(`The key of ${event.type} ${event.id} is gone.`);
        for (const name of [event.id, event.position]) opened.set(name, personal);
      } catch (error) {
        found.push(`${event.type} ${event.id} cannot be read: ${(error as Error).message}`);
      }
    }
    for (const { key, id, position, opened: sent } of ledger.claims) {
      const there = opened.get(id ?? position!);
      if (sent && there && Object.entries(sent).some(([field, value]) => !isDeepStrictEqual(there[field], value))) {
        found.push(`Acknowledged by ${key}, but ${id ?? position} opens to something else.`);
      }
    }
    return found.slice(0, MOST);
  } finally {
    await vault.close();
  }
}

/** The personal fields of an event, readable. @throws CIPHERTEXT_INVALID, KEY_MISSING, EVENT_UNREADABLE ... */
export function openPersonal(vault: Pick<Vault, 'open'>, event: RecordedEvent): Record<string, unknown> {
  const data = registry.read(event).data as Record<string, unknown>;
  const fields = registry.definition(event.type).personalFields.filter((field) => data[field] !== undefined);
  const subject = event.metadata.subject!;
  return Object.fromEntries(fields.map((f) => [f, vault.open(subject, event.id, f, data[f] as string)]));
}

function quarantineFindings(file: string, ledger: Ledger): string[] {
  const there = new Set(
    withDatabase(file, [], (db) =>
      hasTable(db, 'record') ? (db.prepare('SELECT source FROM record').all() as { source: string }[]) : [],
    ).map(({ source }) => source),
  );
  const lost = ledger.quarantined.filter((source) => !there.has(source));
  return lost.slice(0, MOST).map((source) => `Said to be in quarantine, but not there: a record of ${source}.`);
}

interface GenerationRow {
  readonly group: string;
  readonly name: string;
  readonly state: string;
}

function generationsOf(read: string): GenerationRow[] {
  return withDatabase(join(read, 'meta.db'), [], (db) => {
    if (!hasTable(db, 'generation')) return [];
    const rows = db.prepare('SELECT group_name, number, state FROM generation').all();
    return rows.map((row) => {
      const { group_name: group, number, state } = row as { group_name: string; number: number; state: string };
      return { group, name: `${group}-${number}`, state };
    });
  });
}

function readModelFindings(
  read: string,
  group: ProjectionGroup,
  log: readonly RecordedEvent[],
  ledger: Ledger,
  { settled }: Expectations,
): string[] {
  const generations = generationsOf(read).filter((generation) => generation.group === group.name);
  const active = generations.filter(({ state }) => state === 'active');
  if (active.length > 1) return [`${group.name} has ${active.length} active generations.`];
  const name = active[0]?.name;
  const file = join(read, `${name}.db`);
  const checkpoint = name === undefined ? null : checkpointOf(file);
  const seen = ledger.checkpoints.get(group.name);
  ledger.checkpoints.set(group.name, checkpoint ?? '');
  const found: string[] = [];
  if ((checkpoint ?? '') < (seen ?? '')) {
    found.push(`${group.name} stood at ${seen}, and went back to ${checkpoint ?? 'nothing'}.`);
  }
  // Killed before it began: nothing is claimed yet. Whoever was let finish has begun.
  if (checkpoint === null) return settled ? [...found, `${group.name} has no read model.`] : found;
  const head = log.at(-1)?.position ?? ZERO;
  if (settled && checkpoint !== head) found.push(`${name} stands at ${checkpoint}, the log at ${head}.`);
  if (settled) found.push(...litter(read, generations));
  return [...found, ...rebuildFindings(file, group, log, checkpoint)];
}

const checkpointOf = (file: string): string | null =>
  withDatabase(file, null, (db) =>
    hasTable(db, 'checkpoint')
      ? (db.prepare('SELECT position FROM checkpoint').get() as { position: string }).position
      : null,
  );

function litter(read: string, generations: readonly GenerationRow[]): string[] {
  const known = new Set(['meta', ...generations.filter((g) => g.state !== 'building').map((g) => g.name)]);
  const files = readdirSync(read).filter((file) => !known.has(file.replace(/\.db(-wal|-shm)?$/, '')));
  return files.map((file) => `The file ${file} belongs to no generation.`);
}

/** Compares every table of a generation, row by row, with one that is built from zero up to the same place. */
function rebuildFindings(
  file: string,
  group: ProjectionGroup,
  log: readonly RecordedEvent[],
  checkpoint: string,
): string[] {
  const upTo = log.filter((event) => event.position <= checkpoint);
  const last = upTo.at(-1)?.position ?? '';
  if (last !== checkpoint && checkpoint !== ZERO)
    return [`${group.name} stands at ${checkpoint}, where the log has no event.`];
  const rebuilt = projectAll(group, upTo, { read: registry.read, mayPark: true });
  try {
    // An empty log has a head too.
    if (last === '') rebuilt.db.prepare('UPDATE checkpoint SET position = ?').run(checkpoint);
    rebuilt.db.prepare('ATTACH ? AS live').run(file);
    return compareTables(rebuilt.db as DatabaseSyncInstance);
  } finally {
    rebuilt.close();
  }
}

function compareTables(db: DatabaseSyncInstance): string[] {
  const schemaOf = (schema: string) =>
    db
      .prepare(`SELECT type, name, sql FROM ${schema}.sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name`)
      .all()
      .map((row) => ({ ...row })) as { type: string; name: string }[];
  const schema = schemaOf('main');
  if (!isDeepStrictEqual(schema, schemaOf('live')))
    return ['The read model has other tables or indexes than a rebuild.'];
  return schema
    .filter(({ type }) => type === 'table')
    .flatMap(({ name }) => [
      ...rowsOnlyIn(db, name, 'live', 'main').map((row) => `${name} has a row that a rebuild does not have: ${row}`),
      ...rowsOnlyIn(db, name, 'main', 'live').map((row) => `${name} lacks a row that a rebuild has: ${row}`),
    ]);
}

// Every table has a key, so no row stands twice and the difference of two sets is exact.
const rowsOnlyIn = (db: DatabaseSyncInstance, table: string, one: string, other: string): string[] =>
  db
    .prepare(`SELECT * FROM ${one}."${table}" EXCEPT SELECT * FROM ${other}."${table}" LIMIT ${MOST}`)
    .all()
    .map((row) => JSON.stringify(row).slice(0, 300));

const hasTable = (db: DatabaseSyncInstance, name: string): boolean =>
  db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) !== undefined;

function withDatabase<T>(file: string, missing: T, work: (db: DatabaseSyncInstance) => T): T {
  if (!existsSync(file)) return missing;
  const db = new DatabaseSync(file);
  try {
    return work(db);
  } finally {
    db.close();
  }
}
