import { createHash, type Hash } from 'node:crypto';
import { byInstant, instantMs } from '@touchstone/eventing';
import type { FileReading } from './file-reading.js';
import type { KeyedHash } from './hidden-names.js';
import type { ImportOptions, ImportSource } from './import-types.js';
import type { MappedLog } from './mapped-log.js';
import { SortedRuns } from './sorted-runs.js';
import type { SpoolRecord, SpoolWriter } from './spool.js';

/** Bytes between two reports of progress while reading. */
const REPORT_BYTES = 256 * 1024;

/** Counts and hashes the bytes that pass. */
interface Meter {
  bytes: number;
  readonly hash: Hash;
}

/** The first phase: reads a whole file into a spool. @throws the errors of the format's reading */
export async function readIntoSpool(
  source: ImportSource,
  reading: FileReading,
  writer: SpoolWriter,
  { onProgress, signal }: ImportOptions,
): Promise<{ fingerprint: string; log: MappedLog }> {
  const meter: Meter = { bytes: 0, hash: createHash('sha256') };
  const sink = reading.asHistory ? new SortedSink(writer) : writer;
  let events = 0;
  let reported = 0;
  const report = () => onProgress?.({ phase: 'read', done: meter.bytes, total: source.bytes, events });
  const progress = (sofar: number): void => {
    events = sofar;
    if (meter.bytes - reported < REPORT_BYTES) return;
    reported = meter.bytes;
    report();
  };
  let isRead = false;
  const ended = (): void => {
    if (!isRead) report();
    isRead = true;
  };
  const arranged = (done: number, total: number): void => {
    ended();
    onProgress?.({ phase: 'arrange', done, total });
  };
  const scratch = { directory: writer.path, sealer: writer.sealer, subject: writer.subject };
  const hash: KeyedHash = (type, value) => writer.sealer.lookupHash(type, value);
  try {
    const into = { sink, scratch, hash, signal, progress, arranged };
    const log = await reading.read(metered(source.open(), meter), into);
    if (sink instanceof SortedSink) await sink.finish();
    ended();
    return { fingerprint: fingerprintOf(meter.hash, reading.options), log };
  } catch (error) {
    if (sink instanceof SortedSink) await sink.abandon();
    throw error;
  }
}

/** Takes records in any order and spools them in the order in which they happened. */
class SortedSink {
  private readonly runs: SortedRuns<SpoolRecord>;

  constructor(private readonly writer: SpoolWriter) {
    const { path: directory, sealer, subject } = writer;
    this.runs = new SortedRuns({ directory, name: 'runs', sealer, subject }, byHistory);
  }

  add(record: SpoolRecord): Promise<void> {
    return this.runs.add(record);
  }

  async finish(): Promise<void> {
    for await (const record of this.runs.merged()) await this.writer.add(record);
  }

  abandon(): Promise<void> {
    return this.runs.abandon();
  }
}

/** A historical load appends in the order of recorded time; what is unreadable has none and comes first. */
function byHistory(a: SpoolRecord, b: SpoolRecord): number {
  if ('unreadable' in a || 'unreadable' in b) return ('unreadable' in a ? 0 : 1) - ('unreadable' in b ? 0 : 1);
  const [one, other] = [told(a), told(b)];
  return recordedMs(one) - recordedMs(other) || byInstant(orderOf(one), orderOf(other));
}

interface Told {
  readonly id: string;
  readonly occurredAt: string;
  readonly source: { readonly sequence?: number; readonly recordedAt?: string };
}

const told = (record: Exclude<SpoolRecord, { unreadable: unknown }>): Told =>
  'fact' in record ? { ...record.fact, id: record.fact.touchpointId } : record.object;
const recordedMs = ({ occurredAt, source }: Told): number => instantMs(source.recordedAt ?? occurredAt);
const orderOf = ({ id, occurredAt, source }: Told) => ({ at: instantMs(occurredAt), sequence: source.sequence, id });

async function* metered(source: AsyncIterable<Uint8Array>, meter: Meter): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    meter.bytes += bytes.length;
    meter.hash.update(bytes);
    yield bytes;
  }
}

/** Of a file's bytes and the options: the same for options that mean the same, whatever the order of their keys. */
export function fingerprintOf(content: Hash, options: FileReading['options']): string {
  const plain = Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(content.digest()).update(JSON.stringify(plain)).digest('hex');
}
