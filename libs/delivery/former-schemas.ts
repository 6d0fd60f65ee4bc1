/**
 * Versions of event data that no event goes out in any more: their schemas stay at their address, for whoever kept such
 * events. When a type gets a new version, the one before is added here as it was, without its personal fields.
 */
export const formerSchemas: readonly {
  readonly type: string;
  readonly version: number;
  readonly schema: Readonly<Record<string, unknown>>;
}[] = [
  {
    type: 'PackPublished',
    version: 1,
    schema: {
      type: 'object',
      required: ['pack', 'version', 'contentHash', 'effectiveFrom', 'body'],
      properties: {
        pack: {
          type: 'string',
          minLength: 1,
          maxLength: 512,
        },
        version: {
          type: 'integer',
          minimum: 1,
        },
        contentHash: {
          type: 'string',
          maxLength: 64,
        },
        effectiveFrom: {
          type: 'string',
          pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2})$',
          description: 'ISO 8601 date and time with a zone offset',
        },
        shipped: {
          type: 'boolean',
        },
        body: {
          type: 'object',
          required: ['names', 'kinds', 'moments'],
          properties: {
            names: {
              type: 'object',
              required: ['en'],
              properties: {
                en: {
                  type: 'string',
                  maxLength: 512,
                },
                zh: {
                  type: 'string',
                  maxLength: 512,
                },
              },
              additionalProperties: false,
            },
            kinds: {
              type: 'array',
              items: {
                type: 'object',
                required: ['id', 'names', 'traits'],
                properties: {
                  id: {
                    type: 'string',
                    minLength: 1,
                    maxLength: 256,
                  },
                  names: {
                    type: 'object',
                    required: ['en'],
                    properties: {
                      en: {
                        type: 'string',
                        maxLength: 512,
                      },
                      zh: {
                        type: 'string',
                        maxLength: 512,
                      },
                    },
                    additionalProperties: false,
                  },
                  traits: {
                    type: 'object',
                    required: ['closes', 'contact', 'customerVisible'],
                    properties: {
                      closes: {
                        type: 'boolean',
                      },
                      contact: {
                        type: 'boolean',
                      },
                      customerVisible: {
                        type: 'boolean',
                      },
                      actor: {
                        anyOf: [
                          {
                            type: 'string',
                            const: 'customer',
                          },
                          {
                            type: 'string',
                            const: 'staff',
                          },
                          {
                            type: 'string',
                            const: 'system',
                          },
                        ],
                      },
                      stage: {
                        type: 'string',
                        minLength: 1,
                        maxLength: 256,
                      },
                    },
                    additionalProperties: false,
                  },
                  attributes: {
                    type: 'object',
                    patternProperties: {
                      '^.*$': {
                        type: 'object',
                        required: ['type'],
                        properties: {
                          type: {
                            anyOf: [
                              {
                                type: 'string',
                                const: 'text',
                              },
                              {
                                type: 'string',
                                const: 'number',
                              },
                              {
                                type: 'string',
                                const: 'flag',
                              },
                              {
                                type: 'string',
                                const: 'instant',
                              },
                              {
                                type: 'string',
                                const: 'json',
                              },
                            ],
                          },
                          personal: {
                            type: 'boolean',
                          },
                          required: {
                            type: 'boolean',
                          },
                        },
                        additionalProperties: false,
                      },
                    },
                  },
                },
                additionalProperties: false,
              },
              maxItems: 10000,
            },
            moments: {
              type: 'array',
              items: {
                type: 'object',
                required: ['code', 'polarity', 'names'],
                properties: {
                  code: {
                    type: 'string',
                    minLength: 1,
                    maxLength: 256,
                  },
                  polarity: {
                    anyOf: [
                      {
                        type: 'string',
                        const: 'negative',
                      },
                      {
                        type: 'string',
                        const: 'positive',
                      },
                    ],
                  },
                  names: {
                    type: 'object',
                    required: ['en'],
                    properties: {
                      en: {
                        type: 'string',
                        maxLength: 512,
                      },
                      zh: {
                        type: 'string',
                        maxLength: 512,
                      },
                    },
                    additionalProperties: false,
                  },
                  counter: {
                    type: 'string',
                    minLength: 1,
                    maxLength: 256,
                  },
                },
                additionalProperties: false,
              },
              maxItems: 10000,
            },
          },
          additionalProperties: false,
        },
      },
      additionalProperties: false,
    },
  },
  {
    type: 'ForgettingCompleted',
    version: 1,
    schema: {
      type: 'object',
      required: [
        'part',
        'customers',
        'journeys',
        'keysDestroyed',
        'keysReleased',
        'quarantineRemoved',
        'importsRemoved',
      ],
      properties: {
        part: { type: 'integer', minimum: 0 },
        customers: {
          type: 'array',
          items: {
            type: 'string',
            pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
            description: 'UUID',
          },
          maxItems: 10000,
        },
        journeys: {
          type: 'array',
          items: {
            type: 'string',
            pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
            description: 'UUID',
          },
          maxItems: 10000,
        },
        keysDestroyed: { type: 'integer', minimum: 0 },
        keysReleased: { type: 'integer', minimum: 0 },
        quarantineRemoved: { type: 'integer', minimum: 0 },
        importsRemoved: { type: 'integer', minimum: 0 },
      },
      additionalProperties: false,
    },
  },
  {
    type: 'TouchpointRecorded',
    version: 1,
    schema: {
      type: 'object',
      required: ['kind', 'kindVersion', 'traits'],
      properties: {
        kind: { type: 'string', minLength: 1, maxLength: 256 },
        kindVersion: { type: 'integer', minimum: 1 },
        traits: {
          type: 'object',
          required: ['closes', 'contact', 'customerVisible'],
          properties: {
            closes: { type: 'boolean' },
            contact: { type: 'boolean' },
            customerVisible: { type: 'boolean' },
            actor: {
              anyOf: [
                { type: 'string', const: 'customer' },
                { type: 'string', const: 'staff' },
                { type: 'string', const: 'system' },
              ],
            },
            stage: { type: 'string', minLength: 1, maxLength: 256 },
          },
          additionalProperties: false,
        },
        channel: { type: 'string', minLength: 1, maxLength: 256 },
        unit: { type: 'string', minLength: 1, maxLength: 256 },
        staff: { type: 'string', minLength: 1, maxLength: 512 },
        customerId: {
          type: 'string',
          pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
          description: 'UUID',
        },
        attributes: { type: 'object', patternProperties: { '^.*$': {} } },
        objects: {
          type: 'array',
          items: {
            type: 'object',
            required: ['type', 'id'],
            properties: {
              type: { type: 'string', minLength: 1, maxLength: 256 },
              id: { type: 'string', minLength: 1, maxLength: 512 },
              qualifier: { type: 'string', minLength: 1, maxLength: 256 },
            },
            additionalProperties: false,
          },
          maxItems: 1000,
        },
        factId: {
          type: 'string',
          pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
          description: 'UUID',
        },
      },
      additionalProperties: false,
    },
  },
  {
    type: 'PackPublished',
    version: 2,
    schema: {
      type: 'object',
      required: ['pack', 'version', 'contentHash', 'effectiveFrom', 'body'],
      properties: {
        pack: { type: 'string', minLength: 1, maxLength: 512 },
        version: { type: 'integer', minimum: 1 },
        contentHash: { type: 'string', maxLength: 64 },
        effectiveFrom: {
          type: 'string',
          pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2})$',
          description: 'ISO 8601 date and time with a zone offset',
        },
        shipped: { type: 'boolean' },
        body: {
          type: 'object',
          required: ['names', 'kinds', 'moments'],
          properties: {
            names: {
              type: 'object',
              required: ['en'],
              properties: { en: { type: 'string', maxLength: 512 }, zh: { type: 'string', maxLength: 512 } },
              additionalProperties: false,
            },
            kinds: {
              type: 'array',
              items: {
                type: 'object',
                required: ['id', 'names', 'traits'],
                properties: {
                  id: { type: 'string', minLength: 1, maxLength: 256 },
                  names: {
                    type: 'object',
                    required: ['en'],
                    properties: { en: { type: 'string', maxLength: 512 }, zh: { type: 'string', maxLength: 512 } },
                    additionalProperties: false,
                  },
                  traits: {
                    type: 'object',
                    required: ['closes', 'contact', 'customerVisible'],
                    properties: {
                      closes: { type: 'boolean' },
                      contact: { type: 'boolean' },
                      customerVisible: { type: 'boolean' },
                      actor: {
                        anyOf: [
                          { type: 'string', const: 'customer' },
                          { type: 'string', const: 'staff' },
                          { type: 'string', const: 'system' },
                        ],
                      },
                      stage: { type: 'string', minLength: 1, maxLength: 256 },
                    },
                    additionalProperties: false,
                  },
                  attributes: {
                    type: 'object',
                    patternProperties: {
                      '^.*$': {
                        type: 'object',
                        required: ['type'],
                        properties: {
                          type: {
                            anyOf: [
                              { type: 'string', const: 'text' },
                              { type: 'string', const: 'number' },
                              { type: 'string', const: 'flag' },
                              { type: 'string', const: 'instant' },
                              { type: 'string', const: 'json' },
                            ],
                          },
                          personal: { type: 'boolean' },
                          required: { type: 'boolean' },
                        },
                        additionalProperties: false,
                      },
                    },
                  },
                },
                additionalProperties: false,
              },
              maxItems: 10000,
            },
            moments: {
              type: 'array',
              items: {
                type: 'object',
                required: ['code', 'polarity', 'names'],
                properties: {
                  code: { type: 'string', minLength: 1, maxLength: 256 },
                  polarity: {
                    anyOf: [
                      { type: 'string', const: 'negative' },
                      { type: 'string', const: 'positive' },
                    ],
                  },
                  names: {
                    type: 'object',
                    required: ['en'],
                    properties: { en: { type: 'string', maxLength: 512 }, zh: { type: 'string', maxLength: 512 } },
                    additionalProperties: false,
                  },
                  counter: { type: 'string', minLength: 1, maxLength: 256 },
                  description: {
                    type: 'object',
                    required: ['en'],
                    properties: { en: { type: 'string', maxLength: 512 }, zh: { type: 'string', maxLength: 512 } },
                    additionalProperties: false,
                  },
                  rule: { type: 'boolean' },
                },
                additionalProperties: false,
              },
              maxItems: 10000,
            },
            experience: {
              type: 'object',
              required: ['labels'],
              properties: {
                labels: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['id', 'names', 'from', 'to'],
                    properties: {
                      id: { type: 'string', minLength: 1, maxLength: 256 },
                      names: {
                        type: 'object',
                        required: ['en'],
                        properties: { en: { type: 'string', maxLength: 512 }, zh: { type: 'string', maxLength: 512 } },
                        additionalProperties: false,
                      },
                      from: { type: 'integer', minimum: -2, maximum: 2 },
                      to: { type: 'integer', minimum: -2, maximum: 2 },
                    },
                    additionalProperties: false,
                  },
                  maxItems: 5,
                },
              },
              additionalProperties: false,
            },
          },
          additionalProperties: false,
        },
      },
      additionalProperties: false,
    },
  },
];
