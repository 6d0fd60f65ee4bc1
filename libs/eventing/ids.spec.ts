import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { deterministicId } from './ids.js';

const NAMESPACE = Buffer.from('7d0b5c0e9d1f5c6a8a37c2f0e4b61a52', 'hex');

/** RFC 9562, step by step. */
function byTheBook(parts: readonly string[]): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(JSON.stringify(parts), 'utf8').digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

describe('a deterministic id', () => {
  it('is what it has always been', () => {
    expect(deterministicId('cloudevents', '/oms', 'e-1')).toBe(byTheBook(['cloudevents', '/oms', 'e-1']));
    expect(deterministicId()).toBe(byTheBook([]));
  });

  it('is a UUIDv5 of its parts, whatever they are', () => {
    const part = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.constant('\ud800'));
    const long = fc.integer({ min: 1_000, max: 5_000 }).map((n) => '\u20ac'.repeat(n));
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 5, arbitrary: part }, { weight: 1, arbitrary: long })), (parts) => {
        expect(deterministicId(...parts)).toBe(byTheBook(parts));
      }),
    );
  });
});
