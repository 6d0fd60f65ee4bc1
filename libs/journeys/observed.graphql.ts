/** What stands beside a touchpoint besides its moments. */
import { Field, Float, ID, Int, ObjectType } from '@nestjs/graphql';
import { InstantScalar, PositionScalar } from '@touchstone/platform';
import { SEALED } from './journeys.graphql.js';
import { Aspect, ExpectationKind, Observer } from './observation-enums.graphql.js';

@ObjectType({ description: 'A measured value, such as 45 min.' })
export class Measured {
  @Field(() => Float, { description: 'The value.' })
  value!: number;

  @Field({ description: 'Its unit.' })
  unit!: string;
}

@ObjectType({ isAbstract: true })
class ObservedNode {
  @Field(() => ID, { description: 'Its id: that of the event behind it.' })
  id!: string;

  @Field(() => ID, { description: 'The touchpoint that it is about.' })
  touchpointId!: string;

  @Field(() => InstantScalar, { description: 'When, with the original offset.' })
  occurredAt!: string;

  @Field(() => InstantScalar, { description: 'When Touchstone recorded it.' })
  recordedAt!: string;

  @Field(() => PositionScalar, { description: 'Place of the event in the log.' })
  position!: string;
}

@ObjectType({ description: 'What a customer expects at a touchpoint.' })
export class Expectation extends ObservedNode {
  @Field(() => Aspect, { description: 'What of it.' })
  aspect!: string;

  @Field(() => ExpectationKind, { description: 'How that came to be known.' })
  kind!: string;

  @Field(() => Measured, { nullable: true, description: 'What they would like.' })
  desired!: Measured | null;

  @Field(() => Measured, { nullable: true, description: 'What would still do.' })
  adequate!: Measured | null;

  @Field(() => String, { nullable: true, description: `In their words. ${SEALED}` })
  statement!: string | null;

  @Field(() => Observer, { description: 'Who noted it.' })
  observer!: string;
}

@ObjectType({ description: 'What a customer was told to expect.' })
export class Guidance extends ObservedNode {
  @Field(() => Aspect, { description: 'What of it.' })
  aspect!: string;

  @Field(() => ID, { nullable: true, description: 'The expectation that it is about.' })
  expectationId!: string | null;

  @Field(() => Measured, { nullable: true, description: 'What they expected before.' })
  from!: Measured | null;

  @Field(() => Measured, { nullable: true, description: 'What they were told to expect.' })
  to!: Measured | null;

  @Field(() => String, { nullable: true, description: 'The script that was followed.' })
  script!: string | null;

  @Field(() => Boolean, { nullable: true, description: 'They agreed.' })
  accepted!: boolean | null;

  @Field(() => String, { nullable: true, description: `What was said. ${SEALED}` })
  statement!: string | null;
}

@ObjectType({ description: 'A word for the gap between what was expected and what was lived.' })
export class ExperienceWord {
  @Field(() => ID, { description: 'Its id, such as very-satisfied.' })
  id!: string;

  @Field({ description: 'In English.' })
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'In Chinese.' })
  nameZh!: string | null;
}

@ObjectType({ description: 'How a touchpoint was lived, against what was expected.' })
export class ExperienceRating extends ObservedNode {
  @Field(() => Aspect, { nullable: true, description: 'What of it; null: all of it.' })
  aspect!: string | null;

  @Field(() => Int, { nullable: true, description: 'Experience less expectation: -2 to 2. Null: one side is unknown.' })
  gap!: number | null;

  @Field(() => Int, { nullable: true, description: 'What was lived: -2 to 2.' })
  level!: number | null;

  @Field(() => Int, { nullable: true, description: 'What was expected: -2 to 2.' })
  expectation!: number | null;

  @Field(() => ExperienceWord, {
    nullable: true,
    description: 'The gap in words, by the policy that was in force when it was rated.',
  })
  label!: ExperienceWord | null;

  @Field(() => String, { nullable: true, description: `What was said about it. ${SEALED}` })
  comment!: string | null;

  @Field(() => Observer, { description: 'Who rated.' })
  observer!: string;
}

@ObjectType({ description: 'Somebody looked at the touchpoint and had nothing to note.' })
export class Review extends ObservedNode {
  @Field(() => Observer, { description: 'Who looked.' })
  observer!: string;
}
