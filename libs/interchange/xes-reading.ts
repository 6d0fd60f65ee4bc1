import type { FileReading, ReadingInto } from './file-reading.js';
import type { MappedLog } from './mapped-log.js';
import { XesMapping } from './xes-mapping.js';
import { checkedOptions, type XesMappingOptions } from './xes-options.js';
import { readXes } from './xes-reader.js';
import type { XesTrace } from './xes.js';

/**
 * XES logs, plain or gzip, for the import job.
 * @throws OPTION_INVALID, OPTION_UNKNOWN, OPTION_CONFLICT
 */
export function xesReading(given: unknown): FileReading {
  const options = checkedOptions(given);
  return {
    journeyType: options.journeyType,
    source: options.source ?? options.journeyType,
    asHistory: options.asHistory ?? false,
    options: { ...options },
    read: (content, into) => read(content, options, into),
  };
}

async function read(
  content: AsyncIterable<Uint8Array>,
  options: XesMappingOptions,
  { sink, hash, signal, progress }: ReadingInto,
): Promise<MappedLog> {
  let mapping: XesMapping | undefined;
  let log: MappedLog | undefined;
  let events = 0;
  for await (const part of readXes(content, { signal })) {
    if (part.kind === 'log') {
      mapping = new XesMapping(part.log, options, hash);
    } else if (part.kind === 'trace') {
      events += part.trace.events.length;
      await spoolTrace(mapping!, part.trace, sink);
    } else {
      log = mapping!.finish(part);
    }
    progress(events);
  }
  return log!;
}

async function spoolTrace(mapping: XesMapping, trace: XesTrace, sink: ReadingInto['sink']): Promise<void> {
  const { facts, unreadable } = mapping.map(trace);
  for (const fact of facts) await sink.add({ fact });
  for (const record of unreadable) await sink.add({ unreadable: record });
}
