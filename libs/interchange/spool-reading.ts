import { createHash, type Hash } from 'node:crypto';
import { byInstant, instantMs } from '@touchstone/eventing';
import type { ImportOptions, ImportSource } from './import-types.js';
import { SortedRuns } from './sorted-runs.js';
import type { SpoolRecord, SpoolWriter } from './spool.js';
import { XesMapping, type MappedLog } from './xes-mapping.js';
import type { XesMappingOptions } from './xes-options.js';
import { readXes } from './xes-reader.js';

/** Bytes between two reports of progress while reading. */
const REPORT_BYTES = 256 * 1024;

/** Counts and hashes the bytes that pass. */
interface Meter {
  bytes: number;
  readonly hash: Hash;
}

/** The first phase: reads a whole log into a spool. @throws the errors of `readXes` and of the mapping */
export async function readIntoSpool(
  source: ImportSource,
  options: XesMappingOptions,
  writer: SpoolWriter,
  { onProgress, signal }: ImportOptions,
): Promise<{ fingerprint: string; log: MappedLog }> {
  const meter: Meter = { bytes: 0, hash: createHash('sha256') };
  const sink = options.asHistory ? new SortedSink(writer) : writer;
  let mapping: XesMapping | undefined;
  let log: MappedLog | undefined;
  let events = 0;
  let reported = 0;
  try {
    for await (const part of readXes(metered(source.open(), meter), { signal })) {
      if (part.kind === 'log') {
        mapping = new XesMapping(part.log, options);
      } else if (part.kind === 'trace') {
        events += part.trace.events.length;
        await spoolTrace(mapping!, part.trace, sink);
      } else {
        log = mapping!.finish(part);
      }
      if (onProgress && meter.bytes - reported >= REPORT_BYTES) {
        reported = meter.bytes;
        onProgress({ phase: 'read', done: meter.bytes, total: source.bytes, events });
      }
    }
    if (sink instanceof SortedSink) await sink.finish();
  } catch (error) {
    if (sink instanceof SortedSink) await sink.abandon();
    throw error;
  }
  onProgress?.({ phase: 'read', done: meter.bytes, total: source.bytes, events });
  return { fingerprint: fingerprintOf(meter.hash, options), log: log! };
}

/** Takes records in any order and spools them in the order in which they happened. */
class SortedSink {
  private readonly runs: SortedRuns<SpoolRecord>;

  constructor(private readonly writer: SpoolWriter) {
    this.runs = new SortedRuns(writer.path, writer.sealer, writer.subject, byHistory);
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
  if ('unreadable' in a || 'unreadable' in b) return ('fact' in a ? 1 : 0) - ('fact' in b ? 1 : 0);
  return byInstant(orderOf(a.fact), orderOf(b.fact));
}

type Fact = Extract<SpoolRecord, { fact: unknown }>['fact'];
const orderOf = ({ occurredAt, source, touchpointId }: Fact) => ({
  at: instantMs(occurredAt),
  sequence: source.sequence,
  id: touchpointId,
});

async function spoolTrace(
  mapping: XesMapping,
  trace: Parameters<XesMapping['map']>[0],
  sink: Pick<SpoolWriter, 'add'>,
): Promise<void> {
  const { facts, unreadable } = mapping.map(trace);
  for (const fact of facts) await sink.add({ fact });
  for (const record of unreadable) await sink.add({ unreadable: record });
}

async function* metered(source: AsyncIterable<Uint8Array>, meter: Meter): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    meter.bytes += bytes.length;
    meter.hash.update(bytes);
    yield bytes;
  }
}

/** Of a file's bytes and the options: the same for options that mean the same, whatever the order of their keys. */
export function fingerprintOf(content: Hash, options: XesMappingOptions): string {
  const plain = Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(content.digest()).update(JSON.stringify(plain)).digest('hex');
}
