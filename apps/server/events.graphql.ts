import { ArgsType, Field, Int, ObjectType } from '@nestjs/graphql';
import { ArrayMaxSize, IsArray, IsOptional, IsString, MaxLength } from 'class-validator';
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
    description: 'Its data. Personal fields are readable, or "forgotten" once their key was destroyed.',
  })
  data!: unknown;

  @Field(() => EventMetadata, { description: 'Who, from where, in which chain of causes.' })
  metadata!: EventMetadata;
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
