/** Inputs of commands that speak of a touchpoint. */
import { Field, ID, InputType, registerEnumType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsEnum, IsObject, IsOptional, IsString, Length, ValidateNested } from 'class-validator';
import { InstantScalar, IsId, JsonScalar, NullIsAbsent } from '@touchstone/platform';
import { OnJourney } from './commands.graphql.js';

/** What a correction can take away from a touchpoint. */
export enum TouchpointField {
  CHANNEL = 'CHANNEL',
  UNIT = 'UNIT',
  STAFF = 'STAFF',
  ATTRIBUTES = 'ATTRIBUTES',
  PERSONAL = 'PERSONAL',
  OBJECTS = 'OBJECTS',
}
registerEnumType(TouchpointField, {
  name: 'TouchpointField',
  description: 'A field of a touchpoint that need not have a value.',
  valuesMap: {
    CHANNEL: { description: 'Channel.' },
    UNIT: { description: 'Unit that acted.' },
    STAFF: { description: 'Person who acted.' },
    ATTRIBUTES: { description: 'All plain attributes.' },
    PERSONAL: { description: 'All attributes about a person.' },
    OBJECTS: { description: 'All things it touches.' },
  },
});

@InputType({ description: 'A thing that a touchpoint touches.' })
export class ObjectReferenceInput {
  @Field({ description: 'Type, such as work-order.' })
  @IsString()
  @Length(1, 256)
  type!: string;

  @Field({ description: 'Its id.' })
  @IsString()
  @Length(1, 512)
  id!: string;

  @Field(() => String, { nullable: true, description: 'Role that it plays here.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  qualifier?: string;
}

@InputType({ isAbstract: true })
class Reported extends OnJourney {
  @Field(() => InstantScalar, { nullable: true, description: 'When it happened.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;

  @Field(() => String, { nullable: true, description: 'Channel, such as hotline.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  channel?: string;

  @Field(() => String, { nullable: true, description: 'Unit that acted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  unit?: string;

  @Field(() => String, { nullable: true, description: 'Person who acted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  staff?: string;

  @Field(() => JsonScalar, {
    nullable: true,
    description: 'Attributes; those that the kind marks personal are encrypted.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsObject()
  attributes?: Record<string, unknown>;

  @Field(() => JsonScalar, {
    nullable: true,
    description: 'Attributes about a person: encrypted before they are stored.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsObject()
  personal?: Record<string, unknown>;

  @Field(() => [ObjectReferenceInput], { nullable: true, description: 'Things it touches.' })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(1000)
  @ValidateNested({ each: true })
  @Type(() => ObjectReferenceInput)
  objects?: ObjectReferenceInput[];
}

@InputType()
export class RecordTouchpointInput extends Reported {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  touchpointId?: string;

  @Field({ description: 'Touchpoint kind of a published pack.' })
  @IsString()
  @Length(1, 256)
  kind!: string;
}

@InputType()
export class CorrectTouchpointInput extends Reported {
  @Field(() => ID, { description: 'The touchpoint; what is not given here stays as it was.' })
  @IsId()
  touchpointId!: string;

  @Field({ description: 'Why it is corrected.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;

  @Field(() => String, { nullable: true, description: 'Touchpoint kind.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  kind?: string;

  @Field(() => [TouchpointField], {
    nullable: true,
    description:
      'Fields whose whole value is taken away; null in a field reads as not given. Attributes that are given, plain and personal, are laid over what is there.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(6)
  @IsEnum(TouchpointField, { each: true })
  clear?: TouchpointField[];
}

@InputType()
export class VoidTouchpointInput extends OnJourney {
  @Field(() => ID, { description: 'The touchpoint.' })
  @IsId()
  touchpointId!: string;

  @Field({ description: 'Why it should not have been recorded.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;
}
