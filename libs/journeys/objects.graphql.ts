/** Objects that many share, and what happened to them. */
import { ArgsType, Field, ID, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { IsEnum, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';
import {
  AsOfAnswer,
  Connection,
  InstantScalar,
  JsonScalar,
  NullIsAbsent,
  PageArgs,
  PositionScalar,
  ReadArgs,
  ReadPageArgs,
} from '@touchstone/platform';
import { SEALED } from './journeys.graphql.js';
import { ObjectName, SharedFact } from './object-audience.graphql.js';
import { ObjectKeyInput } from './object-inputs.graphql.js';
import { ATTRIBUTES_MAX, ENTRY_LINKS_MAX } from './objects.queries.js';
import { TimelineVersion } from './timeline.graphql.js';

@ArgsType()
export class ObjectArgs extends ReadArgs {
  @Field(() => ObjectKeyInput, { description: 'Which object.' })
  @ValidateNested()
  @Type(() => ObjectKeyInput)
  of!: ObjectKeyInput;
}

@ObjectType({ description: 'A fact of an object, in the version that held.' })
export class ObjectFact extends TimelineVersion {
  @Field(() => SharedFact, { description: 'Of what it is a fact, and whom it concerned.' })
  shared!: SharedFact;

  @Field(() => [TimelineVersion], {
    description: 'What was corrected or voided since, after the "asOf" of the answer.',
  })
  correctedSince!: TimelineVersion[];

  @Field(() => [TimelineVersion], { description: 'Versions that had been superseded by then.' })
  earlier!: TimelineVersion[];
}

@ObjectType({ description: 'A link of an object, to another one or to a customer.' })
export class ObjectLink {
  @Field(() => ObjectName, { nullable: true, description: 'The other object.' })
  object!: ObjectName | null;

  @Field(() => ID, { nullable: true, description: 'The customer.' })
  customerId!: string | null;

  @Field(() => String, { nullable: true, description: 'What the other end is to this object.' })
  qualifier!: string | null;

  @Field({ description: 'What concerns the one object concerns the customers of the other.' })
  conveys!: boolean;
}

@ObjectType({ description: 'A page of links.' })
export class ObjectLinkConnection extends Connection(ObjectLink) {}

export enum LinkDirection {
  OUTGOING = 'OUTGOING',
  INCOMING = 'INCOMING',
}
registerEnumType(LinkDirection, {
  name: 'LinkDirection',
  description: 'Which links of an object.',
  valuesMap: {
    OUTGOING: { description: 'Those that were said of it: to other objects and to customers.' },
    INCOMING: { description: 'Those of other objects to it.' },
  },
});

export enum ObjectEntryForm {
  FACT = 'FACT',
  CHANGED = 'CHANGED',
  LINKED = 'LINKED',
  UNLINKED = 'UNLINKED',
}
registerEnumType(ObjectEntryForm, {
  name: 'ObjectEntryForm',
  description: "What an entry of an object's timeline is.",
  valuesMap: {
    FACT: { description: 'Something happened to it.' },
    CHANGED: { description: 'Attributes changed.' },
    LINKED: { description: 'Links began.' },
    UNLINKED: { description: 'Links ended.' },
  },
});

@ObjectType({ description: "An entry of an object's timeline." })
export class ObjectEntry {
  @Field(() => ID, { description: 'Id of the entry: of a fact, its id.' })
  id!: string;

  @Field(() => ObjectEntryForm, { description: 'What it is.' })
  form!: string;

  @Field(() => InstantScalar, { description: 'When it happened, with the original offset.' })
  occurredAt!: string;

  @Field(() => PositionScalar, { description: 'Place in the log of the event behind it.' })
  position!: string;

  @Field(() => InstantScalar, { description: 'When Touchstone recorded it.' })
  recordedAt!: string;

  @Field(() => ObjectFact, { nullable: true, description: 'The fact.' })
  fact!: ObjectFact | null;

  @Field(() => JsonScalar, { nullable: true, description: 'Of a change: attributes by name; null: none any more.' })
  attributes!: unknown;

  @Field(() => JsonScalar, { nullable: true, description: `Of a change: attributes about a person. ${SEALED}` })
  personal!: unknown;

  @Field(() => ID, { nullable: true, description: 'Of a change: whom its personal attributes are about.' })
  customerId!: string | null;

  @Field(() => [ObjectLink], { description: `Links that began or ended; the first ${ENTRY_LINKS_MAX}.` })
  links!: ObjectLink[];

  @Field(() => Int, { description: 'How many links began or ended.' })
  linkCount!: number;
}

@ObjectType({ description: "A page of an object's timeline." })
export class ObjectEntryConnection extends Connection(ObjectEntry) {}

/** `timeline` and `links` are read when they are asked for: objects.resolver.ts. */
@ObjectType({ description: 'A thing that many share, such as an outage, a feeder or a meter.' })
export class SharedObject {
  @Field({ description: 'Type.' })
  type!: string;

  @Field({ description: 'Its id in the system that knows it.' })
  id!: string;

  @Field(() => JsonScalar, {
    description: `What its attributes are at the moment of the answer, by name; ${ATTRIBUTES_MAX} at most.`,
  })
  attributes!: unknown;

  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

@ObjectType({ description: 'A page of objects.' })
export class SharedObjectConnection extends Connection(SharedObject) {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

/** Which objects, page by page. */
@ArgsType()
export class ObjectsArgs extends ReadPageArgs {
  @Field(() => String, { nullable: true, description: 'Only objects of this type, such as outage.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(256)
  type?: string;

  @Field(() => String, { nullable: true, description: 'Only those whose id begins so; needs the type.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(256)
  idPrefix?: string;
}

@ArgsType()
export class ObjectLinksArgs extends PageArgs {
  @Field(() => LinkDirection, { defaultValue: LinkDirection.OUTGOING, description: 'Which links.' })
  @IsEnum(LinkDirection)
  direction: LinkDirection = LinkDirection.OUTGOING;
}
