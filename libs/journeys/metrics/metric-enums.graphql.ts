/** What metrics are made of, as names of the API; the values are those of the definitions. */
import { registerEnumType } from '@nestjs/graphql';

/** Names in the API of what metrics can be grouped and filtered by. */
export enum MetricDimension {
  DAY = 'day',
  WEEK = 'week',
  MONTH = 'month',
  UNIT = 'unit',
  CHANNEL = 'channel',
  JOURNEY_TYPE = 'journeyType',
  STAGE = 'stage',
  SEGMENT = 'segment',
  REGION = 'region',
  TIER = 'tier',
  SOURCE = 'source',
  OBSERVER = 'observer',
  CODE = 'code',
}
registerEnumType(MetricDimension, {
  name: 'MetricDimension',
  description: 'What figures can be grouped by.',
  valuesMap: {
    DAY: { description: "Day in the server's time zone." },
    WEEK: { description: 'Week, from Monday; its id is the date of that.' },
    MONTH: { description: 'Month; its id is the date of its first day.' },
    UNIT: { description: 'Unit.' },
    CHANNEL: { description: 'Channel.' },
    JOURNEY_TYPE: { description: 'Journey type.' },
    STAGE: { description: 'Stage.' },
    SEGMENT: { description: 'Segment of the customer.' },
    REGION: { description: 'Region of the customer.' },
    TIER: { description: 'Tier of the customer.' },
    SOURCE: { description: 'System that told of it.' },
    OBSERVER: { description: 'Who observed.' },
    CODE: { description: 'Code of the moment of truth.' },
  },
});

export enum MetricUnit {
  SHARE = 'share',
  PER_THOUSAND = 'perThousand',
  COUNT = 'count',
  MS = 'ms',
  S = 's',
  BALANCE = 'balance',
  POINTS = 'points',
}
registerEnumType(MetricUnit, {
  name: 'MetricUnit',
  description: 'What a value is measured in.',
  valuesMap: {
    SHARE: { description: 'A share, 0 to 1.' },
    PER_THOUSAND: { description: 'Per thousand.' },
    COUNT: { description: 'A number of things.' },
    MS: { description: 'Milliseconds.' },
    S: { description: 'Seconds.' },
    BALANCE: { description: '-1 (all against) to 1 (all for).' },
    POINTS: { description: 'Steps of the scale of experience, -2 to 2.' },
  },
});

export enum MetricKind {
  RATE = 'rate',
  PER_THOUSAND = 'perThousand',
  MEAN = 'mean',
  DURATION = 'duration',
  BALANCE = 'balance',
}
registerEnumType(MetricKind, {
  name: 'MetricKind',
  description: 'How a figure comes about.',
  valuesMap: {
    RATE: { description: 'The share of n that is in the numerator.' },
    PER_THOUSAND: { description: 'Events in the numerator per thousand of n.' },
    MEAN: { description: 'The mean of n values.' },
    DURATION: { description: 'The mean of n durations, with percentiles.' },
    BALANCE: { description: 'The balance of the weights of n things.' },
  },
});

export enum MetricAnchor {
  OPENING = 'opening',
  CLOSING = 'closing',
  TOUCHPOINT = 'touchpoint',
}
registerEnumType(MetricAnchor, {
  name: 'MetricAnchor',
  description: 'What gives a contribution its day, unit, channel and stage.',
  valuesMap: {
    OPENING: { description: "The journey's first touchpoint." },
    CLOSING: { description: 'What closed the journey last; of a decision, the touchpoint before it.' },
    TOUCHPOINT: { description: 'The touchpoint itself; of what was observed, the touchpoint that it was observed at.' },
  },
});
