import { createHash, type Hash } from 'node:crypto';

/** A line of a stream, without its end. */
export interface Line {
  /** 1-based. */
  readonly number: number;
  /** At most the limit; of a longer line the beginning. */
  readonly bytes: Buffer;
  readonly tooLong: boolean;
  /** SHA-256 (hex) of a line that is too long, all of it: lines that begin alike are not the same. */
  readonly hash?: string;
}

/**
 * The lines of a stream, in batches: all that a piece of it completed, so that answers never wait for what has not
 * come yet. Empty lines are counted and left out. No more than `longest` bytes of a line are held; `dropped` hears of
 * every byte that is in no line, so that what is in hand can be told.
 */
export async function* lineBatches(
  source: AsyncIterable<Uint8Array>,
  { longest, most, dropped }: { longest: number; most: number; dropped?: (bytes: number) => void },
): AsyncGenerator<Line[]> {
  let number = 0;
  let parts: Buffer[] = [];
  let length = 0;
  let hash: Hash | undefined;
  let batch: Line[] = [];
  const keep = (bytes: Buffer): void => {
    const kept = length <= longest ? bytes.subarray(0, longest + 1 - length) : bytes.subarray(0, 0);
    if (kept.length > 0) parts.push(kept);
    length += bytes.length;
    if (hash) hash.update(bytes);
    else if (length > longest) {
      hash = createHash('sha256');
      for (const part of parts) hash.update(part);
      hash.update(bytes.subarray(kept.length));
    }
    dropped?.(bytes.length - kept.length);
  };
  const finish = (): void => {
    number++;
    const bytes = Buffer.concat(parts);
    const tooLong = length > longest;
    const whole = hash?.digest('hex');
    parts = [];
    length = 0;
    hash = undefined;
    const text = tooLong ? bytes.subarray(0, longest) : bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes;
    if (isBlank(text)) dropped?.(bytes.length);
    else {
      dropped?.(bytes.length - text.length);
      batch.push({ number, bytes: text, tooLong, ...(whole !== undefined && { hash: whole }) });
    }
  };
  for await (const piece of source) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let from = 0;
    for (let to = bytes.indexOf(0x0a); to >= 0; to = bytes.indexOf(0x0a, from)) {
      keep(bytes.subarray(from, to));
      from = to + 1;
      dropped?.(1);
      finish();
      if (batch.length >= most) {
        yield batch;
        batch = [];
      }
    }
    // A copy, so that the end of a piece does not keep the whole of it.
    if (from < bytes.length) keep(Buffer.from(bytes.subarray(from)));
    if (batch.length > 0) yield batch;
    batch = [];
  }
  if (length > 0) finish();
  if (batch.length > 0) yield batch;
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
