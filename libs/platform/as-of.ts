import { ArgsType, Field, InputType, IntersectionType, ObjectType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { IsOptional, IsString, ValidateNested } from 'class-validator';
import { NullIsAbsent } from './input-validation.js';
import { PageArgs } from './paging.js';
import { InstantScalar, PositionScalar } from './scalars.js';

/** "As known at": one of a place in the log or a moment. */
@InputType({ isOneOf: true, description: 'What was known: at a place in the log, or at a moment. Give exactly one.' })
export class AsOfInput {
  @Field(() => PositionScalar, { nullable: true, description: 'Everything recorded up to this place.' })
  @IsOptional()
  @IsString()
  position?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'Everything recorded up to this moment.' })
  @IsOptional()
  @IsString()
  instant?: string;
}

/** The pair that an answer stands for. */
@ObjectType('AsOf', {
  description: 'What an answer stands for: the events up to a place in the log, judged at a moment.',
})
export class AsOfAnswer {
  @Field(() => PositionScalar, { description: 'The last place of the log that the answer knows.' })
  position!: string;

  @Field(() => InstantScalar, { description: 'The moment at which rules of time were judged, in UTC.' })
  instant!: string;
}

/** What every read takes: what was known when, and how far the read model has to be. */
@ArgsType()
export class ReadArgs {
  @Field(() => AsOfInput, { nullable: true, description: 'As known then; absent: as known now.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => AsOfInput)
  asOf?: AsOfInput;

  @Field(() => PositionScalar, {
    nullable: true,
    description: 'Wait, within the time limit, until this event is projected.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  atLeast?: string;
}

/** A page of a list, as known at some time. */
@ArgsType()
export class ReadPageArgs extends IntersectionType(PageArgs, ReadArgs, ArgsType) {}
