/**
 * Commands to a journey that was merged or split. One that speaks of the journey as a whole (who owns it, whether it waits
 * or is over) is decided over all that is seen as one, and recorded in the journey that stands for it; one that speaks of a
 * touchpoint goes to the journey in whose stream that stands. A note decides nothing and stays where it was written.
 */
import { Inject, type Type } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { Kernel, TouchstoneError, type Executed } from '@touchstone/eventing';
import {
  AssignOwner,
  CloseJourney,
  HandOverJourney,
  journeyDecider,
  PauseJourney,
  ReopenJourney,
  ResumeJourney,
  VoidTouchpoint,
} from './journey.js';
import { journeyStream } from './journey.events.js';
import { GuideExpectation, RecordExpectation, RetractMoment, ReviewTouchpoint } from './observations.js';
import { WholeJourneys, type Holds } from './whole-journeys.js';

interface ToJourney {
  readonly journeyId: string;
  readonly expectedRevision?: number;
}
type CommandOf<C> = new (payload: never) => C;

/** The touchpoint stands there, voided or not. */
export const holdsTouchpoint =
  (id: string): Holds =>
  (state, among) =>
    state.touchpoints.has(id) && (among?.has(id) ?? true);

const holdsMoment =
  (id: string): Holds =>
  ({ observations }, among) => {
    const moment = observations?.moments.get(id);
    return moment !== undefined && (among?.has(moment.touchpointId) ?? true);
  };

/** The command as it is decided in the journey that stands for the whole. */
async function toRoot<C extends ToJourney>(command: C, kernel: Kernel, wholes: WholeJourneys): Promise<C> {
  const whole = await wholes.of(command.journeyId);
  if (whole.rootId === command.journeyId) return again(command, { whole });
  await mustStandAt(command, kernel);
  return again(command, { whole, journeyId: whole.rootId, expectedRevision: undefined });
}

/** The command as it is decided in the journey that has what it speaks of. */
export async function toHolder<C extends ToJourney>(
  command: C,
  holds: Holds,
  { kernel, wholes }: { readonly kernel: Kernel; readonly wholes: WholeJourneys },
): Promise<C> {
  const journeyId = await wholes.holderOf(command.journeyId, holds);
  if (journeyId === command.journeyId) return command;
  await mustStandAt(command, kernel);
  return again(command, { journeyId, expectedRevision: undefined });
}

const again = <C extends object>(command: C, change: object): C =>
  new (command.constructor as CommandOf<C>)({ ...command, ...change } as never);

/** What its sender has seen is the journey that they named. @throws WRONG_EXPECTED_REVISION */
async function mustStandAt({ journeyId, expectedRevision: expected }: ToJourney, kernel: Kernel): Promise<void> {
  if (expected === undefined) return;
  const { revision } = await kernel.look(journeyDecider, journeyId);
  if (revision === expected) return;
  const stream = journeyStream(journeyId);
  throw new TouchstoneError(
    'WRONG_EXPECTED_REVISION',
    `The stream ${stream} stands at revision ${revision}, not at ${expected}: read it again, and decide again.`,
    'conflict',
    { stream, expected, actual: revision },
  );
}

function handlerOf<C extends ToJourney>(
  command: CommandOf<C>,
  route: (command: C, kernel: Kernel, wholes: WholeJourneys) => Promise<C>,
): Type<ICommandHandler> {
  class Handler {
    constructor(
      private readonly kernel: Kernel,
      private readonly wholes: WholeJourneys,
    ) {}

    async execute(given: C): Promise<Executed> {
      return this.kernel.execute(journeyDecider, await route(given, this.kernel, this.wholes));
    }
  }
  Object.defineProperty(Handler, 'name', { value: `${command.name}Handler` });
  Inject(Kernel)(Handler, undefined, 0);
  Inject(WholeJourneys)(Handler, undefined, 1);
  CommandHandler(command as never)(Handler);
  return Handler;
}

const ofWhole = [AssignOwner, HandOverJourney, PauseJourney, ResumeJourney, CloseJourney, ReopenJourney] as const;
const ofTouchpoint = [VoidTouchpoint, ReviewTouchpoint, RecordExpectation] as const;

/** An expectation may have been recorded at another touchpoint of the whole. */
async function guiding(command: GuideExpectation, kernel: Kernel, wholes: WholeJourneys): Promise<GuideExpectation> {
  const routed = await toHolder(command, holdsTouchpoint(command.touchpointId), { kernel, wholes });
  const { expectationId } = command;
  if (expectationId === undefined) return routed;
  const holds: Holds = ({ observations }) => observations?.expectations.has(expectationId) ?? false;
  const holder = await wholes.holderOf(routed.journeyId, holds);
  return holder === routed.journeyId ? routed : again(routed, { expectedElsewhere: true });
}

/** Commands that are decided somewhere else than in the journey they name, when that was merged or split. */
export const routedCommands: readonly object[] = [...ofWhole, ...ofTouchpoint, RetractMoment, GuideExpectation];

export const wholeJourneyHandlers: Type<ICommandHandler>[] = [
  ...ofWhole.map((command) => handlerOf(command as CommandOf<ToJourney>, toRoot)),
  ...ofTouchpoint.map((command) =>
    handlerOf(command as CommandOf<ToJourney & { readonly touchpointId: string }>, (c, kernel, wholes) =>
      toHolder(c, holdsTouchpoint(c.touchpointId), { kernel, wholes }),
    ),
  ),
  handlerOf(RetractMoment as CommandOf<RetractMoment>, (c, kernel, wholes) =>
    toHolder(c, holdsMoment(c.momentId), { kernel, wholes }),
  ),
  handlerOf(GuideExpectation as CommandOf<GuideExpectation>, guiding),
];
