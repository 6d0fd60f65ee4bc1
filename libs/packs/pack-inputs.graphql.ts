import { Field, ID, InputType, Int } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsEnum,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { NullIsAbsent } from '@touchstone/platform';
import { CorrelationRuleInput } from './correlation.graphql.js';
import { ActorRole, AttributeType, MomentPolarity } from './packs.graphql.js';

@InputType()
export class AttributeInput {
  @Field({ description: 'Its name.' })
  @IsString()
  @Length(1, 256)
  name!: string;

  @Field(() => AttributeType, { defaultValue: AttributeType.json, description: 'What values it takes.' })
  @IsEnum(AttributeType)
  type: AttributeType = AttributeType.json;

  @Field(() => Boolean, {
    nullable: true,
    description: 'It is about a person: it is encrypted. What was marked so once stays so, whatever is given here.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsBoolean()
  personal?: boolean;

  @Field(() => Boolean, { nullable: true, description: 'A touchpoint of the kind has to have it; absent: stays.' })
  @IsOptional()
  @NullIsAbsent()
  @IsBoolean()
  required?: boolean;
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

  @Field(() => String, { nullable: true, description: 'Name in Chinese; absent: stays.' })
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

  @Field(() => [AttributeInput], {
    nullable: true,
    description: 'Attributes to add or change; the others of the kind stay.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(200)
  @ValidateNested({ each: true })
  @Type(() => AttributeInput)
  attributes?: AttributeInput[];
}

@InputType()
export class MomentInput {
  @Field(() => ID, { description: 'Code, such as NEG-03.' })
  @IsString()
  @Length(1, 256)
  code!: string;

  @Field(() => MomentPolarity, { description: 'Against the company or for it.' })
  @IsEnum(MomentPolarity)
  polarity!: MomentPolarity;

  @Field({ description: 'Name in English.' })
  @IsString()
  @Length(1, 512)
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese; absent: stays.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  nameZh?: string;

  @Field(() => ID, { nullable: true, description: 'Of a negative one: the code of the positive one that answers it.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  counter?: string;

  @Field(() => String, { nullable: true, description: 'What it consists in, in English.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  descriptionEn?: string;

  @Field(() => String, { nullable: true, description: 'What it consists in, in Chinese; only beside the English.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  descriptionZh?: string;
}

@InputType()
export class ExperienceLabelInput {
  @Field(() => ID, { description: 'Id, such as very-satisfied.' })
  @IsString()
  @Length(1, 256)
  id!: string;

  @Field({ description: 'Name in English.' })
  @IsString()
  @Length(1, 512)
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese; absent: stays.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  nameZh?: string;

  @Field(() => Int, { description: 'Lowest gap that it stands for: experience less expectation, -2 to 2.' })
  @IsInt()
  @Min(-2)
  @Max(2)
  from!: number;

  @Field(() => Int, { description: 'Highest gap that it stands for; the same as "from" for a single one.' })
  @IsInt()
  @Min(-2)
  @Max(2)
  to!: number;
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

  @Field(() => String, { nullable: true, description: 'Name in Chinese; absent: stays.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  nameZh?: string;

  @Field(() => [KindInput], { nullable: true, description: 'Kinds to add or change; the others of the pack stay.' })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(2000)
  @ValidateNested({ each: true })
  @Type(() => KindInput)
  kinds?: KindInput[];

  @Field(() => [MomentInput], {
    nullable: true,
    description: 'Codes of moments of truth to add or change; the others of the pack stay.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(2000)
  @ValidateNested({ each: true })
  @Type(() => MomentInput)
  moments?: MomentInput[];

  @Field(() => [ExperienceLabelInput], {
    nullable: true,
    description:
      'Words for how an experience compares with what was expected: every gap from -2 to 2 has exactly one. They take the place of those that ship, and of all that the pack had.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(5)
  @ValidateNested({ each: true })
  @Type(() => ExperienceLabelInput)
  experienceLabels?: ExperienceLabelInput[];

  @Field(() => [CorrelationRuleInput], {
    nullable: true,
    description:
      'Rules by which touchpoints find their journeys. Each takes the place of the one for the same type of journey, of this pack or of what ships.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(500)
  @ValidateNested({ each: true })
  @Type(() => CorrelationRuleInput)
  correlation?: CorrelationRuleInput[];
}

@InputType()
export class RetirePackInput {
  @Field(() => ID, { description: 'Id of the pack.' })
  @IsString()
  @Length(1, 128)
  pack!: string;

  @Field({ description: 'Why; it stays in the log.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;
}
