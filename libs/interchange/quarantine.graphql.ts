import { ArgsType, Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsEnum,
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
import { Connection, InstantScalar, NullIsAbsent, PAGE_MAX, PageArgs, PositionScalar } from '@touchstone/platform';

/** Where a record stands. */
export enum QuarantineState {
  OPEN = 'OPEN',
  WAITING = 'WAITING',
  MENDED = 'MENDED',
  TAKEN = 'TAKEN',
  DISCARDED = 'DISCARDED',
  ALL = 'ALL',
}
registerEnumType(QuarantineState, {
  name: 'QuarantineState',
  description: 'Where a record in quarantine stands.',
  valuesMap: {
    OPEN: { description: 'As a condition: waiting or mended.' },
    WAITING: { description: 'It waits as it came.' },
    MENDED: { description: 'It was mended and waits to be driven in.' },
    TAKEN: { description: 'It was driven in: it is in the log.' },
    DISCARDED: { description: 'It was given up.' },
    ALL: { description: 'As a condition: any of them.' },
  },
});

@ObjectType({ description: 'Something that was done about a record in quarantine.' })
export class QuarantineDeed {
  @Field(() => InstantScalar, { description: 'When.' })
  at!: string;

  @Field({ description: 'Who did it.' })
  actorId!: string;

  @Field({ description: 'mended, refused (tried in vain), taken, discarded.' })
  what!: string;

  @Field(() => String, {
    nullable: true,
    description: 'What was mended, the code of the refusal, or the touchpoint that it became.',
  })
  detail!: string | null;

  @Field(() => String, { nullable: true, description: 'In the words of who did it.' })
  note!: string | null;
}

@ObjectType({ description: 'A record that could not be taken in, kept with its reason until it is mended or expires.' })
export class QuarantinedRecord {
  @Field(() => ID, { description: 'Id of the record.' })
  id!: string;

  @Field({ description: 'Source system that sent it.' })
  source!: string;

  @Field(() => String, { nullable: true, description: 'Journey type that it was meant for.' })
  journeyType!: string | null;

  @Field(() => ID, { nullable: true, description: 'Id of the import that brought it; null where it came by itself.' })
  importId!: string | null;

  @Field(() => Int, { nullable: true, description: 'Line of the file or stream, from 1.' })
  line!: number | null;

  @Field({ description: 'Stable code of what is wrong with it, as of the last time somebody tried.' })
  code!: string;

  @Field({ description: 'What is wrong with it, in a sentence.' })
  reason!: string;

  @Field({ description: 'Stable code of what was wrong with it when it came.' })
  firstCode!: string;

  @Field({ description: 'What was wrong with it when it came, in a sentence.' })
  firstReason!: string;

  @Field(() => String, { nullable: true, description: 'What it is written in: cloudevent, fact, xes …' })
  format!: string | null;

  @Field(() => QuarantineState, { description: 'Where it stands.' })
  state!: QuarantineState;

  @Field(() => Int, { description: 'Counts its changes; give it as "seenRevision" so as not to undo those of others.' })
  revision!: number;

  @Field(() => InstantScalar, { description: 'When it came in first.' })
  at!: string;

  @Field(() => InstantScalar, { description: 'When it is removed for good.' })
  expiresAt!: string;

  @Field(() => ID, { nullable: true, description: 'Journey that it was meant for, or that it went to.' })
  journeyId!: string | null;

  @Field(() => ID, { nullable: true, description: 'Touchpoint that it became.' })
  touchpointId!: string | null;

  @Field(() => PositionScalar, { nullable: true, description: 'Where it stands in the log once it is taken.' })
  position!: string | null;
}

@ObjectType({ description: 'A page of the quarantine.' })
export class QuarantineConnection extends Connection(QuarantinedRecord) {
  @Field(() => Int, { description: 'Records that the conditions choose, on all pages.' })
  totalCount!: number;
}

@ArgsType()
export class QuarantineArgs extends PageArgs {
  @Field(() => String, { nullable: true, description: 'Only from this source system.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  source?: string;

  @Field(() => String, { nullable: true, description: 'Only with this code.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(128)
  code?: string;

  @Field(() => ID, { nullable: true, description: 'Only of this import.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(128)
  importId?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'Only what came in at or after this.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  from?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'Only what came in before this.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  to?: string;

  @Field(() => QuarantineState, { defaultValue: QuarantineState.OPEN, description: 'Only what stands so.' })
  @IsEnum(QuarantineState)
  state: QuarantineState = QuarantineState.OPEN;
}

@InputType({ description: 'Open records that all conditions choose; without any, all open records.' })
export class QuarantineFilterInput {
  @Field(() => String, { nullable: true, description: 'From this source system.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  source?: string;

  @Field(() => String, { nullable: true, description: 'With this code.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(128)
  code?: string;

  @Field(() => ID, { nullable: true, description: 'Of this import.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(128)
  importId?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'Came in at or after this.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  from?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'Came in before this.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  to?: string;
}

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
