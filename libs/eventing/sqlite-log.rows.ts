import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { pragma } from './durable.js';
import type { Position, RecordedEvent } from './envelope.js';
import { TouchstoneError } from './errors.js';
import { invalidPosition } from './log-input.js';

/** Version of the file's layout, kept in `user_version`. */
const LAYOUT = 1;

// AUTOINCREMENT: a position is never used twice, even after the last events of a damaged file were cut off.
const DDL = `
CREATE TABLE event (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  stream TEXT NOT NULL,
  revision INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  schema_version INTEGER NOT NULL,
  occurred_at TEXT NOT NULL,
  recorded_at TEXT NOT NULL,
  data TEXT NOT NULL,
  metadata TEXT NOT NULL
);
CREATE UNIQUE INDEX event_by_stream ON event (stream, revision);
CREATE UNIQUE INDEX event_by_id ON event (event_id);
CREATE INDEX event_by_type ON event (type, position);
PRAGMA user_version = ${LAYOUT};
`;

/** Creates the layout in an empty file. @throws LOG_LAYOUT_UNKNOWN for a file of another layout */
export function ensureLayout(db: DatabaseSyncInstance, file: string): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    if (pragma(db, 'user_version') === 0) db.exec(DDL);
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
  assertLayout(db, file);
}

/** @throws LOG_LAYOUT_UNKNOWN for a file that this version cannot read */
export function assertLayout(db: DatabaseSyncInstance, file: string): void {
  const layout = pragma(db, 'user_version');
  if (layout === LAYOUT) return;
  throw new TouchstoneError(
    'LOG_LAYOUT_UNKNOWN',
    `${file} has layout ${String(layout)}; this version reads layout ${LAYOUT}. Use the version of Touchstone that wrote it.`,
    'unavailable',
  );
}

export const COLUMNS =
  'position, stream, revision, event_id, type, schema_version, occurred_at, recorded_at, data, metadata';

/** A row as the driver gives it with `setReturnArrays`, in the order of `COLUMNS`. */
export type EventRow = [number, string, number, string, string, number, string, string, string, string];

export function recorded(row: EventRow): RecordedEvent {
  return {
    id: row[3],
    type: row[4],
    schemaVersion: row[5],
    occurredAt: row[6],
    recordedAt: row[7],
    data: JSON.parse(row[8]) as unknown,
    metadata: JSON.parse(row[9]) as RecordedEvent['metadata'],
    stream: row[1],
    revision: row[2],
    position: toPosition(row[0]),
  };
}

/** Length of the stored text of a row, as a measure of the memory it will take. */
export const rowSize = (row: EventRow): number => row[8].length + row[9].length;

export const toPosition = (id: number): Position => id.toString(16).padStart(16, '0');

/** @throws INVALID_POSITION for text that is no position of an SQLite log */
export function fromPosition(position: Position): number {
  const id = typeof position === 'string' && /^[0-9a-f]{16}$/.test(position) ? Number.parseInt(position, 16) : NaN;
  if (!Number.isSafeInteger(id)) throw invalidPosition(position, 'is no position of this log');
  return id;
}
