import { createCipheriv, createDecipheriv, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { TouchstoneError } from './errors.js';
import { openSqliteKeys, type KeyTable } from './key-table.js';
import { openPostgresKeys } from './key-table.postgres.js';
import { FORGOTTEN, type BytesVault } from './vault.js';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Text form of a ciphertext: `enc:`, the version of the form, then base64url of IV, ciphertext and tag. */
const TEXT_PREFIX = 'enc:1:';
/** What is stored for a value of a subject whose key is destroyed: nothing of it. */
const NOTHING_KEPT = 'enc:forgotten';
/** The same version as the first byte of the binary form. */
const BYTES_VERSION = 1;
const CACHED_KEYS = 50_000;
/** How soon this vault notices that another connection destroyed a key, in milliseconds. */
const NOTICE_MS = 100;
/** How long a veil stays over what a process was at that has been killed. ms */
const VEILED_MS = 3_600_000;
/** How long it is believed that veils are still there. ms */
const VEILS_LAST_MS = 60_000;
const NONE: ReadonlySet<string> = new Set();

/** A key, or the marker of a destroyed one. */
type Key = Buffer | typeof FORGOTTEN;

/** Where keys are: in a file, or in the PostgreSQL that processes share (as `READ_STORE_URL`). */
export type KeysPlace = { readonly file: string } | { readonly url: string };

/**
 * Opens (or creates) the keys of personal data. Whoever has them reads everything: a file is created for its owner alone,
 * and the keys belong into every backup of the log.
 * @throws LOG_NOT_DURABLE, READ_STORE_UNREACHABLE
 */
export async function openVault(place: KeysPlace): Promise<BytesVault> {
  return vaultOn('file' in place ? openSqliteKeys(place.file) : openPostgresKeys(place.url));
}

/** The vault with its keys in a table, which it closes at its end. */
export async function vaultOn(table: KeyTable): Promise<BytesVault> {
  try {
    return await Promise.resolve(new KeysVault(table));
  } catch (error) {
    table.close();
    throw error;
  }
}

class KeysVault implements BytesVault {
  private readonly veils = new Set<ReadonlySet<string>>();
  /** Those of every process, as of `veiledAt`. */
  private veiled: ReadonlySet<string> = NONE;
  private veiledAt = 0;
  private readonly cache = new LRUCache<string, Key>({ max: CACHED_KEYS });
  private readonly secret: Buffer;
  private wanted: { subjects: Set<string>; done: Promise<void> } | null = null;
  private readonly underWay = new Set<Promise<void>>();
  /** Whose keys may not be on the disk yet: nobody may rely on those, so they are not kept at hand. */
  private readonly unsure = new Set<string>();
  private version: unknown;
  private lookedAt = 0;

  constructor(private readonly table: KeyTable) {
    // Made once: a new one would orphan every lookup key in the log.
    this.secret = Buffer.from(table.secret('lookup', randomBytes(KEY_BYTES)));
    this.version = table.version();
    this.lookAtVeils();
  }

  ensureKeys(subjects: readonly string[]): Promise<void> {
    this.assertOpen();
    const missing = subjects.filter((subject) => !this.cache.has(subject));
    if (missing.length === 0) return Promise.resolve();
    // All who ask in one turn share one transaction, and so one flush to disk.
    this.wanted ??= this.nextTransaction();
    for (const subject of missing) this.wanted.subjects.add(subject);
    return this.wanted.done;
  }

  seal(subject: string, eventId: string, field: string, value: unknown): string {
    const key = this.keyToSeal(subject);
    if (key === FORGOTTEN) return NOTHING_KEPT;
    const plain = Buffer.from(JSON.stringify(value) ?? 'null');
    return TEXT_PREFIX + encrypt(key, aad(eventId, field), plain).toString('base64url');
  }

  open(subject: string, eventId: string, field: string, ciphertext: string): unknown {
    for (const veil of this.veils) if (veil.has(subject)) return FORGOTTEN;
    if (this.table.veils) this.noticeOthers();
    if (this.veiled.has(subject)) return FORGOTTEN;
    return this.openVeiled(subject, eventId, field, ciphertext);
  }

  veil(subjects: Iterable<string>): () => void {
    const veil = new Set(subjects);
    this.veils.add(veil);
    const lift = this.veilElsewhere([...veil]);
    return () => {
      this.veils.delete(veil);
      lift();
    };
  }

  openVeiled(subject: string, eventId: string, field: string, ciphertext: string): unknown {
    if (ciphertext === NOTHING_KEPT) return FORGOTTEN;
    if (!ciphertext.startsWith(TEXT_PREFIX)) throw invalid(`field ${field} of event ${eventId}`);
    const key = this.keyToOpen(subject);
    if (key === FORGOTTEN) return FORGOTTEN;
    const sealed = Buffer.from(ciphertext.slice(TEXT_PREFIX.length), 'base64url');
    const plain = decrypt(key, aad(eventId, field), sealed, `field ${field} of event ${eventId}`);
    return JSON.parse(plain.toString()) as unknown;
  }

  sealBytes(subject: string, boundTo: string, bytes: Uint8Array): Uint8Array {
    const key = this.keyToSeal(subject);
    if (key === FORGOTTEN) throw destroyed(subject);
    const sealed = encrypt(key, Buffer.from(boundTo), bytes);
    return Buffer.concat([Buffer.of(BYTES_VERSION), sealed]);
  }

  openBytes(subject: string, boundTo: string, sealed: Uint8Array): Uint8Array | typeof FORGOTTEN {
    if (sealed[0] !== BYTES_VERSION) throw invalid(boundTo);
    const key = this.keyToOpen(subject);
    if (key === FORGOTTEN) return FORGOTTEN;
    return decrypt(key, Buffer.from(boundTo), Buffer.from(sealed).subarray(1), boundTo);
  }

  lookupHash(type: string, value: string): string {
    return createHmac('sha256', this.secret)
      .update(JSON.stringify([type, value]))
      .digest('hex');
  }

  isForgotten(subject: string): boolean {
    return this.key(subject) === FORGOTTEN;
  }

  async destroy(given: string | readonly string[]): Promise<readonly string[]> {
    this.assertOpen();
    const subjects = typeof given === 'string' ? [given] : given;
    const hadKeys = this.table.destroy(subjects, new Date().toISOString());
    for (const subject of subjects) {
      const key = this.cache.get(subject);
      if (key instanceof Uint8Array) key.fill(0);
      this.cache.set(subject, FORGOTTEN);
    }
    if (!this.table.wipe()) throw notErased();
    return hadKeys;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.underWay);
    if (!this.table.isOpen) return;
    this.table.close();
    this.cache.clear();
    this.secret.fill(0);
  }

  /** In other processes too, for as long as this one keeps it: one that is killed does not finish what it was at. */
  private veilElsewhere(subjects: readonly string[]): () => void {
    const { veils } = this.table;
    if (!veils) return () => undefined;
    const name = randomUUID();
    veils.draw(name, subjects, VEILED_MS);
    const keep = () => this.quietly(() => veils.keep(name, VEILED_MS));
    const keeping = setInterval(keep, VEILED_MS / 3).unref();
    return () => {
      clearInterval(keeping);
      this.quietly(() => veils.lift(name));
      this.lookedAt = -Infinity;
    };
  }

  /** What PostgreSQL does not take now runs out by itself. */
  private quietly(work: () => void): void {
    try {
      if (this.table.isOpen) work();
    } catch {
      // The next question says what is in the way.
    }
  }

  private lookAtVeils(): void {
    this.veiled = this.table.veils?.subjects() ?? NONE;
    this.veiledAt = performance.now();
  }

  private nextTransaction(): { subjects: Set<string>; done: Promise<void> } {
    const subjects = new Set<string>();
    const done = Promise.resolve()
      .then(() => {
        this.wanted = null;
        return this.makeKeys([...subjects]);
      })
      .finally(() => this.underWay.delete(done));
    this.underWay.add(done);
    return { subjects, done };
  }

  private async makeKeys(subjects: readonly string[]): Promise<void> {
    const now = new Date().toISOString();
    const random = randomBytes(KEY_BYTES * subjects.length);
    const keys = subjects.map((subject, i) => ({
      subject,
      key: random.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES),
    }));
    for (const subject of subjects) this.unsure.add(subject);
    try {
      await this.table.put(keys, now);
    } finally {
      random.fill(0);
    }
    for (const subject of subjects) {
      this.unsure.delete(subject);
      // What stands in the table counts: somebody else was first, or has destroyed it meanwhile.
      this.load(subject);
    }
  }

  private keyToSeal(subject: string): Key {
    const key = this.key(subject);
    if (key !== undefined) return key;
    throw new TouchstoneError('KEY_MISSING', `${subject} has no key yet. Call ensureKeys before seal.`, 'internal', {
      subject,
    });
  }

  private keyToOpen(subject: string): Key {
    const key = this.key(subject);
    if (key !== undefined) return key;
    throw new TouchstoneError(
      'KEY_MISSING',
      `There is no key of ${subject}. Restore the keys (keys.db, or their tables in PostgreSQL) from the same backup as the log.`,
      'unavailable',
      { subject },
    );
  }

  private key(subject: string): Key | undefined {
    this.assertOpen();
    this.noticeOthers();
    return this.cache.get(subject) ?? this.load(subject);
  }

  private load(subject: string): Key | undefined {
    const found = this.table.find(subject);
    if (found === undefined) return undefined;
    const key = found === null ? FORGOTTEN : Buffer.from(found);
    if (!this.unsure.has(subject)) this.cache.set(subject, key);
    return key;
  }

  /** Other threads and processes have vaults of their own: a key destroyed elsewhere must not live on in this cache. */
  private noticeOthers(): void {
    const now = performance.now();
    if (now - this.lookedAt < NOTICE_MS) return;
    const version = this.table.version();
    this.lookedAt = now;
    // Of a process that was killed they run out without a word.
    if (version !== this.version || (this.veiled.size > 0 && now - this.veiledAt > VEILS_LAST_MS)) this.lookAtVeils();
    if (version === this.version) return;
    this.version = version;
    this.cache.clear();
  }

  private assertOpen(): void {
    if (this.table.isOpen) return;
    throw new TouchstoneError('VAULT_CLOSED', 'The vault is closed. Open it again before using it.', 'unavailable');
  }
}

const destroyed = (subject: string): TouchstoneError =>
  new TouchstoneError(
    'KEY_DESTROYED',
    `The key of ${subject} was destroyed: nothing can be sealed for it any more. Begin under a new one.`,
    'refused',
    { subject },
  );

const notErased = (): TouchstoneError =>
  new TouchstoneError(
    'KEY_NOT_ERASED',
    'Keys were destroyed, but another program reads where they stood and keeps their bytes there: end that program ' +
      '(a backup, a database browser), then repeat this.',
    'busy',
  );

const aad = (eventId: string, field: string): Buffer => Buffer.from(JSON.stringify([eventId, field]));

function encrypt(key: Buffer, boundTo: Buffer, plain: Uint8Array): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES }).setAAD(boundTo);
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, boundTo: Buffer, sealed: Buffer, what: string): Buffer {
  if (sealed.length < IV_BYTES + TAG_BYTES) throw invalid(what);
  const iv = sealed.subarray(0, IV_BYTES);
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES })
    .setAAD(boundTo)
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  const start = decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([start, decipher.final()]);
  } catch (error) {
    throw invalid(what, error);
  }
}

const invalid = (what: string, cause?: unknown): TouchstoneError =>
  new TouchstoneError(
    'CIPHERTEXT_INVALID',
    `The ciphertext of ${what} was changed, cut, or belongs somewhere else. Compare the log with a backup.`,
    'invalid',
    undefined,
    { cause },
  );
