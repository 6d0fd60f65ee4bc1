import { hash } from 'node:crypto';
import { v7 } from 'uuid';

/** A new time-ordered id. */
export const newId = (): string => v7();

/** Namespace of every deterministic id of Touchstone. Frozen: another value would be another identity for all facts. */
const NAMESPACE = Buffer.from('7d0b5c0e9d1f5c6a8a37c2f0e4b61a52', 'hex');

/** Ids are made by the million, mostly of short parts. */
const SCRATCH = Buffer.concat([NAMESPACE], 4_096);
const VARIANTS = ['8', '9', 'a', 'b'];

/** UUIDv5 (RFC 9562) of the given parts; the parts are joined unambiguously, so ("a","bc") is not ("ab","c"). */
export function deterministicId(...parts: readonly string[]): string {
  const text = JSON.stringify(parts);
  // A UTF-16 unit is at most three bytes of UTF-8. What is longer than the scratch gets a buffer of its own.
  const room = NAMESPACE.length + text.length * 3;
  const bytes = room <= SCRATCH.length ? SCRATCH : Buffer.concat([NAMESPACE], room);
  const end = NAMESPACE.length + bytes.write(text, NAMESPACE.length);
  const hex = hash('sha1', bytes.subarray(0, end), 'hex');
  const version = `5${hex.slice(13, 16)}`;
  const variant = VARIANTS[Number.parseInt(hex[16]!, 16) & 3]!;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${version}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
