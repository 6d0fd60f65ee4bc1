import { Field, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import { InstantScalar, LongScalar } from '@touchstone/platform';

export enum PolicyState {
  LIVE = 'live',
  WAITING = 'waiting',
  FAILED = 'failed',
}
registerEnumType(PolicyState, {
  name: 'PolicyState',
  description: 'How a policy follows the log.',
  valuesMap: {
    LIVE: { description: 'It follows, and nothing is in its way.' },
    WAITING: { description: 'It waits for the read models, or for the end of a load, and goes on by itself.' },
    FAILED: { description: 'Something that it has to decide cannot be recorded: see its last error.' },
  },
});

@ObjectType({ description: 'What stands in the way of a policy.' })
export class PolicyError {
  @Field({ description: 'Stable code.' })
  code!: string;

  @Field({ description: 'What is wrong, and what to do.' })
  message!: string;
}

@ObjectType({ description: 'What decides by itself, from what happened, and records what it decides.' })
export class Policy {
  @Field({ description: 'Its name; the actor of the events that it records has it for an id.' })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The process that runs it, where several could; null: nobody does now, or there is only this one.',
  })
  holder?: string | null;

  @Field(() => PolicyState, { description: 'How it follows the log.' })
  state!: PolicyState;

  @Field(() => Int, {
    nullable: true,
    description:
      'What it could decide now, by everything that is in the log, and has not decided yet; null while the read models have not come so far.',
  })
  due?: number | null;

  @Field(() => InstantScalar, {
    nullable: true,
    description: 'When the next thing may be decided, by the clock; null: nothing waits for its time.',
  })
  nextDue?: string | null;

  @Field(() => LongScalar, { description: 'Decisions that it recorded since the process started.' })
  decided!: number;

  @Field(() => LongScalar, { description: 'Its attempts since the process started that recorded nothing.' })
  failed!: number;

  @Field(() => Int, { description: 'Of what is due: what was tried in vain and is tried again later.' })
  failing!: number;

  @Field(() => LongScalar, {
    description: 'Milliseconds for which there has been something due without a break; 0 when there is nothing.',
  })
  lag!: number;

  @Field(() => PolicyError, { nullable: true, description: 'What stands in its way now.' })
  lastError?: PolicyError | null;
}
