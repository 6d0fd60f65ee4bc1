import { ArgsType, Field, ID, InputType, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import { IsEnum, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';
import {
  AsOfAnswer,
  Connection,
  InstantScalar,
  IsId,
  NullIsAbsent,
  ReadArgs,
  ReadPageArgs,
} from '@touchstone/platform';
import { IdentifierInput } from './customer-inputs.graphql.js';

export enum JourneyStatus {
  OPEN = 'OPEN',
  PAUSED = 'PAUSED',
  CLOSED = 'CLOSED',
}
registerEnumType(JourneyStatus, {
  name: 'JourneyStatus',
  description: 'Where a journey stands.',
  valuesMap: {
    OPEN: { description: 'Work goes on.' },
    PAUSED: { description: 'It waits for someone or something.' },
    CLOSED: { description: 'Its last touchpoint, or a person, closed it.' },
  },
});

export enum WindowOf {
  OPENED = 'OPENED',
  TOUCHES = 'TOUCHES',
}
registerEnumType(WindowOf, {
  name: 'WindowOf',
  description: 'How a window of time chooses journeys.',
  valuesMap: {
    OPENED: { description: 'Journeys opened in the window.' },
    TOUCHES: { description: 'Journeys with any touchpoint in the window.' },
  },
});

/** Said of every personal field. */
export const SEALED = 'Reads "forgotten" once the key of the person was destroyed.';

@InputType({ description: 'Which journeys: all conditions together.' })
export class JourneyFilterInput {
  @Field(() => String, { nullable: true, description: 'Journey type, such as fault-repair.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  journeyType?: string;

  @Field(() => ID, {
    nullable: true,
    description: 'Id of the customer: everybody with whom they were merged belongs to it.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  customerId?: string;

  @Field(() => String, { nullable: true, description: "Segment of the journey's customer." })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  segment?: string;

  @Field(() => String, { nullable: true, description: 'Any touchpoint of this unit.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  unit?: string;

  @Field(() => String, { nullable: true, description: 'Any touchpoint on this channel.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  channel?: string;

  @Field(() => JourneyStatus, { nullable: true, description: 'Where the journey stands.' })
  @IsOptional()
  @NullIsAbsent()
  @IsEnum(JourneyStatus)
  status?: JourneyStatus;

  @Field(() => InstantScalar, { nullable: true, description: 'The window begins here (inclusive).' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  from?: string;

  @Field(() => InstantScalar, { nullable: true, description: 'The window ends here (exclusive).' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  to?: string;

  @Field(() => WindowOf, { nullable: true, description: 'How the window chooses; OPENED when absent.' })
  @IsOptional()
  @NullIsAbsent()
  @IsEnum(WindowOf)
  window?: WindowOf;
}

@ArgsType()
export class JourneysArgs extends ReadPageArgs {
  @Field(() => JourneyFilterInput, { nullable: true, description: 'Which journeys; absent: all.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => JourneyFilterInput)
  filter?: JourneyFilterInput;
}

@ArgsType()
export class JourneyArgs extends ReadArgs {
  @Field(() => ID, { description: 'Id of the journey.' })
  @IsId()
  id!: string;
}

@ArgsType()
export class JourneyChangedArgs {
  @Field(() => ID, { description: 'Id of the journey; it may be opened later.' })
  @IsId()
  id!: string;
}

@InputType({ isOneOf: true, description: 'Which customer. Give exactly one.' })
export class CustomerBy {
  @Field(() => ID, { nullable: true, description: 'Id given by Touchstone.' })
  @IsOptional()
  @NullIsAbsent()
  @IsId()
  id?: string;

  @Field(() => IdentifierInput, { nullable: true, description: 'A name in another system.' })
  @IsOptional()
  @NullIsAbsent()
  @ValidateNested()
  @Type(() => IdentifierInput)
  identifier?: IdentifierInput;
}

@ArgsType()
export class CustomerArgs extends ReadArgs {
  @Field(() => CustomerBy, { description: 'Which customer.' })
  @ValidateNested()
  @Type(() => CustomerBy)
  by!: CustomerBy;
}

@ArgsType()
export class CustomersArgs extends ReadPageArgs {
  @Field(() => String, { nullable: true, description: 'Only of this segment.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(512)
  segment?: string;
}

@ObjectType({ description: 'One matter of one customer, from its first touchpoint to its last.' })
export class Journey {
  @Field(() => ID, { description: 'Id of the journey.' })
  id!: string;

  @Field(() => String, { nullable: true, description: 'Journey type.' })
  journeyType!: string | null;

  @Field(() => String, { nullable: true, description: "The source's own name of it: a ticket number, a trace id." })
  key!: string | null;

  @Field(() => ID, { nullable: true, description: 'Its customer: that of its first touchpoint.' })
  customerId!: string | null;

  @Field(() => JourneyStatus, { description: 'Where it stands.' })
  status!: string;

  @Field(() => InstantScalar, { description: 'First touchpoint, else its opening, in UTC.' })
  openedAt!: string;

  @Field(() => InstantScalar, { nullable: true, description: 'When what closed it happened, in UTC; null while open.' })
  endedAt!: string | null;

  @Field(() => String, { nullable: true, description: 'Unit that owns it.' })
  ownerUnit!: string | null;

  @Field(() => String, { nullable: true, description: 'Person who owns it.' })
  ownerStaff!: string | null;

  @Field(() => Int, { description: 'Touchpoints that hold.' })
  touchpointCount!: number;

  @Field(() => [ID], { description: 'Ids of the journeys that were merged into it, directly or by way of others.' })
  mergedFrom!: string[];

  @Field(() => InstantScalar, { nullable: true, description: 'Last touchpoint, in UTC.' })
  lastTouchpointAt!: string | null;

  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

@ObjectType({ description: 'A name that a customer has in some system.' })
export class CustomerIdentifier {
  @Field({ description: 'Type, such as phone or helpdesk/customer.' })
  type!: string;

  @Field({ description: 'The name itself.' })
  value!: string;
}

@ObjectType({ description: 'A customer: who they are to the company.' })
export class Customer {
  @Field(() => ID, { description: 'Id of the customer, given by Touchstone.' })
  id!: string;

  @Field(() => String, { nullable: true, description: `Name. ${SEALED}` })
  name!: string | null;

  @Field(() => String, { nullable: true, description: `Phone. ${SEALED}` })
  phone!: string | null;

  @Field(() => [CustomerIdentifier], { description: 'Names in other systems; empty once forgotten.' })
  identifiers!: CustomerIdentifier[];

  @Field({ description: 'The personal data of this customer were destroyed.' })
  forgotten!: boolean;

  @Field(() => ID, {
    nullable: true,
    description: 'The customer they turned out to be, as known then; journeys and timeline are those of all of them.',
  })
  mergedInto!: string | null;

  @Field(() => [ID], { description: 'Customers who turned out to be this one, as known then: the next step only.' })
  mergedFrom!: string[];

  @Field(() => String, { nullable: true, description: 'Kind of customer, such as resident.' })
  segment!: string | null;

  @Field(() => String, { nullable: true, description: 'Region.' })
  region!: string | null;

  @Field(() => String, { nullable: true, description: 'Tier.' })
  tier!: string | null;

  @Field(() => InstantScalar, { description: 'When Touchstone came to know them.' })
  registeredAt!: string;

  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

@ObjectType({ description: 'A page of journeys.' })
export class JourneyConnection extends Connection(Journey) {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}

@ObjectType({ description: 'A page of customers.' })
export class CustomerConnection extends Connection(Customer) {
  @Field(() => AsOfAnswer, { description: 'What the answer stands for.' })
  asOf!: AsOfAnswer;
}
