/** The quarantine of a data directory that is given a PostgreSQL: its records move there at the first start with one. */
import { existsSync, rmSync } from 'node:fs';
import { COLUMNS, QuarantineFile } from './quarantine-file.js';
import { QuarantinePostgres } from './quarantine-postgres.js';
import type { QuarantineTables } from './quarantine-tables.js';

type Value = string | number | null | Uint8Array;
type Stored = Readonly<Record<string, Value>> & { readonly id: number; readonly shared: number | null };

/** Records of one transaction. */
const PAGE = 100;
/** Everything but the number, which they get anew: several directories may bring theirs. */
const MOVED = Object.keys(COLUMNS).filter((column) => column !== 'id');

/**
 * Moves what is in the file, page by page: a page leaves the file once it is durable there, so that whatever breaks this off, the
 * same again goes on, and nothing that is settled or removed there comes back. The file goes last. Records that are there
 * already stay as they are.
 * @returns how many left the file
 * @throws READ_STORE_UNREACHABLE
 */
export function moveQuarantine(file: string, url: string): number {
  if (!existsSync(file)) return 0;
  const from = QuarantineFile.open(file);
  let moved = 0;
  try {
    const to = QuarantinePostgres.open(url);
    try {
      to.patiently(() => (moved = moveAll(from, to)));
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  return moved;
}

function moveAll(from: QuarantineTables, to: QuarantineTables): number {
  // First: whoever destroys keys of months looks there.
  const month = to.prepared('INSERT INTO month_key (subject) VALUES (?) ON CONFLICT DO NOTHING');
  for (const { subject } of from.prepared('SELECT subject FROM month_key').all() as { subject: string }[])
    month.run(subject);
  const page = from.prepared('SELECT * FROM record ORDER BY id LIMIT ?');
  for (let moved = 0; ;) {
    const records = page.all(PAGE) as Stored[];
    if (records.length === 0) return moved;
    to.transaction(() => records.forEach((record) => moveRecord(from, to, record)));
    from.transaction(() => {
      for (const { id } of records) {
        from.prepared('DELETE FROM deed WHERE record = ?').run(id);
        from.prepared('DELETE FROM record WHERE id = ?').run(id);
      }
    });
    moved += records.length;
  }
}

/** What is sealed is bound to source and fingerprint, and opens there as it did here. */
function moveRecord(from: QuarantineTables, to: QuarantineTables, record: Stored): void {
  const insert = to.prepared(
    `INSERT INTO record (${MOVED.join(', ')}) VALUES (${MOVED.map(() => '?').join(', ')})
     ON CONFLICT (source, fingerprint) DO NOTHING RETURNING id`,
  );
  const values = { ...record, shared: record.shared === null ? null : moveShared(from, to, record.shared) };
  const put = insert.get(...MOVED.map((column) => (values as Readonly<Record<string, Value>>)[column]!)) as
    { id: number } | undefined;
  if (!put) return;
  const deeds = from
    .prepared('SELECT at, actor, what, detail, note FROM deed WHERE record = ? ORDER BY id')
    .all(record.id);
  for (const { at, actor, what, detail, note } of deeds as Record<string, Value>[]) {
    to.prepared('INSERT INTO deed (record, at, actor, what, detail, note) VALUES (?, ?, ?, ?, ?, ?)').run(
      put.id,
      at!,
      actor!,
      what!,
      detail!,
      note!,
    );
  }
}

/** What records have in common, by what it says. */
function moveShared(from: QuarantineTables, to: QuarantineTables, id: number): number {
  const shared = from.prepared('SELECT subject, digest, context FROM shared_context WHERE id = ?').get(id) as Stored;
  const { subject, digest, context } = shared;
  const found = to.prepared('SELECT id FROM shared_context WHERE subject = ? AND digest = ?');
  const known = found.get(subject!, digest!) as { id: number } | undefined;
  if (known) return known.id;
  const insert = to.prepared('INSERT INTO shared_context (subject, digest, context) VALUES (?, ?, ?) RETURNING id');
  return (insert.get(subject!, digest!, context!) as { id: number }).id;
}
