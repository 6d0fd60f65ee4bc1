import type { Readable, Reading } from './quarantine-readers.js';
import type { XesContext } from './xes-context.js';
import { XesMapping } from './xes-mapping.js';
import { OWN_EXTENSION } from './xes-own.js';
import { readXes } from './xes-reader.js';
import { TRACE_KEY, type XesAttribute, type XesEvent, type XesLog, type XesTrace } from './xes.js';
import { withZone } from './zone-offset.js';

const TIMESTAMP = 'time:timestamp';
/** Identical records of one trace that are told apart by their number. */
const MOST_IDENTICAL = 1_000;

/**
 * Reads one event of a log as an import of the mended log would: the same mapping, in the same trace, so that it gets
 * the id that it would have had. The payload is an `<event>`, or a `<trace>` around one where the trace had no name.
 */
export async function readXesRecord({ payload, context, mapping, hash }: Readable): Promise<Reading> {
  if (context === undefined) {
    const reason = 'It came before events of logs could be driven in again: mend it by writing it as a CloudEvent.';
    return { code: 'QUARANTINED_FORMAT_UNKNOWN', reason };
  }
  const { options, trace: near, sequence, occurrence } = context as XesContext;
  let own: XesTrace | undefined;
  try {
    own = await parsed(payload);
  } catch {
    return { code: 'XES_RECORD_INVALID', reason: 'It is no well-formed XML of one event: mend its tags.' };
  }
  const [event] = own?.events ?? [];
  if (!own || !event || own.events.length > 1) {
    return { code: 'XES_RECORD_INVALID', reason: 'Write one <event>, or one <trace> with a name and one <event>.' };
  }
  const mapper = new XesMapping(logOf(context as XesContext), options, hash);
  const zoned = mapping.zone === undefined ? event : { ...event, attributes: inZone(event.attributes, mapping.zone) };
  // Identical ones that stood before it take the first numbers.
  const events = new Array<XesEvent>(Math.min(occurrence, MOST_IDENTICAL) + 1).fill(zoned);
  const attributes = own.attributes.length > 0 ? own.attributes : [...near];
  const { facts, unreadable } = mapper.map({ line: 1, attributes, events });
  const fact = facts.at(-1);
  if (!fact) return { code: unreadable[0]!.code, reason: unreadable[0]!.reason };
  const { [TRACE_KEY]: _known, ...rest } = fact.attributes ?? {};
  const { [TRACE_KEY]: _sealed, ...personal } = fact.personal ?? {};
  const spec = mapper.kindSpecs().find(({ id }) => id === fact.kind);
  const read = {
    ...fact,
    // Attributes of the trace stay with its first event that could be read.
    attributes: rest,
    personal: Object.keys(personal).length > 0 ? personal : undefined,
    source: { ...fact.source, sequence },
  };
  return { facts: [{ fact: read, ...(spec && { kind: { journeyType: options.journeyType, spec } }) }] };
}

/** The log that the record came from, as far as it says how its events are to be read. */
const logOf = ({ classifiers, own }: XesContext): XesLog => ({
  extensions: own ? [OWN_EXTENSION] : [],
  globals: { trace: [], event: [] },
  classifiers: [...classifiers],
  attributes: [...(own ?? [])],
});

async function parsed(payload: string): Promise<XesTrace | undefined> {
  const trace = /^\s*<trace[\s>]/.test(payload) ? payload : `<trace>${payload}</trace>`;
  const traces: XesTrace[] = [];
  for await (const part of readXes(bytesOf(`<log>${trace}</log>`))) if (part.kind === 'trace') traces.push(part.trace);
  return traces.length === 1 ? traces[0] : undefined;
}

async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(text));
}

const inZone = (attributes: readonly XesAttribute[], zone: string): XesAttribute[] =>
  attributes.map((a) => (a.key === TIMESTAMP ? { ...a, value: withZone(a.value.trim(), zone) } : a));
