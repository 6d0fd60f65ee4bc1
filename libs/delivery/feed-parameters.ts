/** Values of one parameter at most. */
export const VALUES_MAX = 100;

export const FIRST = { minimum: 1, maximum: 1_000, default: 100 } as const;
export const WAIT_MS = { minimum: 0, maximum: 60_000, default: 0 } as const;
export const HEARTBEAT_MS = { minimum: 100, maximum: 60_000, default: 15_000 } as const;

const values = (description: string, maxLength = 256) => ({
  type: 'array',
  items: { type: 'string', maxLength },
  maxItems: VALUES_MAX,
  description: `${description} Repeat the parameter for several values.`,
});

/** The parameters of `GET /feed` as JSON Schema. */
export const feedParameters = {
  type: 'object',
  additionalProperties: false,
  properties: {
    after: {
      type: 'string',
      default: 'beginning',
      description:
        'Read on after this position, from the "beginning", or from "now". The header Last-Event-ID wins over it.',
    },
    type: values('Only events of these types.'),
    stream: values('Only these streams; a name that ends with "-" means all that begin with it.', 1_024),
    journeyType: values('Only what happened in journeys of these types.'),
    unit: values('Only what happened at touchpoints of these units, or was taken over by them.'),
    region: values('Only what concerns customers of these regions, as known then.'),
    tier: values('Only what concerns customers of these tiers, as known then.'),
    historical: {
      type: 'string',
      enum: ['true', 'false'],
      default: 'true',
      description: 'false: nothing of historical loads, for whoever acts on what happens now.',
    },
    first: { type: 'integer', ...FIRST, description: 'Long poll: events of one answer at most.' },
    wait: { type: 'integer', ...WAIT_MS, description: 'Long poll: milliseconds to wait for the first event.' },
    heartbeat: {
      type: 'integer',
      ...HEARTBEAT_MS,
      description: 'Server-sent events: milliseconds between heartbeats.',
    },
  },
} as const;
