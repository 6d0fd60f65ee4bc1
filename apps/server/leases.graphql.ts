import { Field, ObjectType } from '@nestjs/graphql';
import { InstantScalar, LongScalar } from '@touchstone/platform';

@ObjectType({ description: 'Something that one process does at a time, of all that could.' })
export class Lease {
  @Field({ description: 'What it is, such as projection:journeys or policy:rule-moments.' })
  name!: string;

  @Field({ description: 'The process that has it, or had it last: its host, its process id, and a mark of its own.' })
  holder!: string;

  @Field(() => LongScalar, {
    description: 'How many times it was taken: what was begun under an earlier number writes nothing more.',
  })
  epoch!: number;

  @Field({ description: 'False: nobody has it now; who could does within seconds.' })
  isCurrent!: boolean;

  @Field(() => InstantScalar, { description: 'Since when.' })
  acquiredAt!: string;

  @Field(() => InstantScalar, { description: 'Until when, unless it is renewed.' })
  expiresAt!: string;
}
