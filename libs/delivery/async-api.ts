import type { EventDescription } from '@touchstone/eventing';
import { CLOUD_EVENT, schemaName, SOURCE } from './cloud-event.js';
import { eventSchemas, type EventSchema, type JsonSchema } from './event-schemas.js';
import { feedParameters } from './feed-parameters.js';

const timestamp = { type: 'string', format: 'date-time' };
const known = (description: string) => ({ type: ['string', 'null'], description });

/** Every attribute of an outgoing event but its data. */
const envelope: JsonSchema = {
  type: 'object',
  description:
    'A CloudEvent 1.0 in JSON. What is personal never goes out: such fields are left out of the data, readable or not.',
  required: [
    'specversion',
    'id',
    'source',
    'type',
    'subject',
    'time',
    'position',
    'revision',
    'recordedtime',
    'correlationid',
    'actorid',
    'journeyid',
    'rootjourneyid',
    'journeytype',
    'stage',
    'unit',
    'channel',
    'region',
    'tier',
  ],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string', description: 'Unique; an event that is sent again carries the same one.' },
    source: { const: SOURCE },
    type: { type: 'string' },
    subject: { type: 'string', description: 'The stream, such as journey-…' },
    time: { ...timestamp, description: 'When it happened, with its original offset.' },
    datacontenttype: { const: 'application/json' },
    dataschema: { type: 'string', format: 'uri' },
    position: { type: 'string', description: 'Place in the log: opaque, sorts as the log does.' },
    revision: { type: 'integer', minimum: 0, description: 'Place in the stream, without gaps.' },
    recordedtime: { ...timestamp, description: 'When Touchstone recorded it, in UTC.' },
    correlationid: { type: 'string' },
    causationid: { type: 'string' },
    actorid: { type: 'string' },
    actorrole: { type: 'string' },
    actorunit: { type: 'string' },
    sourcesystem: { type: 'string' },
    sourcerecordid: { type: 'string' },
    sourcesequence: { type: 'string', pattern: '^\\d+$' },
    sourcerecordedtime: timestamp,
    policyversion: { type: 'string' },
    historical: { type: 'boolean', description: 'Part of a historical load.' },
    journeyid: known('Journey in whose stream it was recorded, or that it names. It never changes.'),
    rootjourneyid: known(
      'The journey as which that one was seen at the position: another one once it was merged, or once the touchpoint was split away.',
    ),
    journeytype: known('Type of the journey that it happened in.'),
    stage: known('Stage of the touchpoint that it is, or is about.'),
    unit: known('Unit of that touchpoint, or the one that took the journey over.'),
    channel: known('Channel of that touchpoint.'),
    region: known('Region of the customer, as known at the position.'),
    tier: known('Tier of the customer, as known at the position.'),
    supersedes: { type: 'string', description: 'Id of the event, sent before, that this one corrects or takes back.' },
    unreadable: {
      type: 'string',
      description: 'Why there is no data, such as EVENT_TYPE_UNKNOWN of an event that a newer release wrote.',
    },
    data: {},
  },
};

const cursor = { type: ['string', 'null'], description: 'Read on after it.' };
const control: Readonly<Record<string, { summary: string; payload: JsonSchema; contentType?: string }>> = {
  unreadable: {
    summary: 'An event without its data, since this release cannot read it; it keeps its place and its attributes.',
    payload: { allOf: [{ $ref: '#/components/schemas/CloudEvent' }, { type: 'object', required: ['unreadable'] }] },
    contentType: CLOUD_EVENT,
  },
  heartbeat: {
    summary: 'The feed is alive, and this is where to read on: also after events that the filter passed over.',
    payload: { type: 'object', required: ['position'], properties: { position: cursor } },
  },
  end: {
    summary:
      'The feed ends, and why: FEED_TOO_SLOW, FEEDS_STOPPING, FEED_BEHIND, or another stable code. Connect again and read on.',
    payload: {
      type: 'object',
      required: ['code', 'message', 'position'],
      properties: { code: { type: 'string' }, message: { type: 'string' }, position: cursor },
    },
  },
};

const keyOf = ({ type, version }: EventSchema): string => `${type}.${version}`;

/** The AsyncAPI 3 document of the feed, from the definitions of the events. */
export function asyncApiOf(definitions: readonly EventDescription[]): JsonSchema {
  const schemas = eventSchemas(definitions).filter(({ current }) => current);
  const names = [...schemas.map(keyOf), ...Object.keys(control)];
  return {
    asyncapi: '3.0.0',
    id: 'urn:touchstone:feed',
    info: {
      title: 'Touchstone event feed',
      version: '1.0.0',
      description:
        'Every event of the log, in its order, each exactly once: as server-sent events (Accept: text/event-stream; the ' +
        'id of each is its position), or by long poll (Accept: application/json gives {events, next, caughtUp}; ' +
        'application/cloudevents-batch+json gives the events, with touchstone-next in the headers).',
    },
    defaultContentType: CLOUD_EVENT,
    channels: {
      feed: {
        address: '/feed',
        title: 'The event log',
        messages: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
      },
    },
    operations: {
      sendEvents: {
        action: 'send',
        summary: 'Events after a position, filtered.',
        channel: { $ref: '#/channels/feed' },
        messages: names.map((name) => ({ $ref: `#/channels/feed/messages/${name}` })),
        bindings: { http: { method: 'GET', query: feedParameters, bindingVersion: '0.3.0' } },
      },
    },
    components: {
      messages: Object.fromEntries([...schemas.map(messageOf), ...Object.entries(control).map(controlOf)]),
      schemas: {
        CloudEvent: envelope,
        ...Object.fromEntries(schemas.map((one) => [keyOf(one), one.schema])),
      },
    },
  };
}

function messageOf(one: EventSchema): [string, JsonSchema] {
  const { type, version } = one;
  const payload = {
    allOf: [
      { $ref: '#/components/schemas/CloudEvent' },
      {
        type: 'object',
        required: ['dataschema', 'data'],
        properties: {
          type: { const: type },
          dataschema: { const: schemaName(type, version) },
          data: { $ref: `#/components/schemas/${keyOf(one)}` },
        },
      },
    ],
  };
  return [keyOf(one), { name: type, title: `${type}, version ${version}`, contentType: CLOUD_EVENT, payload }];
}

function controlOf([name, about]: [string, (typeof control)[string]]): [string, JsonSchema] {
  const { summary, payload, contentType = 'application/json' } = about;
  return [name, { name, title: name, summary, contentType, payload }];
}
