/** Facts that many share, and whom they concern. */
import { ArgsType, Field, ID, Int, ObjectType } from '@nestjs/graphql';
import { AsOfAnswer, Connection, IsId, ReadArgs } from '@touchstone/platform';

@ObjectType({ description: 'Type and id of an object.' })
export class ObjectName {
  @Field({ description: 'Type, such as outage.' })
  type!: string;

  @Field({ description: 'Its id in the system that knows it.' })
  id!: string;
}

/** `customer` is read when it is asked for: objects.resolver.ts. */
@ObjectType({ description: 'A customer whom a fact concerned.' })
export class AudienceMember {
  @Field(() => ID, { description: 'Their id, as the fact or the link named them: they may be merged since.' })
  customerId!: string;

  @Field({ description: 'The fact itself names or lists them; false: they were linked to the object.' })
  listed!: boolean;

  @Field({ description: 'They are forgotten: nothing personal about them can be read.' })
  forgotten!: boolean;

  asOf!: AsOfAnswer;
}

@ObjectType({ description: 'A page of an audience.' })
export class AudienceConnection extends Connection(AudienceMember) {}

@ObjectType({ description: 'How many customers a fact concerned.' })
export class AudienceSize {
  @Field(() => Int, { description: 'Customers; counted to 10,000.' })
  size!: number;

  @Field({ description: 'False: there are more.' })
  exact!: boolean;
}

/** `audienceSize` and `audience` are read when they are asked for: objects.resolver.ts. */
@ObjectType({ description: 'What makes an entry one that many share: it is stored once, on an object.' })
export class SharedFact {
  @Field(() => ID, { description: 'Id of the fact.' })
  factId!: string;

  @Field(() => ObjectName, { description: 'The object to which it happened.' })
  object!: ObjectName;

  asOf!: AsOfAnswer;
}

@ArgsType()
export class ObjectFactArgs extends ReadArgs {
  @Field(() => ID, { description: 'Id of the fact.' })
  @IsId()
  id!: string;
}
