/** For the test of forgetting: what somebody can read who has every file of a data directory, keys included. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import {
  EventRegistry,
  openSqliteLog,
  openVault,
  systemClock,
  type BytesVault,
  type RecordedEvent,
} from '@touchstone/eventing';
import { Quarantine } from '@touchstone/interchange';
import { events } from '../apps/server/composition.js';
import { Spools } from '../libs/interchange/spool.js';

/** Every file below a directory. */
export const filesBelow = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());

/** Files that hold any of these bytes. */
export const filesWith = (directory: string, needles: readonly Buffer[]): string[] =>
  filesBelow(directory).filter((path) => {
    const bytes = readFileSync(path);
    return needles.some((needle) => bytes.includes(needle));
  });

/** A text in every form in which a program might have written it. */
export function formsOf(text: string): Buffer[] {
  const utf16 = Buffer.from(text, 'utf16le');
  const escaped = [...text]
    .map((c) => (c < '\x7f' ? c : [...c].map((u) => `\\u${u.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')))
    .join('');
  const plain = [Buffer.from(text), utf16, Buffer.from(utf16).swap16()];
  return [
    ...plain,
    Buffer.from(escaped),
    Buffer.from(encodeURIComponent(text)),
    ...plain.flatMap((bytes) => [
      Buffer.from(bytes.toString('hex')),
      Buffer.from(bytes.toString('hex').toUpperCase()),
      ...base64Of(bytes),
    ]),
  ];
}

/** Base64 depends on where in its three bytes a text begins; what is the same whatever stands around it is kept. */
const base64Of = (bytes: Buffer): Buffer[] =>
  [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const own = encoded.slice(before === 0 ? 0 : before + 1, encoded.length - 1);
    return [Buffer.from(own), Buffer.from(own.replaceAll('+', '-').replaceAll('/', '_'))];
  });

/** The keys that are on file now, by subject. */
export function keysIn(directory: string): Map<string, Buffer> {
  const db = new DatabaseSync(join(directory, 'keys.db'), { readOnly: true });
  try {
    const rows = db.prepare('SELECT subject, key FROM subject_key WHERE key IS NOT NULL').all() as {
      subject: string;
      key: Uint8Array;
    }[];
    return new Map(rows.map(({ subject, key }) => [subject, Buffer.from(key)]));
  } finally {
    db.close();
  }
}

/** Everything that can be read with the keys at hand: events, quarantine and spools, as one text. */
export async function readable(directory: string): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'touchstone-thief-'));
  cpSync(directory, copy, { recursive: true, filter: (path) => !path.includes('owner') });
  const vault = await openVault({ file: join(copy, 'keys.db') });
  try {
    return [
      ...(await eventsOf(copy, vault)),
      ...(existsSync(join(copy, 'quarantine.db')) ? quarantineOf(copy, vault) : []),
      ...(await spoolsOf(copy, vault)),
    ].join('\n');
  } finally {
    await vault.close();
    rmSync(copy, { recursive: true });
  }
}

async function eventsOf(directory: string, vault: BytesVault): Promise<string[]> {
  const registry = new EventRegistry(events);
  const log = await openSqliteLog({ file: join(directory, 'log.db') });
  const found: string[] = [];
  try {
    for await (const page of log.readAll()) {
      for (const event of page) {
        const data = { ...(event.data as Record<string, unknown>) };
        for (const field of registry.definition(event.type).personalFields) {
          data[field] = opened(vault, event, field, data[field]);
        }
        found.push(JSON.stringify({ ...event, data }));
      }
    }
    return found;
  } finally {
    await log.close();
  }
}

function opened(vault: BytesVault, { id, metadata }: RecordedEvent, field: string, sealed: unknown): unknown {
  if (typeof sealed !== 'string') return sealed;
  try {
    return vault.open(metadata.subject!, id, field, sealed);
  } catch (error) {
    // Keys of an older backup do not open what came after it.
    if ((error as { code?: unknown }).code === 'KEY_MISSING') return sealed;
    throw error;
  }
}

function quarantineOf(directory: string, sealer: BytesVault): string[] {
  const quarantine = Quarantine.open({ file: join(directory, 'quarantine.db'), sealer, clock: systemClock });
  const records = quarantine
    .list({ first: 1000 })
    .edges.map(({ node }) => JSON.stringify(node) + quarantine.raw(node.id));
  quarantine.close();
  return records;
}

async function spoolsOf(directory: string, sealer: BytesVault): Promise<string[]> {
  const spools = new Spools(join(directory, 'spool'), sealer, systemClock);
  const found: string[] = [];
  for (const { manifest } of await spools.finished()) {
    const spool = await spools.open(manifest.id);
    for (let i = 0; i < manifest.chunks.length; i++) found.push(JSON.stringify(await spool.chunk(i)));
    await spool.close();
  }
  return found;
}

type Rows = Readonly<Record<string, readonly unknown[]>>;

/** All rows of the newest generation of the read models, by table. */
export function rowsOf(directory: string, generation: string): Rows {
  const file = filesBelow(join(directory, 'read')).find((path) => path.endsWith(`${generation}.db`));
  if (file === undefined) throw new Error(`No file of ${generation} among ${filesBelow(directory).join(', ')}`);
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").all();
    const rows = (tables as { name: string }[]).map(({ name }): [string, string[]] => [
      name,
      (db.prepare(`SELECT * FROM "${name}"`).all() as object[]).map(textOf).sort(),
    ]);
    return Object.fromEntries(rows);
  } finally {
    db.close();
  }
}

const textOf = (row: object): string =>
  JSON.stringify(row, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? Buffer.from(value as Uint8Array).toString('hex') : value,
  );
