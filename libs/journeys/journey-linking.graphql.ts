import { ArgsType, Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsEnum,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Min,
} from 'class-validator';
import {
  AsOfAnswer,
  Connection,
  InstantScalar,
  IsId,
  LongScalar,
  NullIsAbsent,
  PositionScalar,
  ReadPageArgs,
} from '@touchstone/platform';
import type { AsOf } from '@touchstone/readmodel';

export enum MatchOf {
  JOURNEYS = 'JOURNEYS',
  CUSTOMERS = 'CUSTOMERS',
}
registerEnumType(MatchOf, { name: 'MatchOf', description: 'What two may be one.' });

export enum MatchStatus {
  OPEN = 'OPEN',
  CONFIRMED = 'CONFIRMED',
  REJECTED = 'REJECTED',
}
registerEnumType(MatchStatus, {
  name: 'MatchStatus',
  description: 'What became of a doubt.',
  valuesMap: {
    OPEN: { description: 'It waits for a person.' },
    CONFIRMED: { description: 'They are one: they were merged.' },
    REJECTED: { description: 'They are two.' },
  },
});

export enum MatchReason {
  GAP_NEAR_LIMIT = 'gap-near-limit',
  NEAR_OBJECT_JOURNEY = 'near-object-journey',
  OBJECT_OF_ANOTHER_JOURNEY = 'object-of-another-journey',
  IDENTIFIERS = 'identifiers',
}
registerEnumType(MatchReason, {
  name: 'MatchReason',
  description: 'Why it is doubtful whether the two are one.',
  valuesMap: {
    GAP_NEAR_LIMIT: { description: 'They are a little further apart than the idle gap.' },
    NEAR_OBJECT_JOURNEY: { description: "The customer's journey of an object lies within the idle gap of the other." },
    OBJECT_OF_ANOTHER_JOURNEY: { description: 'A touchpoint names one journey, and an object of the other.' },
    IDENTIFIERS: { description: 'A touchpoint names identifiers of both customers.' },
  },
});

@ObjectType({ description: 'By which edition of which rule something was found or doubted.' })
export class RuleEdition {
  @Field(() => String, { description: 'Type of journey.' })
  journeyType!: string;

  @Field(() => ID, { description: 'Pack of the rule.' })
  pack!: string;

  @Field(() => Int, { description: 'Version of the pack.' })
  version!: number;
}

@ObjectType({ description: 'A doubt whether two journeys, or two customers, are one. A person decides.' })
export class Match {
  @Field(() => ID, { description: 'Id of the match.' })
  id!: string;

  @Field(() => MatchOf, { description: 'What the two are.' })
  of!: string;

  @Field(() => ID, { description: 'Id of the one.' })
  first!: string;

  @Field(() => ID, { description: 'Id of the other.' })
  second!: string;

  @Field(() => MatchStatus, { description: 'What became of it.' })
  status!: string;

  @Field(() => MatchReason, { description: 'Why it is doubtful.' })
  reason!: string;

  @Field(() => RuleEdition, { nullable: true, description: 'The rule that leaves it to a person.' })
  rule!: RuleEdition | null;

  @Field(() => LongScalar, { nullable: true, description: 'How far apart they were when it was doubted, ms.' })
  gapMs!: number | null;

  @Field(() => String, { nullable: true, description: 'Why a person decided so.' })
  settledBecause!: string | null;

  @Field(() => InstantScalar, { description: 'When it was doubted.' })
  doubtedAt!: string;

  asOf!: AsOf;
}

@ObjectType({ description: 'A page of doubtful matches.' })
export class MatchConnection extends Connection(Match) {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

@ArgsType()
export class MatchesArgs extends ReadPageArgs {
  @Field(() => MatchStatus, { nullable: true, description: 'What became of them; OPEN when absent.' })
  @IsOptional()
  @NullIsAbsent()
  @IsEnum(MatchStatus)
  status?: MatchStatus;

  @Field(() => MatchOf, { nullable: true, description: 'Only of journeys, or of customers.' })
  @IsOptional()
  @NullIsAbsent()
  @IsEnum(MatchOf)
  of?: MatchOf;
}

@InputType({ isAbstract: true })
class WithReason {
  @Field({ description: 'Why; it stays readable in the log, so name nobody.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;

  @Field(() => Int, { nullable: true, description: 'Refuse unless the stream stands at this revision.' })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(-1)
  expectedRevision?: number;
}

@InputType()
export class SettleMatchInput extends WithReason {
  @Field(() => ID, { description: 'Id of the match.' })
  @IsId()
  matchId!: string;
}

@InputType()
export class MergeJourneysInput extends WithReason {
  @Field(() => ID, { description: 'The journey that is absorbed.' })
  @IsId()
  journeyId!: string;

  @Field(() => ID, { description: 'The journey that stands for both from now on.' })
  @IsId()
  survivorId!: string;
}

@InputType()
export class UnmergeJourneysInput extends WithReason {
  @Field(() => ID, { description: 'The journey that was absorbed.' })
  @IsId()
  journeyId!: string;
}

@InputType()
export class SplitJourneyInput extends WithReason {
  @Field(() => ID, { description: 'The journey of the touchpoints, as the timeline says of each.' })
  @IsId()
  journeyId!: string;

  @Field(() => [ID], { description: 'Touchpoints that belong to another journey, with what was observed at them.' })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(1000)
  @Transform(({ value }) =>
    Array.isArray(value)
      ? value.map((id: unknown) => (typeof id === 'string' ? id.toLowerCase() : id))
      : (value as unknown),
  )
  @IsUUID(undefined, { each: true })
  touchpointIds!: string[];

  @Field(() => ID, {
    nullable: true,
    description: 'To which journey they belong; opened where it is new. Absent: a new one, the same for a repeat.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  newJourneyId?: string;
}

@ObjectType({ description: 'Where a split left the stream of the journey, and where the touchpoints are now.' })
export class SplitRecorded {
  @Field(() => ID, { description: 'Id of the journey that was split.' })
  id!: string;

  @Field(() => ID, { description: 'Id of the journey that has the touchpoints now.' })
  newJourneyId!: string;

  @Field(() => Int, { description: 'Revision of the last event of its stream.' })
  revision!: number;

  @Field(() => PositionScalar, { description: 'Place of that event; give it as "atLeast" to read your own write.' })
  position!: string;
}
