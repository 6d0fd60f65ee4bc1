import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { EventRegistry, type DecidedEvent, type EventDescription, type RecordedEvent } from '@touchstone/eventing';
import { journeyEvents, journeySamples, objectSamples } from '@touchstone/journeys';
import { packEvents, packSamples } from '@touchstone/packs';

/**
 * The storage format. A name or a shape that was once written is frozen: a difference here means that logs of our users
 * can no longer be read. A new event or version is added with `UPDATE_EVENT_FORMATS=1 npm test -- event-formats`; what
 * stands in the file is never changed.
 */
const file = fileURLToPath(new URL('./event-formats.json', import.meta.url));
const definitions = [...packEvents, ...journeyEvents] as EventDescription[];
const samples: Record<string, DecidedEvent> = { ...packSamples, ...journeySamples, ...objectSamples };
const registry = new EventRegistry(definitions);

const keyOf = (type: string, version: number) => `${type}_${version}`;
/** `MomentObserved_1`, and its variants such as `MomentObserved_1_rule`. */
const samplesOf = (key: string) =>
  Object.entries(samples).flatMap(([name, sample]) => (name === key || name.startsWith(`${key}_`) ? [sample] : []));
const current = Object.fromEntries(
  definitions
    .map((d): [string, unknown] => [
      keyOf(d.type, d.schemaVersion),
      JSON.parse(
        JSON.stringify({
          schema: d.schema,
          personal: d.personalFields,
          sample: samples[keyOf(d.type, d.schemaVersion)]?.data,
        }),
      ),
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1)),
);
type Formats = Readonly<Record<string, { schema: object; personal: readonly string[]; sample: unknown }>>;
const committed = () => JSON.parse(readFileSync(file, 'utf8')) as Formats;

/** Events whose format is not the one that was committed, or that were never committed. */
const changed = (now: Readonly<Record<string, unknown>>, before: Formats): string[] =>
  Object.keys(now).filter((key) => !isDeepStrictEqual(now[key], before[key]));

if (process.env['UPDATE_EVENT_FORMATS']) {
  const before = committed();
  writeFileSync(file, `${JSON.stringify({ ...current, ...before }, null, 2)}\n`);
}

describe('event formats', () => {
  it('are as they were committed', () => {
    expect(changed(current, committed())).toEqual([]);
  });

  it('of every version that was ever written can still be read', () => {
    for (const [key, { sample, personal }] of Object.entries(committed())) {
      const [type, version] = [key.slice(0, key.lastIndexOf('_')), Number(key.slice(key.lastIndexOf('_') + 1))];
      expect(registry.types).toContain(type);
      const data = { ...(sample as Record<string, unknown>) };
      for (const field of personal) if (data[field] !== undefined) data[field] = 'enc:1:x';
      const recorded = { type, schemaVersion: version, data } as unknown as RecordedEvent;
      expect(() => registry.read(recorded)).not.toThrow();
    }
  });

  it('each have samples that fit, and that use every field', () => {
    for (const definition of definitions) {
      const all = samplesOf(keyOf(definition.type, definition.schemaVersion));
      const faults = all.length === 0 ? ['no sample'] : all.map((sample) => definition.fault(sample.data));
      expect([definition.type, faults.filter((fault) => fault !== null)]).toEqual([definition.type, []]);
      const fields = Object.keys((definition.schema as { properties: object }).properties);
      if (definition.type === 'CustomerUpdated' || definition.type === 'KeyBound') continue;
      expect([
        definition.type,
        fields.filter((field) => all.every((sample) => !(field in (sample.data as object)))),
      ]).toEqual([definition.type, []]);
    }
  });

  it('the guard is awake: a renamed field, another mark and a new event are seen', () => {
    const tampered = JSON.parse(JSON.stringify(current)) as Record<
      string,
      { schema: { properties: object }; personal: string[] }
    >;
    const { schema } = tampered['PackPublished_3']!;
    schema.properties = JSON.parse(JSON.stringify(schema.properties).replace('contentHash', 'hash')) as object;
    tampered['NoteAdded_1']!.personal = [];
    tampered['NoteAdded_2'] = tampered['NoteAdded_1']!;
    expect(changed(tampered, committed()).sort()).toEqual(['NoteAdded_1', 'NoteAdded_2', 'PackPublished_3']);
  });
});
