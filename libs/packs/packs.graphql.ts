import { ArgsType, Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsEnum,
  IsOptional,
  IsString,
  Length,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import {
  AsOfAnswer,
  AsOfInput,
  Connection,
  InstantScalar,
  PageArgs,
  PositionScalar,
  NullIsAbsent,
} from '@touchstone/platform';

export enum ActorRole {
  customer = 'customer',
  staff = 'staff',
  system = 'system',
}
registerEnumType(ActorRole, { name: 'ActorRole', description: 'Who acts in a touchpoint.' });

@ObjectType({ description: 'What may be concluded from a touchpoint of a kind.' })
export class KindTraits {
  @Field({ description: 'The matter is done with it, unless something else follows.' })
  closes!: boolean;

  @Field({ description: 'Customer and company were in contact.' })
  contact!: boolean;

  @Field({ description: 'The customer can see or feel it.' })
  customerVisible!: boolean;

  @Field(() => ActorRole, { nullable: true, description: 'Who acts.' })
  actor?: ActorRole | null;

  @Field(() => String, { nullable: true, description: 'Stage of the journey.' })
  stage?: string | null;
}

@ObjectType({ description: 'A kind of touchpoint, as its pack has it in force.' })
export class TouchpointKind {
  @Field(() => ID, { description: 'Id, such as crew.arrived.' })
  id!: string;

  @Field(() => ID, { description: 'Its pack.' })
  pack!: string;

  @Field(() => Int, { description: 'Version of the pack since which it is so.' })
  version!: number;

  @Field({ description: 'Name in English.' })
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese.' })
  nameZh!: string | null;

  @Field(() => KindTraits, { description: 'What may be concluded from it.' })
  traits!: KindTraits;
}

@ObjectType({ description: 'A code of a moment of truth (真理瞬间).' })
export class MomentCode {
  @Field(() => ID, { description: 'Code, such as NEG-03.' })
  code!: string;

  @Field(() => ID, { description: 'Its pack.' })
  pack!: string;

  @Field({ description: 'negative or positive.' })
  polarity!: string;

  @Field({ description: 'Name in English.' })
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese.' })
  nameZh!: string | null;

  @Field(() => String, { nullable: true, description: 'The positive moment that answers a negative one.' })
  counter!: string | null;
}

@ObjectType({ description: 'A pack: the industry as data, in the version in force.' })
export class Pack {
  @Field(() => ID, { description: 'Id.' })
  id!: string;

  @Field({ description: 'Name in English.' })
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese.' })
  nameZh!: string | null;

  @Field(() => Int, { description: 'Version, from 1.' })
  version!: number;

  @Field({ description: 'SHA-256 of its content.' })
  contentHash!: string;

  @Field(() => InstantScalar, { description: 'In force from here on.' })
  effectiveFrom!: string;

  @Field({ description: 'It is no longer in force.' })
  retired!: boolean;
}

@ObjectType({ description: 'A page of kinds.' })
export class KindConnection extends Connection(TouchpointKind) {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

@ObjectType({ description: 'A page of moment codes.' })
export class MomentCodeConnection extends Connection(MomentCode) {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

@ObjectType({ description: 'A page of packs.' })
export class PackConnection extends Connection(Pack) {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

@ArgsType()
export class PackPageArgs extends PageArgs {
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

@ArgsType()
export class KindArgs extends PackPageArgs {
  @Field(() => ID, { nullable: true, description: 'Only of this pack.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  pack?: string;
}

@InputType()
export class KindInput {
  @Field(() => ID, { description: 'Id, such as crew.arrived.' })
  @IsString()
  @Length(1, 256)
  id!: string;

  @Field({ description: 'Name in English.' })
  @IsString()
  @Length(1, 512)
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  nameZh?: string;

  @Field({ defaultValue: false, description: 'The matter is done with it, unless something else follows.' })
  @IsBoolean()
  closes: boolean = false;

  @Field({ defaultValue: false, description: 'Customer and company are in contact.' })
  @IsBoolean()
  contact: boolean = false;

  @Field({ defaultValue: true, description: 'The customer can see or feel it.' })
  @IsBoolean()
  customerVisible: boolean = true;

  @Field(() => ActorRole, { nullable: true, description: 'Who acts.' })
  @IsOptional()
  @NullIsAbsent()
  @IsEnum(ActorRole)
  actor?: ActorRole;

  @Field(() => String, { nullable: true, description: 'Stage of the journey.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  stage?: string;

  @Field(() => [String], { nullable: true, description: 'Names of attributes about a person: they are encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(200)
  @IsString({ each: true })
  personalAttributes?: string[];
}

@InputType()
export class PublishPackInput {
  @Field(() => ID, { description: 'Id of the pack.' })
  @IsString()
  @Length(1, 128)
  pack!: string;

  @Field({ description: 'Name in English.' })
  @IsString()
  @Length(1, 512)
  nameEn!: string;

  @Field(() => [KindInput], { description: 'Kinds to add or change; the others of the pack stay.' })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(2000)
  @ValidateNested({ each: true })
  @Type(() => KindInput)
  kinds!: KindInput[];
}

@ObjectType({ description: 'What publishing left in the log.' })
export class PackPublication {
  @Field(() => ID, { description: 'The pack.' })
  id!: string;

  @Field(() => Int, { description: 'Revision of its stream.' })
  revision!: number;

  @Field(() => PositionScalar, { description: 'Place of its last event; give it as "atLeast" to read your own write.' })
  position!: string;
}
