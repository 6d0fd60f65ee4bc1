import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Compile } from 'typebox/schema';
import type { TSchema } from 'typebox';
import { EventRegistry, type DecidedEvent, type EventDescription, type RecordedEvent } from '@touchstone/eventing';
import {
  asyncApiOf,
  cloudEventOf,
  eventSchemas,
  schemaDocument,
  schemaPath,
  type JsonSchema,
} from '@touchstone/delivery';
import { journeyEvents, journeySamples, NO_CONTEXT } from '@touchstone/journeys';
import { packEvents, packSamples } from '@touchstone/packs';
import { outgoing } from '../libs/delivery/outgoing-event.js';

const definitions = [...packEvents, ...journeyEvents] as EventDescription[];
const samples: Record<string, DecidedEvent> = { ...packSamples, ...journeySamples };
const registry = new EventRegistry(definitions);
const schemas = eventSchemas(definitions);
const document = JSON.parse(JSON.stringify(asyncApiOf(definitions))) as Doc;

interface Reference {
  readonly $ref: string;
}
interface Doc {
  readonly asyncapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly channels: Record<string, { readonly address: string; readonly messages: Record<string, Reference> }>;
  readonly operations: Record<
    string,
    {
      readonly action: string;
      readonly channel: Reference;
      readonly messages: Reference[];
      readonly bindings: { readonly http: { readonly method: string; readonly query: JsonSchema } };
    }
  >;
  readonly components: {
    readonly messages: Record<string, { readonly contentType: string; readonly payload: JsonSchema }>;
    readonly schemas: Record<string, JsonSchema>;
  };
}

/** What a reference of the document leads to. @throws for one that leads nowhere */
function followed($ref: string): unknown {
  let at: unknown = document;
  expect($ref).toMatch(/^#\//);
  for (const name of $ref.slice(2).split('/')) {
    if (typeof at !== 'object' || at === null || !(name in at)) throw new Error(`${$ref} leads nowhere.`);
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

/** A schema with what it refers to in its place, for a validator that knows one schema only. */
function whole(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(whole);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref } = schema as Partial<Reference>;
  if (typeof $ref === 'string') return whole(followed($ref));
  return Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, whole(value)]));
}

const validatorOf = (schema: unknown) => {
  const compiled = Compile(whole(schema) as TSchema);
  return (value: unknown) => (compiled.Check(value) ? null : JSON.stringify([...compiled.Errors(value)]));
};

/** A sample as a log gives it back: personal fields sealed. */
function recordedSample({ type, schemaVersion, data }: DecidedEvent): RecordedEvent {
  const stored = { ...(data as Record<string, unknown>) };
  for (const field of registry.definition(type).personalFields) if (field in stored) stored[field] = 'enc:1:SEALED';
  return {
    id: '0190a1b2-0000-7000-8000-000000000001',
    type,
    schemaVersion,
    occurredAt: '2024-05-01T08:00:00+08:00',
    recordedAt: '2024-05-01T00:00:01.000Z',
    data: stored,
    metadata: {
      correlationId: 'c',
      causationId: 'e',
      actor: { id: 'a', role: 'r', unit: 'u' },
      source: { system: 's', recordId: '7', sequence: 9_007_199_254_740_991, recordedAt: '2024-05-01T00:00:00Z' },
      policyVersion: 'P@1',
      subject: 'journey:0190a1b2-0000-7000-8000-000000000001',
      historical: true,
    },
    stream: 'journey-0190a1b2-0000-7000-8000-000000000001',
    revision: 0,
    position: '0000000000000001',
  };
}

const sent = (event: RecordedEvent, reading = registry) =>
  JSON.parse(
    JSON.stringify(cloudEventOf({ ...outgoing(event, reading), context: NO_CONTEXT, supersedes: null, before: null })),
  ) as Record<string, unknown>;

describe('schemas', () => {
  it('of every version that was ever written stay at their address, without personal fields', () => {
    const file = fileURLToPath(new URL('./event-formats.json', import.meta.url));
    const formats = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { schema: Schema; personal: string[] }>;
    type Schema = { properties: Record<string, object>; required?: string[] };
    const written = Object.keys(formats).map((key) => key.replace(/_(\d+)$/, '/$1'));
    expect(schemas.map(({ type, version }) => `${type}/${version}`).sort()).toEqual(written.sort());
    for (const one of schemas) {
      const { schema, personal } = formats[`${one.type}_${one.version}`]!;
      const rest = Object.keys(schema.properties).filter((name) => !personal.includes(name));
      const { properties, required } = one.schema as unknown as Schema;
      expect(properties).toEqual(Object.fromEntries(rest.map((name) => [name, schema.properties[name]])));
      expect(required ?? []).toEqual((schema.required ?? []).filter((name) => rest.includes(name)));
      expect(schemaPath(one.type, one.version)).toBe(`/schemas/${one.type}/${one.version}.json`);
      expect(schemaDocument(one)['$id']).toBe(`urn:touchstone:schemas:${one.type}:${one.version}`);
      expect(JSON.stringify(one.schema)).not.toContain('"personal":true,"');
    }
    expect(schemas.filter(({ current }) => current)).toHaveLength(definitions.length);
  });
});

describe('an event that goes out', () => {
  it.each(Object.keys(samples))('%s is as its message says, and holds nothing personal', (name) => {
    const event = sent(recordedSample(samples[name]!));
    const message =
      document.components.messages[`${samples[name]!.type}.${registry.definition(samples[name]!.type).schemaVersion}`]!;
    expect(message.contentType).toBe('application/cloudevents+json');
    const fault = validatorOf(message.payload);
    expect(fault(event)).toBeNull();
    expect(JSON.stringify(event)).not.toContain('SEALED');
    // The message is a check that can fail.
    expect(fault({ ...event, data: { ...(event['data'] as object), surprise: 1 } })).not.toBeNull();
    expect(fault({ ...event, position: undefined })).not.toBeNull();
    expect(fault({ ...event, type: 'Other' })).not.toBeNull();
  });

  it('has attributes that CloudEvents allows, and all that the envelope says', () => {
    const { data: _data, ...attributes } = sent(recordedSample(samples['TouchpointRecorded_1']!));
    for (const [name, value] of Object.entries(attributes)) {
      expect(name).toMatch(/^[a-z0-9]{1,20}$/);
      expect(['string', 'boolean', 'number']).toContain(value === null ? 'string' : typeof value);
    }
    expect(attributes).toMatchObject({
      specversion: '1.0',
      subject: 'journey-0190a1b2-0000-7000-8000-000000000001',
      time: '2024-05-01T08:00:00+08:00',
      recordedtime: '2024-05-01T00:00:01.000Z',
      position: '0000000000000001',
      revision: 0,
      correlationid: 'c',
      causationid: 'e',
      actorid: 'a',
      actorrole: 'r',
      actorunit: 'u',
      sourcesystem: 's',
      sourcerecordid: '7',
      sourcesequence: '9007199254740991',
      sourcerecordedtime: '2024-05-01T00:00:00Z',
      policyversion: 'P@1',
      historical: true,
    });
    expect(new URL(attributes['dataschema'] as string).protocol).toBe('urn:');
  });

  it('of an older version goes out in the shape of today', () => {
    const today = recordedSample(samples['PackPublished_3']!);
    expect(sent({ ...today, schemaVersion: 1 })).toMatchObject({ dataschema: 'urn:touchstone:schemas:PackPublished:3' }); // prettier-ignore
  });

  it('that cannot be read goes out without its data, in its place', () => {
    const known = recordedSample(samples['NoteAdded_1']!);
    const faults: [RecordedEvent, string][] = [
      [{ ...known, type: 'NoteSung', data: { text: 'SECRET' } }, 'EVENT_TYPE_UNKNOWN'],
      [{ ...known, schemaVersion: 9, data: { text: 'SECRET' } }, 'EVENT_VERSION_UNKNOWN'],
      [{ ...known, data: { text: 7, more: 'SECRET' } }, 'EVENT_UNREADABLE'],
    ];
    const fits = validatorOf(document.components.messages['unreadable']!.payload);
    for (const [event, unreadable] of faults) {
      const told = sent(event);
      expect(told).toMatchObject({ id: known.id, type: event.type, position: known.position, unreadable });
      expect(fits(told)).toBeNull();
      expect(JSON.stringify(told)).not.toMatch(/SECRET|dataschema|"data"/);
    }
  });
});

describe('the AsyncAPI document', () => {
  it('has the structure of AsyncAPI 3', () => {
    expect(document.asyncapi).toBe('3.0.0');
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.stringMatching(/^\d+\.\d+\.\d+$/) }); // prettier-ignore
    const allowed = ['asyncapi', 'id', 'info', 'defaultContentType', 'channels', 'operations', 'components'];
    expect(Object.keys(document).filter((key) => !allowed.includes(key))).toEqual([]);
    const keys = [document.channels, document.operations, document.components.messages, document.components.schemas];
    for (const key of keys.flatMap((each) => Object.keys(each))) expect(key).toMatch(/^[A-Za-z0-9._-]+$/);
    for (const { address, messages } of Object.values(document.channels)) {
      expect(address).toMatch(/^\//);
      for (const { $ref } of Object.values(messages)) expect($ref).toMatch(/^#\/components\/messages\//);
    }
    for (const { action, channel, messages, bindings } of Object.values(document.operations)) {
      expect(['send', 'receive']).toContain(action);
      expect(followed(channel.$ref)).toHaveProperty('address');
      // An operation names messages of its channel, not components.
      for (const { $ref } of messages) expect($ref.startsWith(`${channel.$ref}/messages/`)).toBe(true);
      expect(bindings.http).toMatchObject({ method: 'GET', bindingVersion: '0.3.0', query: { type: 'object' } });
    }
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference!);
    expect(references.length).toBeGreaterThan(3 * definitions.length);
    for (const reference of references) expect(() => followed(reference)).not.toThrow();
    for (const { payload } of Object.values(document.components.messages)) expect(() => validatorOf(payload)).not.toThrow(); // prettier-ignore
    expect(() => followed('#/components/schemas/Nothing')).toThrow();
  });

  it('has a message for every event type, and for what else a reader hears', () => {
    const names = Object.keys(document.channels['feed']!.messages);
    const events = definitions.map(({ type, schemaVersion }) => `${type}.${schemaVersion}`);
    expect(names.sort()).toEqual([...events, 'unreadable', 'heartbeat', 'end'].sort());
  });
});
