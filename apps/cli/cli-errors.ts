import { CommanderError } from 'commander';
import { TouchstoneError } from '@touchstone/eventing/pure';

/** 0 done · 1 refused or failed · 2 the command line itself is wrong · 130 stopped by the user. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Options that contradict each other or cannot be read: exit code 2. */
export class UsageError extends TouchstoneError {
  constructor(message: string) {
    super('USAGE', message, 'invalid');
  }
}

export const interrupted = (): TouchstoneError =>
  new TouchstoneError('INTERRUPTED', 'Stopped before the end. What was already taken in stays.', 'refused');

/** What to print and which exit code to leave with; null when commander has printed what there is to say. */
export function verdictOn(error: unknown): { readonly text: string | null; readonly exitCode: number } {
  if (error instanceof CommanderError) {
    // Help and version are "errors" with exit code 0.
    return { text: null, exitCode: error.exitCode === 0 ? EXIT.done : EXIT.usage };
  }
  const { name, code, message } = error as Partial<TouchstoneError>;
  if (name !== 'TouchstoneError' || code === undefined) {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { text: `INTERNAL: this is a defect of the command line. ${trace}`, exitCode: EXIT.failed };
  }
  const exitCode = error instanceof UsageError ? EXIT.usage : code === 'INTERRUPTED' ? EXIT.interrupted : EXIT.failed;
  return { text: `${code}: ${message}`, exitCode };
}
