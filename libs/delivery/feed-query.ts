import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import type { FeedFilter, FeedStart } from './feed-filter.js';
import { FIRST, HEARTBEAT_MS, VALUES_MAX, WAIT_MS } from './feed-parameters.js';

/** A parameter that may be given several times. */
const Values =
  (maxLength = 256): PropertyDecorator =>
  (target, key) => {
    const many = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? [value] : value);
    for (const decorate of [
      IsOptional(),
      Transform(many),
      IsArray(),
      ArrayMaxSize(VALUES_MAX),
      IsString({ each: true }),
      MaxLength(maxLength, { each: true }),
    ])
      decorate(target, key as string);
  };

/** A whole number in digits. */
const Whole =
  ({ minimum, maximum }: { minimum: number; maximum: number }): PropertyDecorator =>
  (target, key) => {
    const read = ({ value }: { value: unknown }): unknown =>
      typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
    for (const decorate of [IsOptional(), Transform(read), IsInt(), Min(minimum), Max(maximum)])
      decorate(target, key as string);
  };

/** The parameters of `GET /feed`; one that is not here is refused, so that none is passed over in silence. */
export class FeedQuery {
  @IsOptional()
  @IsString()
  @Matches(/^([0-9A-Za-z._-]{1,64})$/, { message: 'after must be a position, "beginning" or "now"' })
  after?: string;

  @Values()
  type?: string[];

  @Values(1_024)
  stream?: string[];

  @Values()
  journeyType?: string[];

  @Values()
  unit?: string[];

  @Values()
  region?: string[];

  @Values()
  tier?: string[];

  @IsOptional()
  @IsIn(['true', 'false'])
  historical?: 'true' | 'false';

  @Whole(FIRST)
  first?: number;

  @Whole(WAIT_MS)
  wait?: number;

  @Whole(HEARTBEAT_MS)
  heartbeat?: number;
}

/** Where to begin: a reader that comes back says it in `Last-Event-ID`, while its address still says where it began. */
export function startOf({ after }: FeedQuery, lastEventId: string | undefined): FeedStart {
  const place = lastEventId || after || 'beginning';
  return place === 'beginning' || place === 'now' ? place : { after: place };
}

export const filterOf = (query: FeedQuery): FeedFilter => ({
  types: query.type,
  streams: query.stream,
  journeyTypes: query.journeyType,
  units: query.unit,
  regions: query.region,
  tiers: query.tier,
  historical: query.historical === 'false' ? false : undefined,
});
