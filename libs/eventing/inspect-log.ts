/** Looks at a log from outside, without owning or changing anything: for whoever asks what is wrong with it. */
import { statSync } from 'node:fs';
import { openReadOnly, pragma } from './durable.js';
import { esdbAddress } from './esdb-address.js';
import type { Position, RecordedEvent } from './envelope.js';
import { assertLayout, toPosition } from './sqlite-log.rows.js';

/** An embedded log, as a look at its file finds it. */
export interface LogFileFacts {
  readonly bytes: number;
  /** Position of the last event; '' of an empty log. */
  readonly head: Position;
  readonly firstEvent: string | null;
  readonly firstPosition: Position | null;
  /** `wal`, unless somebody changed it. */
  readonly journalMode: string;
  /** What SQLite says of the file: `ok`, or what is damaged; null: not looked at. */
  readonly integrity: string | null;
}

/** Reads every page of the file when `integrity` is asked for. @throws LOG_LAYOUT_UNKNOWN, and what SQLite throws */
export function inspectLogFile(file: string, { integrity }: { integrity: boolean }): LogFileFacts {
  const db = openReadOnly(file);
  try {
    assertLayout(db, file);
    const first = db.prepare('SELECT event_id, position FROM event ORDER BY position LIMIT 1').get() as
      { event_id: string; position: number } | undefined;
    const { head } = db.prepare('SELECT max(position) AS head FROM event').get() as { head: number | null };
    return {
      bytes: statSync(file).size,
      head: head === null ? '' : toPosition(head),
      firstEvent: first?.event_id ?? null,
      firstPosition: first ? toPosition(first.position) : null,
      journalMode: String(pragma(db, 'journal_mode')),
      integrity: integrity ? String(pragma(db, 'quick_check')) : null,
    };
  } finally {
    db.close();
  }
}

/** A log on a server, as it answers. */
export interface LogServerFacts {
  /** Without credentials. */
  readonly shown: string;
  readonly firstEvent: string | null;
  readonly firstPosition: Position | null;
  readonly head: Position;
}

/** @throws LOG_ADDRESS_INVALID, LOG_UNAVAILABLE within about `patienceMs`, LOG_ACCESS_DENIED */
export async function inspectLogServer(url: string, patienceMs: number): Promise<LogServerFacts> {
  const { shown } = esdbAddress(url);
  const { openEsdbLogReader } = await import('./esdb-log.js');
  const log = openEsdbLogReader({ url, timeoutMs: patienceMs, readPatienceMs: patienceMs });
  try {
    const head = await log.head();
    let first: RecordedEvent | null = null;
    for await (const [event] of log.readAll({ max: 1 })) first = event!;
    return { shown, firstEvent: first?.id ?? null, firstPosition: first?.position ?? null, head };
  } finally {
    await log.close();
  }
}
