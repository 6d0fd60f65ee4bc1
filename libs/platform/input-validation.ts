import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { TouchstoneError } from '@touchstone/eventing/pure';

/** One fault of an input: the path of the field from the argument inwards, and what is wrong with it. */
export interface InputFault {
  readonly path: string;
  readonly message: string;
}

/**
 * The pipe that checks every input class with class-validator before a resolver or controller sees it. A field without
 * a validator is refused too, so that none is forgotten.
 * Its error: INVALID_INPUT (invalid; details {faults: [{path, message}]}).
 */
export const inputValidation = (): ValidationPipe =>
  new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    stopAtFirstError: true,
    exceptionFactory: (errors) => invalidInput(errors.flatMap((error) => faultsOf(error, ''))),
  });

/** A GraphQL variable may be null where an argument is optional: such a field reads as if it were not there. */
export const NullIsAbsent = (): PropertyDecorator =>
  Transform(({ value }) => (value === null ? undefined : (value as unknown)));

/** The error of an input with faults. */
export const invalidInput = (faults: readonly InputFault[]): TouchstoneError =>
  new TouchstoneError(
    'INVALID_INPUT',
    `Mend the input: ${faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ')}.`,
    'invalid',
    { faults },
  );

function faultsOf(error: ValidationError, parent: string): InputFault[] {
  const path = parent === '' ? error.property : `${parent}.${error.property}`;
  const own = Object.values(error.constraints ?? {}).map((message) => ({ path, message }));
  return [...own, ...(error.children ?? []).flatMap((child) => faultsOf(child, path))];
}
