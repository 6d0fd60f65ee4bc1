import { Field, ID, InputType, ObjectType, registerEnumType } from '@nestjs/graphql';
import { ArrayMaxSize, IsArray, IsEnum, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';
import { LongScalar, NullIsAbsent } from '@touchstone/platform';
import { LONGEST_GAP_MS } from './correlation-rule.js';

export enum SameCustomer {
  apart = 'apart',
  ask = 'ask',
  join = 'join',
}
registerEnumType(SameCustomer, {
  name: 'SameCustomer',
  description: "What becomes of one customer's touchpoints within the idle gap, of which some name an object.",
  valuesMap: {
    apart: { description: "The object's journey stays for itself." },
    ask: { description: 'A person is asked whether they are one.' },
    join: { description: 'They are one journey.' },
  },
});

@ObjectType({ description: 'How a touchpoint that names no journey finds one of this type.' })
export class CorrelationRuleNode {
  @Field(() => ID, { description: 'Type of journey, or "default" for every type without a rule of its own.' })
  journeyType!: string;

  @Field(() => [String], { description: 'Kinds that are of this type when they name none; a star ends a beginning.' })
  kinds!: readonly string[];

  @Field(() => [String], { description: 'Types of objects that stand for one matter, the strongest first.' })
  objects!: readonly string[];

  @Field(() => LongScalar, { nullable: true, description: 'Idle gap in ms; null: time alone joins nothing.' })
  idleGapMs!: number | null;

  @Field(() => LongScalar, { nullable: true, description: 'So much beyond the gap a person is asked; ms.' })
  doubtfulMs!: number | null;

  @Field(() => SameCustomer, { description: 'What becomes of touchpoints with and without an object.' })
  sameCustomer!: SameCustomer;
}

@InputType()
export class CorrelationRuleInput {
  @Field(() => ID, { description: 'Type of journey, or "default" for every type without a rule of its own.' })
  @IsString()
  @Length(1, 256)
  journeyType!: string;

  @Field(() => [String], {
    nullable: true,
    description:
      'Kinds that are of this type when they name none, such as crew.arrived, or crew.* for all that begin so.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(200)
  @IsString({ each: true })
  @Length(1, 256, { each: true })
  kinds?: string[];

  @Field(() => [String], {
    nullable: true,
    description: 'Types of objects that stand for one matter, the strongest first; who shares one shares a journey.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsArray()
  @ArrayMaxSize(20)
  @IsString({ each: true })
  @Length(1, 256, { each: true })
  objects?: string[];

  @Field(() => LongScalar, {
    nullable: true,
    description: 'Touchpoints of one customer no further apart are of one journey; ms.',
  })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(1)
  @Max(LONGEST_GAP_MS)
  idleGapMs?: number;

  @Field(() => LongScalar, { nullable: true, description: 'So much beyond the gap a person is asked; ms.' })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(1)
  @Max(LONGEST_GAP_MS)
  doubtfulMs?: number;

  @Field(() => SameCustomer, {
    nullable: true,
    description: "What becomes of a customer's touchpoints within the gap when some name an object; default apart.",
  })
  @IsOptional()
  @NullIsAbsent()
  @IsEnum(SameCustomer)
  sameCustomer?: SameCustomer;
}
