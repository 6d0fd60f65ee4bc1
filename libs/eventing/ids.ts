import { createHash } from 'node:crypto';
import { v7 } from 'uuid';

/** A new time-ordered id. */
export const newId = (): string => v7();

/** Namespace of every deterministic id of Touchstone. Frozen: another value would be another identity for all facts. */
const NAMESPACE = Buffer.from('7d0b5c0e9d1f5c6a8a37c2f0e4b61a52', 'hex');

/** UUIDv5 (RFC 9562) of the given parts; the parts are joined unambiguously, so ("a","bc") is not ("ab","c"). */
export function deterministicId(...parts: readonly string[]): string {
  const hash = createHash('sha1').update(NAMESPACE).update(JSON.stringify(parts)).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
