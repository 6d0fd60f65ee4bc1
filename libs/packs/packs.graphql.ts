import { ArgsType, Field, ID, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { CorrelationRuleNode } from './correlation.graphql.js';
import {
  AsOfAnswer,
  Connection,
  InstantScalar,
  NullIsAbsent,
  PositionScalar,
  ReadPageArgs,
} from '@touchstone/platform';

export enum ActorRole {
  customer = 'customer',
  staff = 'staff',
  system = 'system',
}
registerEnumType(ActorRole, { name: 'ActorRole', description: 'Who acts in a touchpoint.' });

export enum AttributeType {
  text = 'text',
  number = 'number',
  flag = 'flag',
  instant = 'instant',
  json = 'json',
}
registerEnumType(AttributeType, {
  name: 'AttributeType',
  description: 'What values an attribute takes.',
  valuesMap: {
    flag: { description: 'True or false.' },
    instant: { description: 'Date and time with a zone, ISO 8601.' },
    json: { description: 'Any value.' },
  },
});

export enum MomentPolarity {
  negative = 'negative',
  positive = 'positive',
}
registerEnumType(MomentPolarity, {
  name: 'MomentPolarity',
  description: 'Whether a moment of truth speaks against the company or for it.',
});

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

@ObjectType({ description: 'What is known of an attribute of a kind.' })
export class KindAttribute {
  @Field({ description: 'Its name.' })
  name!: string;

  @Field(() => AttributeType, { description: 'What values it takes.' })
  type!: AttributeType;

  @Field({ description: 'It is about a person, and encrypted; what was marked so once stays so.' })
  personal!: boolean;

  @Field({ description: 'A touchpoint of the kind has to have it.' })
  required!: boolean;
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

  @Field(() => [KindAttribute], { description: 'What is known of its attributes, by name; others are taken as given.' })
  attributes!: KindAttribute[];
}

@ObjectType({ description: 'A code of a moment of truth (真理瞬间).' })
export class MomentCode {
  @Field(() => ID, { description: 'Code, such as NEG-03.' })
  code!: string;

  @Field(() => ID, { description: 'Its pack.' })
  pack!: string;

  @Field(() => MomentPolarity, { description: 'Against the company or for it.' })
  polarity!: MomentPolarity;

  @Field({ description: 'Name in English.' })
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese.' })
  nameZh!: string | null;

  @Field(() => String, { nullable: true, description: 'The positive moment that answers a negative one.' })
  counter!: string | null;

  @Field(() => String, { nullable: true, description: 'What it consists in, in English.' })
  descriptionEn!: string | null;

  @Field(() => String, { nullable: true, description: 'What it consists in, in Chinese.' })
  descriptionZh!: string | null;

  @Field({ description: 'A rule derives it from what is recorded; people may observe it too.' })
  rule!: boolean;
}

@ObjectType('ExperienceLabel', { description: 'A word for how an experience compares with what was expected.' })
export class ExperienceLabelNode {
  @Field(() => ID, { description: 'Id, such as very-satisfied.' })
  id!: string;

  @Field({ description: 'Name in English.' })
  nameEn!: string;

  @Field(() => String, { nullable: true, description: 'Name in Chinese.' })
  nameZh!: string | null;

  @Field(() => Int, { description: 'Lowest gap that it stands for: experience less expectation, -2 to 2.' })
  from!: number;

  @Field(() => Int, { description: 'Highest gap that it stands for.' })
  to!: number;
}

@ObjectType({ description: 'The words for experience that hold. A pack of your own comes before what ships.' })
export class ExperienceLabels {
  @Field(() => ID, { nullable: true, description: 'Their pack; null when no pack has words for experience.' })
  pack!: string | null;

  @Field(() => Int, { nullable: true, description: 'Version of the pack.' })
  version!: number | null;

  @Field(() => [ExperienceLabelNode], { description: 'From the highest gap to the lowest; each gap has one.' })
  labels!: ExperienceLabelNode[];

  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
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

  @Field({ description: 'It is no longer in force, nor are its kinds and moments.' })
  retired!: boolean;

  @Field({ description: 'It ships with the product, and changes with it only.' })
  shipped!: boolean;

  @Field(() => [CorrelationRuleNode], {
    description: 'By which its touchpoints find their journeys; a rule of your own pack holds before one that ships.',
  })
  correlation!: CorrelationRuleNode[];
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
export class KindArgs extends ReadPageArgs {
  @Field(() => ID, { nullable: true, description: 'Only of this pack.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  pack?: string;
}

@ObjectType({ description: 'What a command on a pack left in the log.' })
export class PackPublication {
  @Field(() => ID, { description: 'The pack.' })
  id!: string;

  @Field(() => Int, { description: 'Revision of its stream.' })
  revision!: number;

  @Field(() => PositionScalar, { description: 'Place of its last event; give it as "atLeast" to read your own write.' })
  position!: string;
}
