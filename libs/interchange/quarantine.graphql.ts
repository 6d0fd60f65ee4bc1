import { ArgsType, Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { IsEnum, IsOptional, IsString, MaxLength } from 'class-validator';
import { Connection, InstantScalar, NullIsAbsent, PageArgs, PositionScalar } from '@touchstone/platform';

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
