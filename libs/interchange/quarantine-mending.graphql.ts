/** What people do about records in quarantine: which ones, what, and what came of it. */
import { Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { NullIsAbsent, PAGE_MAX } from '@touchstone/platform';
import { QuarantineFilterInput } from './quarantine.graphql.js';

@InputType({ description: 'Records in quarantine: some by their ids, or a page of those that a filter chooses.' })
export class QuarantineSelectionInput {
  @Field(() => [ID], { nullable: true, description: `Ids of records, at most ${PAGE_MAX}.` })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(PAGE_MAX)
  @Matches(/^\d{1,15}$/, { each: true, message: 'each must be the id of a record' })
  ids?: string[];

  @Field(() => QuarantineFilterInput, {
    nullable: true,
    description: 'Instead of ids: what the records have in common.',
  })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => QuarantineFilterInput)
  filter?: QuarantineFilterInput;

  @Field(() => Int, { nullable: true, description: `Of a filter, records at once: 1 to ${PAGE_MAX}, default 500.` })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(1)
  @Max(PAGE_MAX)
  first?: number;

  @Field(() => String, { nullable: true, description: 'Of a filter: go on here, as the answer before ended with.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(2048)
  after?: string;
}

@InputType({ description: 'A kind that records name, and the published kind to take it for.' })
export class KindMappingInput {
  @Field(() => String, { nullable: true, description: 'Kind as the record names it; absent: whatever it names.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  from?: string;

  @Field({ description: 'Id of a published touchpoint kind.' })
  @IsString()
  @Length(1, 256)
  to!: string;
}

@InputType({ description: 'How records are to be read from now on. What they were when they came stays readable.' })
export class MendQuarantinedInput {
  @Field(() => QuarantineSelectionInput, { description: 'Which records.' })
  @ValidateNested()
  @Type(() => QuarantineSelectionInput)
  records!: QuarantineSelectionInput;

  @Field(() => String, {
    nullable: true,
    description: 'Of one record: what it should have been, in its own format, or as a CloudEvent in JSON.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 1_000_000)
  payload?: string;

  @Field(() => [KindMappingInput], { nullable: true, description: 'Kinds to take for others.' })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => KindMappingInput)
  kinds?: KindMappingInput[];

  @Field(() => String, {
    nullable: true,
    description: 'Zone of times that have none: an IANA name such as Asia/Shanghai, or an offset such as +08:00.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 64)
  zone?: string;

  @Field(() => String, { nullable: true, description: 'Why, for the record.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 1000)
  note?: string;

  @Field(() => Int, { nullable: true, description: 'Of one record: refuse when it is not at this revision any more.' })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(0)
  seenRevision?: number;
}

@InputType({ description: 'Records to give up.' })
export class DiscardQuarantinedInput {
  @Field(() => QuarantineSelectionInput, { description: 'Which records.' })
  @ValidateNested()
  @Type(() => QuarantineSelectionInput)
  records!: QuarantineSelectionInput;

  @Field({ description: 'Why, for the record.' })
  @IsString()
  @Length(1, 1000)
  reason!: string;
}

@ObjectType({ description: 'Why a record cannot be taken in.' })
export class QuarantineProblem {
  @Field(() => ID, { description: 'Id of the record.' })
  id!: string;

  @Field({ description: 'Stable code.' })
  code!: string;

  @Field({ description: 'What is wrong, in a sentence.' })
  message!: string;
}

@ObjectType({ isAbstract: true })
class DoneToQuarantined {
  @Field(() => Int, { description: 'Records that were looked at.' })
  seen!: number;

  @Field(() => String, { nullable: true, description: 'Give it as "after" to go on; null: there are no more.' })
  next!: string | null;
}

@ObjectType({ description: 'What mending did.' })
export class QuarantineMended extends DoneToQuarantined {
  @Field(() => Int, { description: 'Records that are changed by it; the others were so already.' })
  mended!: number;

  @Field(() => [QuarantineProblem], { description: 'Records that still cannot be read. A retry may find more.' })
  problems!: QuarantineProblem[];
}

@ObjectType({ description: 'What driving records in again did.' })
export class QuarantineRetried extends DoneToQuarantined {
  @Field(() => Int, { description: 'Records that are in the log now.' })
  taken!: number;

  @Field(() => Int, { description: 'Records that the log had already.' })
  known!: number;

  @Field(() => Int, { description: 'Records that keep waiting.' })
  waiting!: number;

  @Field(() => [QuarantineProblem], { description: 'Why these keep waiting.' })
  problems!: QuarantineProblem[];
}

@ObjectType({ description: 'What giving records up did.' })
export class QuarantineDiscarded extends DoneToQuarantined {
  @Field(() => Int, { description: 'Records that are given up by it; the others were so already.' })
  discarded!: number;
}
