/** The door of delivery: see README.md. */
export { asyncApiOf } from './async-api.js';
export { CLOUD_EVENT, CLOUD_EVENT_BATCH, cloudEventOf, schemaName, type CloudEvent } from './cloud-event.js';
export { DeliveryModule } from './delivery.module.js';
export { eventSchemas, schemaDocument, schemaPath, type EventSchema, type JsonSchema } from './event-schemas.js';
export type { FeedFilter, FeedStart } from './feed-filter.js';
export { Feeds } from './feeds.js';
export type { Delivery } from './outgoing-event.js';
