/** The door of the platform: configuration, request context, GraphQL basics, errors, limits, telemetry. */
export * from './as-of.js';
export * from './config.js';
export * from './endable.js';
export * from './error-report.js';
export * from './graphql-errors.js';
export * from './input-validation.js';
export * from './is-id.js';
export * from './logger.js';
export * from './metrics.js';
export * from './paging.js';
export * from './policies.js';
export * from './policy-checkpoint.js';
export * from './query-limits.js';
export * from './request-context.js';
export * from './scalars.js';
export * from './selected-fields.js';
export * from './tokens.js';
