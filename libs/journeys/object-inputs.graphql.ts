/** What may be said of objects over GraphQL. */
import { Field, ID, InputType, Int, IntersectionType, OmitType, registerEnumType } from '@nestjs/graphql';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsEnum,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Min,
  ValidateNested,
} from 'class-validator';
import { InstantScalar, IsId, JsonScalar, NullIsAbsent } from '@touchstone/platform';
import { IdentifierInput } from './customer-inputs.graphql.js';
import { CorrectTouchpointInput, RecordTouchpointInput } from './touchpoint-inputs.graphql.js';
import { MOST_LINKS, MOST_LISTED } from './object.events.js';

export enum AudienceLinks {
  DIRECTLY = 'DIRECTLY',
  THROUGH_OBJECTS = 'THROUGH_OBJECTS',
}
registerEnumType(AudienceLinks, {
  name: 'AudienceLinks',
  description: 'Which of the customers who are linked to an object when a fact happens.',
  valuesMap: {
    DIRECTLY: { description: 'Those who are linked to the object itself.' },
    THROUGH_OBJECTS: {
      description:
        'And those who are linked to objects to which its links convey what concerns it, over any number of them.',
    },
  },
});

@InputType({ description: 'A thing that many share, such as an outage, a feeder or a meter.' })
export class ObjectKeyInput {
  @Field({ description: 'Type, such as outage.' })
  @IsString()
  @Length(1, 256)
  type!: string;

  @Field({ description: 'Its id in the system that knows it.' })
  @IsString()
  @Length(1, 480)
  id!: string;
}

@InputType({ isAbstract: true })
class OnObject {
  @Field(() => ObjectKeyInput, { description: 'The object.' })
  @ValidateNested()
  @Type(() => ObjectKeyInput)
  object!: ObjectKeyInput;

  @Field(() => Int, {
    nullable: true,
    description: "Refuse unless the object's stream stands at this revision; -1: nothing was ever said of it.",
  })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(-1)
  expectedRevision?: number;
}

@InputType({
  description:
    'Whom a fact concerns. It is stored once, and stands in the timelines of all who belonged to its audience when it happened.',
})
export class AudienceInput {
  @Field(() => [ID], {
    nullable: true,
    description: `These customers, ${MOST_LISTED} at most; more are better linked to the object.`,
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MOST_LISTED)
  @Transform(({ value }) => (Array.isArray(value) ? value.map((id) => String(id).toLowerCase()) : (value ?? undefined)))
  @IsUUID(undefined, { each: true })
  customerIds?: string[];

  @Field(() => [IdentifierInput], {
    nullable: true,
    description: 'These customers, by an identifier of each; who is not known by it yet is registered.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(MOST_LISTED)
  @ValidateNested({ each: true })
  @Type(() => IdentifierInput)
  identifiers?: IdentifierInput[];

  @Field(() => AudienceLinks, { nullable: true, description: 'And all who are linked to the object then.' })
  @IsOptional()
  @NullIsAbsent()
  @IsEnum(AudienceLinks)
  linked?: AudienceLinks;
}

@InputType({ isAbstract: true })
class AboutObjectFact extends OnObject {
  @Field(() => ID, {
    nullable: true,
    description:
      'The customer whom it names, such as who reported it: they belong to its audience, and what is personal in it is about them.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  customerId?: string;

  @Field(() => AudienceInput, {
    nullable: true,
    description: 'Whom it concerns; not given in a correction, it stays as it was.',
  })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => AudienceInput)
  audience?: AudienceInput;
}

const OF_JOURNEY = ['journeyId', 'touchpointId', 'expectedRevision'] as const;

@InputType({ description: 'Something that happened to an object, with those whom it concerns.' })
export class RecordObjectFactInput extends IntersectionType(
  AboutObjectFact,
  OmitType(RecordTouchpointInput, OF_JOURNEY),
  InputType,
) {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  factId?: string;
}

@InputType({ description: 'What was wrong about a fact of an object.' })
export class CorrectObjectFactInput extends IntersectionType(
  AboutObjectFact,
  OmitType(CorrectTouchpointInput, OF_JOURNEY),
  InputType,
) {
  @Field(() => ID, { description: 'The fact; what is not given here stays as it was.' })
  @IsId()
  factId!: string;
}

@InputType({ description: 'A fact that should not have been recorded.' })
export class VoidObjectFactInput extends OnObject {
  @Field(() => ID, { description: 'The fact.' })
  @IsId()
  factId!: string;

  @Field({ description: 'Why.' })
  @IsString()
  @Length(1, 4000)
  reason!: string;
}

@InputType({ isAbstract: true })
class SaidOfObject extends OnObject {
  @Field(() => InstantScalar, { nullable: true, description: 'Since when; absent: since now.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  occurredAt?: string;
}

@InputType({ description: 'What attributes of an object are from a time on.' })
export class ChangeObjectInput extends SaidOfObject {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  changeId?: string;

  @Field(() => JsonScalar, {
    nullable: true,
    description: 'Attributes by name; null: none any more. Without any it is only said that the object is there.',
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

  @Field(() => ID, { nullable: true, description: 'Whom the personal attributes are about.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  customerId?: string;
}

@InputType({ description: 'A link to another object. A link is known by its ends and its qualifier.' })
export class ObjectLinkInput extends ObjectKeyInput {
  @Field(() => String, { nullable: true, description: 'What the other is to this one, such as supplies.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  qualifier?: string;

  @Field({
    defaultValue: true,
    description:
      'What concerns this object concerns the customers of the other one too, when it happens while the link is valid.',
  })
  @IsBoolean()
  conveys: boolean = true;
}

@InputType({ description: 'A link to a customer. A link is known by its ends and its qualifier.' })
export class CustomerLinkInput {
  @Field(() => ID, { description: 'Id of the customer.' })
  @IsId()
  customerId!: string;

  @Field(() => String, { nullable: true, description: 'What they are to the object, such as holder.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  qualifier?: string;
}

@InputType({ description: 'Links of an object that begin, or end, at a time.' })
export class LinkObjectsInput extends SaidOfObject {
  @Field(() => ID, { nullable: true, description: 'Your own id (a UUID), so that a repeat is known.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  linkId?: string;

  @Field(() => [ObjectLinkInput], { nullable: true, description: `Other objects, ${MOST_LINKS} at most.` })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(MOST_LINKS)
  @ValidateNested({ each: true })
  @Type(() => ObjectLinkInput)
  objects?: ObjectLinkInput[];

  @Field(() => [CustomerLinkInput], { nullable: true, description: `Customers, ${MOST_LINKS} at most.` })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(MOST_LINKS)
  @ValidateNested({ each: true })
  @Type(() => CustomerLinkInput)
  customers?: CustomerLinkInput[];
}
