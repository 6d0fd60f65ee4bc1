/** What commands answer, and the inputs of those that speak of a journey. */
import { Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { IsBoolean, IsInt, IsOptional, IsString, Length, MaxLength, Min } from 'class-validator';
import { InstantScalar, IsId, NullIsAbsent, PositionScalar } from '@touchstone/platform';

@ObjectType({
  description:
    'Where a command left its stream in the log. A repeat changes nothing and answers with its end as it is.',
})
export class Recorded {
  @Field(() => ID, { description: 'Id of what the command was about: the journey, the customer.' })
  id!: string;

  @Field(() => ID, {
    nullable: true,
    description: 'Id of the entry that the command was about: a touchpoint, a note, a moment.',
  })
  entryId?: string | null;

  @Field(() => Int, { description: 'Revision of the last event of its stream.' })
  revision!: number;

  @Field(() => PositionScalar, { description: 'Place of that event; give it as "atLeast" to read your own write.' })
  position!: string;
}

@InputType({ isAbstract: true })
export class OnJourney {
  @Field(() => ID, { description: 'Id of the journey.' })
  @IsId()
  journeyId!: string;

  @Field(() => Int, { nullable: true, description: 'Refuse unless the journey stands at this revision.' })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(-1)
  expectedRevision?: number;
}

@InputType()
export class OpenJourneyInput {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  journeyId?: string;

  @Field({ description: 'Journey type, such as fault-repair.' })
  @IsString()
  @Length(1, 256)
  journeyType!: string;

  @Field(() => String, { nullable: true, description: "The source's own name of it." })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  key?: string;

  @Field(() => ID, { nullable: true, description: 'Its customer.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  customerId?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'When it opened; absent: now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType()
export class AssignOwnerInput extends OnJourney {
  @Field(() => String, { nullable: true, description: 'Unit.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  unit?: string;

  @Field(() => String, { nullable: true, description: 'Person.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  staff?: string;

  @Field(() => String, { nullable: true, description: 'Why.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(4000)
  reason?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'When; absent: now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType()
export class HandOverJourneyInput extends OnJourney {
  @Field(() => String, { nullable: true, description: 'Unit that takes over.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  toUnit?: string;

  @Field(() => String, { nullable: true, description: 'Person who takes over.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  toStaff?: string;

  @Field(() => String, { nullable: true, description: 'What they have to know; encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 4000)
  note?: string;

  @Field({ description: 'The customer was told who takes over.' })
  @IsBoolean()
  customerTold!: boolean;

  @Field(() => InstantScalar, { nullable: true, description: 'When; absent: now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType({ isAbstract: true })
class Decision extends OnJourney {
  @Field({ description: 'Why.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;

  @Field(() => InstantScalar, { nullable: true, description: 'When; absent: now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType()
export class PauseJourneyInput extends Decision {
  @Field(() => InstantScalar, { nullable: true, description: 'Until when, if that is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  until?: string;
}

@InputType()
export class ResumeJourneyInput extends OnJourney {
  @Field(() => String, { nullable: true, description: 'Why.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(4000)
  reason?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'When; absent: now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType()
export class CloseJourneyInput extends Decision {}

@InputType()
export class ReopenJourneyInput extends Decision {}

@InputType()
export class AddNoteInput extends OnJourney {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  noteId?: string;

  @Field({ description: 'The text; encrypted before it is stored.' })
  @IsString()
  @Length(1, 20_000)
  text!: string;
}
