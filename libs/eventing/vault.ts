/** What a personal field reads as once its key is destroyed. */
export const FORGOTTEN = 'forgotten';

/**
 * Keys of personal data. A subject is `customer:{id}` or `journey:{id}`; its key is durable before the
 * first ciphertext made with it is handed out. Ciphertexts are bound to event id and field.
 */
export interface Vault {
  /** Makes and persists the keys that do not exist yet; resolves when they are durable. A destroyed key stays so. */
  ensureKeys(subjects: readonly string[]): Promise<void>;
  /**
   * Encrypts a JSON value. Of a forgotten subject nothing is kept: the answer holds no byte of the value and opens as
   * `FORGOTTEN`, so that what still arrives about them can be recorded.
   * @throws KEY_MISSING without `ensureKeys` first
   */
  seal(subject: string, eventId: string, field: string, value: unknown): string;
  /**
   * Decrypts; a value whose key was destroyed reads as `FORGOTTEN`.
   * @throws CIPHERTEXT_INVALID when tampered with or moved, KEY_MISSING when the keys do not belong to the log
   */
  open(subject: string, eventId: string, field: string, ciphertext: string): unknown;
  /**
   * As `open`, also of what is veiled: for whoever has to find what else speaks of a person before their keys are
   * destroyed. Nothing of it may be shown.
   */
  openVeiled(subject: string, eventId: string, field: string, ciphertext: string): unknown;
  /**
   * From now on `open` answers `FORGOTTEN` for these subjects, whose keys are about to be destroyed, until the
   * answer is called; in every process that shares the keys, within a tenth of a second.
   * @throws READ_STORE_UNREACHABLE: it holds in this process alone
   */
  veil(subjects: Iterable<string>): () => void;
  /** Keyed hash of a lookup value, hex: the same for the same type and value, meaningless without the secret. */
  lookupHash(type: string, value: string): string;
  /** Whether the subject's key was destroyed. */
  isForgotten(subject: string): boolean;
  /**
   * Destroys the keys of the subjects for good, all or none, and wipes their bytes; a subject that has no key never gets
   * one. Answers those that ever had a key, so a repeat answers the same.
   * @throws KEY_NOT_ERASED when somebody else holds the file: the keys are gone, their bytes not yet; repeat it
   */
  destroy(subjects: string | readonly string[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A vault that also encrypts files and records beside the log (spools, quarantine), bound to a text of the caller. */
export interface BytesVault extends Vault {
  /** @throws KEY_MISSING, KEY_DESTROYED */
  sealBytes(subject: string, boundTo: string, bytes: Uint8Array): Uint8Array;
  /** @throws CIPHERTEXT_INVALID, KEY_MISSING */
  openBytes(subject: string, boundTo: string, sealed: Uint8Array): Uint8Array | typeof FORGOTTEN;
}
