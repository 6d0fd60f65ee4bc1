import { ArgsType, Field, Float, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min, MinLength } from 'class-validator';
import { InstantScalar, LongScalar, NullIsAbsent, PAGE_DEFAULT, PAGE_MAX, PositionScalar } from '@touchstone/platform';

export enum ProjectionState {
  CATCHING_UP = 'catching-up',
  LIVE = 'live',
  STALLED = 'stalled',
  FAILED = 'failed',
}
registerEnumType(ProjectionState, {
  name: 'ProjectionState',
  description: 'How a read model follows the log.',
  valuesMap: {
    CATCHING_UP: { description: 'It is behind the log and moving.' },
    LIVE: { description: 'It stands at the head of the log.' },
    STALLED: { description: 'It is behind the log and has not moved for a while; it tries again by itself.' },
    FAILED: { description: 'It cannot go on by itself: see its cause.' },
  },
});

export enum ParkedState {
  PARKED = 'parked',
  SKIPPED = 'skipped',
}
registerEnumType(ParkedState, {
  name: 'ParkedState',
  description: 'What became of an event that a read model could not take.',
  valuesMap: {
    PARKED: { description: 'It waits to be retried or skipped, and the rest of its stream behind it.' },
    SKIPPED: { description: 'Somebody gave it up; it stays for the record.' },
  },
});

@ObjectType({ description: 'An event that a read model set aside.' })
export class ParkedEvent {
  @Field({ description: 'The stream of the event.' })
  stream!: string;

  @Field(() => Int, { description: 'Its place in the stream.' })
  revision!: number;

  @Field(() => PositionScalar, { description: 'Its place in the log.' })
  position!: string;

  @Field({ description: 'Its id.' })
  eventId!: string;

  @Field({ description: 'Its type.' })
  type!: string;

  @Field(() => ParkedState, { description: 'Waiting, or given up.' })
  state!: ParkedState;

  @Field({ description: 'Stable code of what went wrong.' })
  code!: string;

  @Field({ description: 'What went wrong; of an event that only waits behind another: that it does.' })
  message!: string;

  @Field(() => InstantScalar, { description: 'Since when.' })
  parkedAt!: string;

  @Field(() => InstantScalar, { nullable: true, description: 'When it was given up.' })
  skippedAt?: string | null;

  @Field(() => String, { nullable: true, description: 'Who gave it up.' })
  skippedBy?: string | null;

  @Field(() => String, { nullable: true, description: 'Why it was given up.' })
  skipReason?: string | null;
}

@ObjectType({ description: 'A generation that is being built beside the one that answers.' })
export class ProjectionBuild {
  @Field({ description: 'Its name.' })
  generation!: string;

  @Field({ description: 'reading, indexing, deriving, catching-up or swapped.' })
  phase!: string;

  @Field(() => LongScalar, { description: 'Events it has taken.' })
  events!: number;

  @Field(() => Float, { description: 'Events taken per second.' })
  eventsPerSecond!: number;

  @Field(() => String, { nullable: true, description: 'What stands in its way.' })
  cause?: string | null;
}

@ObjectType({ description: 'A group of read models that share one place in the log.' })
export class Projection {
  @Field({ description: 'Name of the group.' })
  group!: string;

  @Field({ description: 'The generation that answers queries, such as journeys-2.' })
  generation!: string;

  @Field(() => ProjectionState, { description: 'How it follows the log.' })
  state!: ProjectionState;

  @Field(() => PositionScalar, { nullable: true, description: 'How far it has come; null before the first event.' })
  checkpoint?: string | null;

  @Field(() => PositionScalar, { nullable: true, description: 'How far the log has come; null until it was asked.' })
  head?: string | null;

  @Field(() => LongScalar, { description: 'Milliseconds it has been behind the log; 0 at its head.' })
  lag!: number;

  @Field(() => Int, { description: 'Events that wait to be retried or skipped.' })
  parked!: number;

  @Field(() => Int, { description: 'Events that were given up.' })
  skipped!: number;

  @Field(() => Float, { description: 'Events taken per second, over the last ten seconds.' })
  eventsPerSecond!: number;

  @Field(() => String, { nullable: true, description: 'What stands in its way.' })
  cause?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Which process keeps it up; null: none does now, or there is only this one.',
  })
  holder?: string | null;

  @Field(() => ProjectionBuild, { nullable: true, description: 'What is being built beside it.' })
  building?: ProjectionBuild | null;
}

@ObjectType({ description: 'What a retry or a skip led to.' })
export class Unparked {
  @Field(() => Int, { description: 'Parked events that went in.' })
  applied!: number;

  @Field(() => Int, { description: 'Parked events that still wait.' })
  waiting!: number;
}

const GROUP = 'Name of the group, such as journeys.';

/** Which group of read models. */
@ArgsType()
export class GroupArgs {
  @Field({ description: GROUP })
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  group!: string;
}

/** Parked events of a group, or of one stream in it. */
@ArgsType()
export class ParkedArgs extends GroupArgs {
  @Field(() => String, { nullable: true, description: 'Only of this stream.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(1024)
  stream?: string;
}

/** One event to give up, and why. */
@ArgsType()
export class SkipParkedArgs extends GroupArgs {
  @Field({ description: 'The stream of the event.' })
  @IsString()
  @MinLength(1)
  @MaxLength(1024)
  stream!: string;

  @Field(() => Int, { description: 'Its place in the stream.' })
  @IsInt()
  @Min(0)
  revision!: number;

  @Field({ description: 'Why it is given up; kept for the record.' })
  @IsString()
  @MinLength(1)
  @MaxLength(1000)
  reason!: string;
}

/** Which parked events to list. */
@ArgsType()
export class ParkedListArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT, description: `Entries at most: 1 to ${PAGE_MAX}.` })
  @IsInt()
  @Min(1)
  @Max(PAGE_MAX)
  first: number = PAGE_DEFAULT;

  @Field(() => String, { nullable: true, description: 'Only of this stream.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(1024)
  stream?: string;
}
