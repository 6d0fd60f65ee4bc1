import type { Delivery } from './outgoing-event.js';

/** Where all events come from: with its id, an event is unique. */
export const SOURCE = '/touchstone';

/** The media types of CloudEvents 1.0 in JSON. */
export const CLOUD_EVENT = 'application/cloudevents+json';
export const CLOUD_EVENT_BATCH = 'application/cloudevents-batch+json';

/** The name of a schema in `dataschema`: absolute, as CloudEvents wants it, and the same on every host. */
export const schemaName = (type: string, version: number): string => `urn:touchstone:schemas:${type}:${version}`;

/** A CloudEvent 1.0 in its JSON format. */
export type CloudEvent = Readonly<Record<string, unknown>> & {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** The stream. */
  readonly subject: string;
  readonly position: string;
};

/**
 * The envelope as a CloudEvent, one to one: `time` is when it happened, `subject` its stream; everything else that the
 * envelope has, and what stood around the event, are extensions. Those of the surroundings are null where nothing was
 * known; the others are left out where the envelope has none. Whose key seals what is nobody's business outside.
 */
export function cloudEventOf({ event, unreadable, context, supersedes }: Delivery): CloudEvent {
  const { actor, source, correlationId, causationId, policyVersion, historical } = event.metadata;
  // What is undefined is left out of the JSON; taking it out of the object would make that slower to write.
  return {
    specversion: '1.0',
    id: event.id,
    source: SOURCE,
    type: event.type,
    subject: event.stream,
    time: event.occurredAt,
    datacontenttype: unreadable === null ? 'application/json' : undefined,
    dataschema: unreadable === null ? schemaName(event.type, event.schemaVersion) : undefined,
    position: event.position,
    revision: event.revision,
    recordedtime: event.recordedAt,
    correlationid: correlationId,
    causationid: causationId,
    actorid: actor.id,
    actorrole: actor.role,
    actorunit: actor.unit,
    sourcesystem: source?.system,
    sourcerecordid: source?.recordId,
    // Text, for a place in a source may be beyond the integers of CloudEvents.
    sourcesequence: source?.sequence === undefined ? undefined : String(source.sequence),
    sourcerecordedtime: source?.recordedAt,
    policyversion: policyVersion,
    historical: historical ? true : undefined,
    journeyid: context.journeyId,
    rootjourneyid: context.rootJourneyId,
    journeytype: context.journeyType,
    stage: context.stage,
    unit: context.unit,
    channel: context.channel,
    region: context.region,
    tier: context.tier,
    supersedes: supersedes ?? undefined,
    unreadable: unreadable ?? undefined,
    data: event.data,
  };
}
