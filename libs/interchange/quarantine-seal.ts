import { createHash } from 'node:crypto';
import { FORGOTTEN } from '@touchstone/eventing';
import type { Sealer } from './sealed-frames.js';

/** What of a record is sealed; each is bound to its place. */
export type Part = 'raw' | 'payload' | 'context' | 'note';

export interface Bound {
  readonly subject: string;
  readonly source: string;
  readonly fingerprint: string;
}

/** `quarantine:` and the month of expiry, so that subjects sort by time. */
export const subjectOf = (expiresAt: string): string => `quarantine:${expiresAt.slice(0, 7)}`;

/** Contents are encrypted with one key for each month of expiry, which is destroyed once the month has passed. */
export class QuarantineSeal {
  constructor(private readonly sealer: Sealer) {}

  /** See `Vault.lookupHash`. */
  hash(type: string, value: string): string {
    return this.sealer.lookupHash(type, value);
  }

  /** Before anything is sealed under a subject. */
  ready(subject: string): Promise<void> {
    return this.sealer.ensureKeys([subject]);
  }

  destroy(subject: string): ReturnType<Sealer['destroy']> {
    return this.sealer.destroy(subject);
  }

  sealed(row: Bound, part: Part, text: string): Uint8Array {
    return this.sealer.sealBytes(row.subject, boundTo(row, part), Buffer.from(text));
  }

  /** Null once the key is destroyed. */
  opened(row: Bound, part: Part, sealed: Uint8Array): string | null {
    return textOf(this.sealer.openBytes(row.subject, boundTo(row, part), sealed));
  }

  /** What many records have in common is bound to what it says. */
  sealedShared(subject: string, text: string): { digest: string; context: Uint8Array } {
    const digest = createHash('sha256').update(text).digest('hex');
    return { digest, context: this.sealer.sealBytes(subject, `shared ${digest}`, Buffer.from(text)) };
  }

  openedShared({ subject, digest, context }: { subject: string; digest: string; context: Uint8Array }): string | null {
    return textOf(this.sealer.openBytes(subject, `shared ${digest}`, context));
  }
}

const textOf = (bytes: Uint8Array | typeof FORGOTTEN): string | null =>
  bytes === FORGOTTEN ? null : Buffer.from(bytes).toString('utf8');

/** The record as it came is bound as it always was. */
const boundTo = ({ source, fingerprint }: Bound, part: Part) =>
  JSON.stringify(part === 'raw' ? [source, fingerprint] : [source, fingerprint, part]);
