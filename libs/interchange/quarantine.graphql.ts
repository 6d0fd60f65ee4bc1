import { ArgsType, Field, ID, Int, ObjectType } from '@nestjs/graphql';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { Connection, InstantScalar, PageArgs, NullIsAbsent } from '@touchstone/platform';

@ObjectType({ description: 'A fact that could not be taken in, kept with its reason until it is mended or expires.' })
export class QuarantinedRecord {
  @Field(() => ID, { description: 'Id of the record.' })
  id!: string;

  @Field({ description: 'Source system that sent it.' })
  source!: string;

  @Field(() => String, { nullable: true, description: 'Journey type that it was meant for.' })
  journeyType!: string | null;

  @Field(() => Int, { nullable: true, description: 'Line of the file or stream, from 1.' })
  line!: number | null;

  @Field({ description: 'Stable code of what is wrong with it.' })
  code!: string;

  @Field({ description: 'What is wrong with it, in a sentence.' })
  reason!: string;

  @Field(() => InstantScalar, { description: 'When it came in first.' })
  at!: string;

  @Field(() => InstantScalar, { description: 'When it is removed for good.' })
  expiresAt!: string;
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
}
