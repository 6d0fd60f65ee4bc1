import { TouchstoneError } from '@touchstone/eventing';

/**
 * Whether the fact itself is at fault, so that it alone is refused and its neighbours go on; anything else is a fault of
 * the house and goes to the caller, who sends again.
 */
export const isOfTheFact = (error: unknown): error is TouchstoneError =>
  error instanceof TouchstoneError &&
  (error.kind === 'invalid' || error.kind === 'refused' || error.code === 'ID_TAKEN');

/** The error as the answer to one fact. @throws a fault of the house */
export function faultOf(error: unknown): TouchstoneError {
  if (isOfTheFact(error)) return error;
  throw error;
}
