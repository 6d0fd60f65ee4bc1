/** Inputs of commands that speak of a customer. */
import { Field, ID, InputType, Int } from '@nestjs/graphql';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Min,
  ValidateNested,
} from 'class-validator';
import { IsId, NullIsAbsent } from '@touchstone/platform';

@InputType()
export class IdentifierInput {
  @Field({ description: 'Type, such as phone or account.' })
  @IsString()
  @Length(1, 256)
  type!: string;

  @Field({ description: 'The name in that system.' })
  @IsString()
  @Length(1, 512)
  value!: string;
}

@InputType({ isAbstract: true })
class Profile {
  @Field(() => String, { nullable: true, description: 'Name; encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 512)
  name?: string;

  @Field(() => String, { nullable: true, description: 'Phone; encrypted.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 64)
  phone?: string;

  @Field(() => String, { nullable: true, description: 'Kind of customer, such as resident.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  segment?: string;

  @Field(() => String, { nullable: true, description: 'Region.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  region?: string;

  @Field(() => String, { nullable: true, description: 'Tier.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @Length(1, 256)
  tier?: string;
}

@InputType()
export class RegisterCustomerInput extends Profile {
  @Field(() => [IdentifierInput], {
    description: 'Names in other systems; the first one finds a customer who is known.',
  })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => IdentifierInput)
  identifiers!: IdentifierInput[];
}

@InputType()
export class UpdateCustomerInput extends Profile {
  @Field(() => ID, { description: 'Id of the customer.' })
  @IsId()
  customerId!: string;

  @Field(() => Int, { nullable: true, description: 'Refuse unless the customer stands at this revision.' })
  @IsOptional()
  @NullIsAbsent()
  @IsInt()
  @Min(-1)
  expectedRevision?: number;
}
