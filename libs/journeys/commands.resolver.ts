import { CommandBus } from '@nestjs/cqrs';
import { Args, Mutation, Resolver } from '@nestjs/graphql';
import { newId, type Executed } from '@touchstone/eventing';
import {
  AddNoteInput,
  AssignOwnerInput,
  CloseJourneyInput,
  HandOverJourneyInput,
  OpenJourneyInput,
  PauseJourneyInput,
  Recorded,
  ReopenJourneyInput,
  ResumeJourneyInput,
} from './commands.graphql.js';
import { RegisterCustomerInput, UpdateCustomerInput } from './customer-inputs.graphql.js';
import { CorrectTouchpointInput, RecordTouchpointInput, VoidTouchpointInput } from './touchpoint-inputs.graphql.js';
import { UpdateCustomer } from './customer.js';
import { EnrolCustomer } from './customer.handlers.js';
import { AmendTouchpoint, ReportTouchpoint } from './journey.handlers.js';
import {
  AddNote,
  AssignOwner,
  CloseJourney,
  HandOverJourney,
  OpenJourney,
  PauseJourney,
  ReopenJourney,
  ResumeJourney,
  VoidTouchpoint,
} from './journey.js';

@Resolver(() => Recorded)
export class CommandsResolver {
  constructor(private readonly commands: CommandBus) {}

  @Mutation(() => Recorded, {
    description:
      'Registers a customer; one who is known by the first identifier is answered as they are and learns the others.',
  })
  registerCustomer(@Args('input') input: RegisterCustomerInput) {
    return this.execute(new EnrolCustomer(input));
  }

  @Mutation(() => Recorded, { description: 'Changes what is known of a customer; what is not given stays.' })
  updateCustomer(@Args('input') input: UpdateCustomerInput) {
    return this.execute(new UpdateCustomer(input));
  }

  @Mutation(() => Recorded, { description: 'Opens a journey.' })
  openJourney(@Args('input') input: OpenJourneyInput) {
    return this.execute(new OpenJourney({ ...input, journeyId: input.journeyId ?? newId() }));
  }

  @Mutation(() => Recorded, {
    description: 'Records a touchpoint. A fact is recorded even when the journey is closed.',
  })
  recordTouchpoint(@Args('input') input: RecordTouchpointInput) {
    const touchpointId = input.touchpointId ?? newId();
    return this.execute(new ReportTouchpoint({ ...input, touchpointId }), touchpointId);
  }

  @Mutation(() => Recorded, { description: 'Corrects a touchpoint; the earlier version stays readable.' })
  correctTouchpoint(@Args('input') input: CorrectTouchpointInput) {
    const clear = input.clear?.map((field) => field.toLowerCase());
    return this.execute(new AmendTouchpoint({ ...input, clear }), input.touchpointId);
  }

  @Mutation(() => Recorded, { description: 'Voids a touchpoint that should not have been recorded.' })
  voidTouchpoint(@Args('input') input: VoidTouchpointInput) {
    return this.execute(new VoidTouchpoint(input), input.touchpointId);
  }

  @Mutation(() => Recorded, { description: 'Names the owner of a journey.' })
  assignOwner(@Args('input') input: AssignOwnerInput) {
    return this.execute(new AssignOwner(input));
  }

  @Mutation(() => Recorded, { description: 'Hands a journey over to another owner.' })
  handOverJourney(@Args('input') { toUnit, toStaff, ...input }: HandOverJourneyInput) {
    return this.execute(new HandOverJourney({ ...input, to: { unit: toUnit, staff: toStaff } }));
  }

  @Mutation(() => Recorded, { description: 'Pauses a journey: it waits for someone or something.' })
  pauseJourney(@Args('input') input: PauseJourneyInput) {
    return this.execute(new PauseJourney(input));
  }

  @Mutation(() => Recorded, { description: 'Resumes a paused journey.' })
  resumeJourney(@Args('input') input: ResumeJourneyInput) {
    return this.execute(new ResumeJourney(input));
  }

  @Mutation(() => Recorded, { description: "Closes a journey by a person's decision." })
  closeJourney(@Args('input') input: CloseJourneyInput) {
    return this.execute(new CloseJourney(input));
  }

  @Mutation(() => Recorded, { description: "Reopens a closed journey by a person's decision." })
  reopenJourney(@Args('input') input: ReopenJourneyInput) {
    return this.execute(new ReopenJourney(input));
  }

  @Mutation(() => Recorded, { description: 'Adds a note to a journey; it is encrypted.' })
  addNote(@Args('input') input: AddNoteInput) {
    const noteId = input.noteId ?? newId();
    return this.execute(new AddNote({ ...input, noteId }), noteId);
  }

  private async execute(command: object, entryId?: string): Promise<Recorded> {
    const { id, revision, position } = await this.commands.execute<never, Executed>(command as never);
    return { id, entryId: entryId ?? null, revision, position };
  }
}
