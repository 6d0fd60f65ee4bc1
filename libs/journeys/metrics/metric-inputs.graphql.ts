import { ArgsType, Field, ID, InputType, Int } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsEnum,
  IsInt,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import {
  AsOfInput,
  InstantScalar,
  NullIsAbsent,
  PAGE_DEFAULT,
  PAGE_MAX,
  PositionScalar,
  ReadPageArgs,
} from '@touchstone/platform';
import { Observer } from '../observation-enums.graphql.js';
import { MetricDimension } from './metric-enums.graphql.js';

/** A list of names; null among them stands for "none". */
const Names =
  (description: string): PropertyDecorator =>
  (target, key) => {
    Field(() => [String], { nullable: 'itemsAndList', description: `${description} Null among them: those without.` })(
      target,
      key as string,
    );
    for (const decorate of [IsOptional(), NullIsAbsent(), IsArray(), ArrayMaxSize(1000), EachName()]) {
      decorate(target, key as string);
    }
  };

const EachName = () =>
  ValidateBy({
    name: 'eachName',
    validator: {
      validate: (names: unknown) =>
        Array.isArray(names) &&
        names.every((name) => name === null || (typeof name === 'string' && name.length <= 512)),
      defaultMessage: () => 'each value must be a text of at most 512 characters, or null',
    },
  });

@InputType({
  description:
    'What is counted: all conditions together, each met by any of its values. Observer and code choose what was observed, never what there was to be observed.',
})
export class MetricFilterInput {
  @Names('Units.')
  unit?: (string | null)[];

  @Names('Channels.')
  channel?: (string | null)[];

  @Names('Journey types.')
  journeyType?: (string | null)[];

  @Names('Stages.')
  stage?: (string | null)[];

  @Names('Segments of customers.')
  segment?: (string | null)[];

  @Names('Regions of customers.')
  region?: (string | null)[];

  @Names('Tiers of customers.')
  tier?: (string | null)[];

  @Names('Systems that told of touchpoints.')
  source?: (string | null)[];

  @Field(() => [Observer], { nullable: true, description: 'Who observed.' })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(5)
  @IsEnum(Observer, { each: true })
  observer?: Observer[];

  @Field(() => [String], { nullable: true, description: 'Codes of moments of truth.' })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(256, { each: true })
  code?: string[];
}

@InputType({ description: 'From when (inclusive) to when (exclusive) anchors lie; either end may be open.' })
export class MetricWindowInput {
  @Field(() => InstantScalar, { nullable: true, description: 'Begins here (inclusive).' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  from?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'Ends here (exclusive).' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  to?: string;
}

@ArgsType()
export class MetricArgs extends ReadPageArgs {
  @Field(() => ID, { description: 'Id of the metric, such as M-FCR.' })
  @IsString()
  @MaxLength(64)
  id!: string;

  @Field(() => MetricWindowInput, { nullable: true, description: 'When; absent: always.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => MetricWindowInput)
  window?: MetricWindowInput;

  @Field(() => [MetricDimension], {
    defaultValue: [],
    description: 'Groups, in the order of their key: the first dimension first, spans of time as they follow.',
  })
  @IsArray()
  @ArrayMaxSize(6)
  @IsEnum(MetricDimension, { each: true })
  groupBy: MetricDimension[] = [];

  @Field(() => MetricFilterInput, { nullable: true, description: 'What is counted; absent: all.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => MetricFilterInput)
  filter?: MetricFilterInput;
}

@InputType({ description: 'One side of a comparison.' })
export class MetricSideInput {
  @Field(() => MetricWindowInput, { nullable: true, description: 'When; absent: always.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => MetricWindowInput)
  window?: MetricWindowInput;

  @Field(() => MetricFilterInput, { nullable: true, description: 'What is counted; absent: all.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => MetricFilterInput)
  filter?: MetricFilterInput;

  @Field(() => AsOfInput, { nullable: true, description: 'As known then; absent: as known now.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => AsOfInput)
  asOf?: AsOfInput;
}

@ArgsType()
export class CompareMetricArgs {
  @Field(() => ID, { description: 'Id of the metric, such as M-FCR.' })
  @IsString()
  @MaxLength(64)
  id!: string;

  @Field(() => MetricSideInput, { description: 'From here.' })
  @ValidateNested()
  @Type(() => MetricSideInput)
  a!: MetricSideInput;

  @Field(() => MetricSideInput, { description: 'To here.' })
  @ValidateNested()
  @Type(() => MetricSideInput)
  b!: MetricSideInput;

  @Field(() => [MetricDimension], { defaultValue: [], description: 'The groups that the difference is split over.' })
  @IsArray()
  @ArrayMaxSize(6)
  @IsEnum(MetricDimension, { each: true })
  groupBy: MetricDimension[] = [];

  @Field(() => Int, { defaultValue: PAGE_DEFAULT, description: `Parts at most, the largest: 1 to ${PAGE_MAX}.` })
  @IsInt()
  @Min(1)
  @Max(PAGE_MAX)
  first: number = PAGE_DEFAULT;

  @Field(() => PositionScalar, {
    nullable: true,
    description: 'Wait, within the time limit, until this event is projected.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  atLeast?: string;
}
