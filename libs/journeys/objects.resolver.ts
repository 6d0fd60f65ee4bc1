import { CommandBus } from '@nestjs/cqrs';
import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { newId, type Executed } from '@touchstone/eventing';
import { PageArgs } from '@touchstone/platform';
import { Recorded } from './commands.graphql.js';
import { JourneyReader } from './journey-reader.js';
import { Customer } from './journeys.graphql.js';
import { loaderOf } from './loaders.js';
import {
  AudienceConnection,
  AudienceMember,
  AudienceSize,
  ObjectFactArgs,
  SharedFact,
} from './object-audience.graphql.js';
import { AmendObjectFact, ReportObjectFact, type ReportedAudience } from './object.handlers.js';
import {
  AudienceLinks,
  ChangeObjectInput,
  CorrectObjectFactInput,
  LinkObjectsInput,
  RecordObjectFactInput,
  VoidObjectFactInput,
  type AudienceInput,
} from './object-inputs.graphql.js';
import { ChangeObject, LinkObjects, VoidObjectFact } from './object.js';
import { ObjectReader } from './object-reader.js';
import {
  ObjectArgs,
  ObjectEntryConnection,
  ObjectFact,
  ObjectLinkConnection,
  ObjectLinksArgs,
  ObjectsArgs,
  SharedObject,
  SharedObjectConnection,
} from './objects.graphql.js';

@Resolver(() => SharedObject)
export class ObjectsResolver {
  constructor(private readonly reader: ObjectReader) {}

  @Query(() => SharedObject, { description: 'A thing that many share, such as an outage.' })
  object(@Args() { of, ...when }: ObjectArgs) {
    return this.reader.object(of, when);
  }

  @Query(() => SharedObjectConnection, { description: 'Things that many share, in the order of their types and ids.' })
  objects(@Args() { type, idPrefix, ...page }: ObjectsArgs) {
    return this.reader.objects({ type, idPrefix }, page);
  }

  @Query(() => ObjectFact, { description: 'A fact that many share, by its id.' })
  objectFact(@Args() { id, ...when }: ObjectFactArgs) {
    return this.reader.fact(id, when);
  }

  @ResolveField(() => ObjectEntryConnection, {
    description: 'What happened to it, in order: facts, changes and links.',
  })
  timeline(@Parent() object: SharedObject, @Args() page: PageArgs) {
    return this.reader.timeline(object, page, object.asOf);
  }

  @ResolveField(() => ObjectLinkConnection, { description: 'Its links at the moment of the answer.' })
  links(@Parent() object: SharedObject, @Args() { direction, ...page }: ObjectLinksArgs) {
    return this.reader.links(object, direction, page, object.asOf);
  }
}

@Resolver(() => SharedFact)
export class SharedFactsResolver {
  constructor(private readonly reader: ObjectReader) {}

  @ResolveField(() => AudienceSize, {
    nullable: true,
    description: 'How many customers it concerned. Customers who were merged since count as they were named.',
  })
  audienceSize(@Parent() { factId, asOf }: SharedFact, @Context() context: object) {
    const load = (ids: readonly string[]) => this.reader.audienceSizes(ids, asOf);
    return loaderOf(context, `audiences ${asOf.position} ${asOf.instant}`, load).load(factId);
  }

  @ResolveField(() => AudienceConnection, { description: 'The customers whom it concerned when it happened.' })
  audience(@Parent() { factId, asOf }: SharedFact, @Args() page: PageArgs) {
    return this.reader.audience(factId, page, asOf);
  }
}

@Resolver(() => AudienceMember)
export class AudienceMembersResolver {
  constructor(private readonly reader: JourneyReader) {}

  @ResolveField(() => Customer, { nullable: true, description: 'The customer, with their journeys.' })
  customer(@Parent() { customerId, asOf }: AudienceMember, @Context() context: object) {
    const load = (ids: readonly string[]) => this.reader.customersById(ids, { asOf });
    return loaderOf(context, `customers ${asOf.position} ${asOf.instant}`, load).load(customerId);
  }
}

@Resolver(() => Recorded)
export class ObjectCommandsResolver {
  constructor(private readonly commands: CommandBus) {}

  @Mutation(() => Recorded, {
    description:
      'Records a fact of an object that concerns many: stored once, seen in the timelines of its audience. Its answer has the name of the object as id.',
  })
  recordObjectFact(@Args('input') { audience, ...input }: RecordObjectFactInput) {
    const factId = input.factId ?? newId();
    return this.execute(new ReportObjectFact({ ...input, factId, audience: reported(audience) }), factId);
  }

  @Mutation(() => Recorded, { description: 'Corrects a fact of an object; the earlier version stays readable.' })
  correctObjectFact(@Args('input') { audience, ...input }: CorrectObjectFactInput) {
    const clear = input.clear?.map((field) => field.toLowerCase());
    return this.execute(new AmendObjectFact({ ...input, clear, audience: reported(audience) }), input.factId);
  }

  @Mutation(() => Recorded, { description: 'Voids a fact of an object that should not have been recorded.' })
  voidObjectFact(@Args('input') input: VoidObjectFactInput) {
    return this.execute(new VoidObjectFact({ ...input, object: { ...input.object } }), input.factId);
  }

  @Mutation(() => Recorded, { description: 'Says what attributes of an object are from a time on.' })
  changeObject(@Args('input') { attributes = {}, ...input }: ChangeObjectInput) {
    const changeId = input.changeId ?? newId();
    return this.execute(new ChangeObject({ ...input, object: { ...input.object }, attributes, changeId }), changeId);
  }

  @Mutation(() => Recorded, { description: 'Links an object to others and to customers from a time on.' })
  linkObjects(@Args('input') input: LinkObjectsInput) {
    return this.link(input, false);
  }

  @Mutation(() => Recorded, {
    description:
      'Ends links from a time on: those of the same ends and qualifier. At the time at which a link begins, it never was.',
  })
  unlinkObjects(@Args('input') input: LinkObjectsInput) {
    return this.link(input, true);
  }

  private link(input: LinkObjectsInput, ended: boolean): Promise<Recorded> {
    const linkId = input.linkId ?? newId();
    return this.execute(new LinkObjects({ ...input, object: { ...input.object }, ended, linkId }), linkId);
  }

  private async execute(command: object, entryId: string): Promise<Recorded> {
    const { id, revision, position } = await this.commands.execute<never, Executed>(command as never);
    return { id, entryId, revision, position };
  }
}

const LINKED = { [AudienceLinks.DIRECTLY]: 'directly', [AudienceLinks.THROUGH_OBJECTS]: 'through-objects' } as const;

const reported = (audience: AudienceInput | undefined): ReportedAudience | undefined =>
  audience && { ...audience, linked: audience.linked && LINKED[audience.linked] };
