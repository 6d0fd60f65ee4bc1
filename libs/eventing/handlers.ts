import { Inject, type Type } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Decider, Folded } from './decider.js';
import { Kernel, type Executed } from './kernel.js';

/**
 * Command handlers of a decider, for the `providers` of its module: load, decide, append, nothing else. Leave out (in
 * `except`) the commands for which something must be fetched first; those have a handler written by hand.
 */
export function handlersFor<S, E extends Folded>(
  decider: Decider<S, E>,
  { except = [] as readonly object[] } = {},
): Type<ICommandHandler>[] {
  return decider.commands
    .filter((rule) => !except.includes(rule.command))
    .map((rule) => {
      class Handler {
        constructor(private readonly kernel: Kernel) {}

        execute(command: object): Promise<Executed<S>> {
          return this.kernel.execute(decider, command);
        }
      }
      Object.defineProperty(Handler, 'name', { value: `${rule.command.name}Handler` });
      Inject(Kernel)(Handler, undefined, 0);
      CommandHandler(rule.command as never)(Handler);
      return Handler;
    });
}
