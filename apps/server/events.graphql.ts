import { ArgsType, Field, ID, Int, ObjectType } from '@nestjs/graphql';
import { ArrayMaxSize, IsArray, IsBoolean, IsOptional, IsString, MaxLength } from 'class-validator';
import { Connection, InstantScalar, JsonScalar, NullIsAbsent, PageArgs, PositionScalar } from '@touchstone/platform';

@ObjectType({ description: 'Who acted: a person, a system, or a policy of Touchstone.' })
export class Actor {
  @Field({ description: 'Id of the actor.' })
  id!: string;

  @Field(() => String, { nullable: true, description: 'In which role.' })
  role?: string;

  @Field(() => String, { nullable: true, description: 'For which unit.' })
  unit?: string;
}

@ObjectType({ description: 'Where a fact came from.' })
export class EventSource {
  @Field({ description: 'The system that told it.' })
  system!: string;

  @Field(() => String, { nullable: true, description: 'Its record there.' })
  recordId?: string;

  @Field(() => Int, { nullable: true, description: 'Its place in the trace of the source, from 0.' })
  sequence?: number;

  @Field(() => InstantScalar, {
    nullable: true,
    description: 'When the source recorded it, by the clock of the source.',
  })
  recordedAt?: string;
}

@ObjectType({ description: 'What is known about an event besides what happened.' })
export class EventMetadata {
  @Field({ description: 'Ties together everything that one request caused.' })
  correlationId!: string;

  @Field(() => String, { nullable: true, description: 'The event or command that led to it.' })
  causationId?: string;

  @Field(() => Actor, { description: 'Who acted.' })
  actor!: Actor;

  @Field(() => EventSource, { nullable: true, description: 'Where it came from, when another system told it.' })
  source?: EventSource;

  @Field(() => String, { nullable: true, description: 'Version of the policy that decided it.' })
  policyVersion?: string;

  @Field({ description: 'Part of a historical load: nothing was sent to the outside for it.' })
  historical!: boolean;
}

@ObjectType({
  description:
    'What stood around an event, as known at its position: nobody has to ask back. Null where nothing was known.',
})
export class EventContext {
  @Field(() => ID, {
    nullable: true,
    description: 'Journey in whose stream it was recorded, or that it names. It never changes.',
  })
  journeyId!: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'The journey as which that one was seen: another one once it was merged, or once the touchpoint was split away.',
  })
  rootJourneyId!: string | null;

  @Field(() => String, { nullable: true, description: 'Type of the journey that it happened in.' })
  journeyType!: string | null;

  @Field(() => String, { nullable: true, description: 'Stage of the touchpoint that it is, or is about.' })
  stage!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Unit of that touchpoint, or the one that took the journey over.',
  })
  unit!: string | null;

  @Field(() => String, { nullable: true, description: 'Channel of that touchpoint.' })
  channel!: string | null;

  @Field(() => String, { nullable: true, description: 'Region of the customer.' })
  region!: string | null;

  @Field(() => String, { nullable: true, description: 'Tier of the customer.' })
  tier!: string | null;

  @Field(() => String, { nullable: true, description: 'Id of the earlier event that this one corrects or takes back.' })
  supersedes!: string | null;
}

@ObjectType({ description: 'A recorded event.' })
export class Event {
  @Field({ description: 'Unique id; a repeat carries the same one.' })
  id!: string;

  @Field({ description: 'What happened, such as TouchpointRecorded.' })
  type!: string;

  @Field(() => Int, { description: 'Version of the shape of its data.' })
  schemaVersion!: number;

  @Field({ description: 'The stream it belongs to, such as journey-….' })
  stream!: string;

  @Field(() => Int, { description: 'Its place in the stream, from 0 and without gaps.' })
  revision!: number;

  @Field(() => PositionScalar, { description: 'Its place in the log.' })
  position!: string;

  @Field(() => InstantScalar, { description: 'When it happened, with its original offset.' })
  occurredAt!: string;

  @Field(() => InstantScalar, { description: 'When Touchstone recorded it, in UTC.' })
  recordedAt!: string;

  @Field(() => JsonScalar, {
    nullable: true,
    description:
      'Its data. Personal fields are readable, or "forgotten" once their key was destroyed; a subscription leaves them out. Null: this release cannot read it.',
  })
  data!: unknown;

  @Field(() => EventMetadata, { description: 'Who, from where, in which chain of causes.' })
  metadata!: EventMetadata;

  /** Known already in a subscription; else looked up when it is asked for. */
  context?: EventContext;
}

@ObjectType({ description: 'A page of the event log.' })
export class EventConnection extends Connection(Event) {}

const TYPES = 'Only events of these types; absent: of every type.';
const STREAM = 'Only this stream; a name that ends with "-", such as journey-, means all streams that begin with it.';

/** Which events of the log, page by page. */
@ArgsType()
export class EventsArgs extends PageArgs {
  @Field(() => [String], { nullable: true, description: TYPES })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(256, { each: true })
  types?: string[];

  @Field(() => String, { nullable: true, description: STREAM })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(1024)
  stream?: string;
}

/** A list of names to choose by. */
const Names =
  (description: string, maxLength = 256): PropertyDecorator =>
  (target, key) => {
    for (const decorate of [
      Field(() => [String], { nullable: true, description }),
      IsOptional(),
      NullIsAbsent(),
      IsArray(),
      ArrayMaxSize(100),
      IsString({ each: true }),
      MaxLength(maxLength, { each: true }),
    ])
      decorate(target, key as string);
  };

/** Which events of the log, from where, as they come. */
@ArgsType()
export class EventFeedArgs {
  @Field(() => PositionScalar, {
    nullable: true,
    description: 'Read on after this position: give that of the last event you have taken. Absent: from the beginning.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  after?: string;

  @Names(TYPES)
  types?: string[];

  @Field(() => String, { nullable: true, description: STREAM })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(1024)
  stream?: string;

  @Names('Only what happened in journeys of these types.')
  journeyTypes?: string[];

  @Names('Only what happened at touchpoints of these units, or was taken over by them.')
  units?: string[];

  @Names('Only what concerns customers of these regions, as known then.')
  regions?: string[];

  @Names('Only what concerns customers of these tiers, as known then.')
  tiers?: string[];

  @Field(() => Boolean, { nullable: true, description: 'false: nothing of historical loads.' })
  @IsOptional()
  @NullIsAbsent()
  @IsBoolean()
  historical?: boolean;
}
