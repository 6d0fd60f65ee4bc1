import type { DecidedEvent, Decider, DecideContext, Folded } from './decider.js';
import { TouchstoneError } from './errors.js';

/** The time and ids of a specification: `now` stands still, ids count up. */
export function fixedContext(now = '2024-05-01T08:00:00.000Z'): DecideContext {
  let count = 0;
  return {
    now,
    actor: { id: 'tester' },
    newId: () => `00000000-0000-7000-8000-${String(++count).padStart(12, '0')}`,
  };
}

/**
 * Given past events, when a command, then exactly these events, or nothing, or a refusal:
 * `given(journeyDecider, [opened]).when(new CloseJourney({...})).then(JourneyClosed({...}))`.
 */
export function given<S, E extends Folded>(
  decider: Decider<S, E>,
  past: readonly DecidedEvent[],
  context = fixedContext(),
) {
  const state = past.reduce<S>((s, event) => decider.evolve(s, folded(event, context) as E), decider.initial());
  const decide = (command: object) => {
    const rule = decider.commands.find((r) => r.command === command.constructor);
    if (!rule) throw new Error(`${decider.name} has no command ${command.constructor.name}`);
    return rule.decide(command as never, state, context);
  };
  return {
    state,
    when: (command: object) => ({
      /** Exactly these events, in this order. */
      then: (...events: readonly DecidedEvent[]) => expect(decide(command)).toEqual(events),
      /** A repeat, or nothing to do. */
      thenNothing: () => expect(decide(command)).toEqual([]),
      thenRefused: (code: string) => {
        let thrown: unknown;
        try {
          decide(command);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toBeInstanceOf(TouchstoneError);
        expect((thrown as TouchstoneError).code).toBe(code);
        expect((thrown as TouchstoneError).message).toMatch(/[.!]$/);
      },
    }),
  };
}

function folded(event: DecidedEvent, context: DecideContext): Folded {
  return {
    type: event.type,
    data: event.data,
    id: event.id ?? context.newId(),
    occurredAt: event.occurredAt ?? context.now,
    source: event.source,
  };
}
