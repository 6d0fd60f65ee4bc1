import { asTouchstoneError, newId, type ErrorKind } from '@touchstone/eventing';
import { currentCorrelationId } from './request-context.js';

/** An error as a caller may see it. */
export interface ErrorReport {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Only of our own defects: what to quote when asking about one. */
  readonly correlationId?: string;
}

/** Takes what must not be shown: our own defects, with the id that the caller was told. */
export type DefectSink = (error: unknown, correlationId: string) => void;

/**
 * What a caller is told: an error of the family as it is; anything else, and our own defects, as INTERNAL with a
 * correlation id, while the error itself goes to `sink`.
 */
export function reportOf(error: unknown, sink: DefectSink): ErrorReport {
  const known = asTouchstoneError(error);
  if (known && known.kind !== 'internal') {
    const { code, kind, message, details } = known;
    return { code, kind, message, ...(details && { details }) };
  }
  const correlationId = currentCorrelationId() ?? newId();
  sink(error, correlationId);
  return {
    code: 'INTERNAL',
    kind: 'internal',
    message: `Something went wrong on our side; quote ${correlationId} when you report it.`,
    correlationId,
  };
}

/** The HTTP status for each kind of error. */
export const HTTP_STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  refused: 422,
  notFound: 404,
  conflict: 409,
  busy: 503,
  limit: 413,
  unavailable: 503,
  internal: 500,
};

/** Codes that HTTP has a status of its own for. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  CONTENT_TYPE_UNKNOWN: 415,
  CONTENT_ENCODING_UNKNOWN: 415,
  CHARSET_UNKNOWN: 415,
  WRONG_HOST: 421,
  INTAKE_BUSY: 429,
  CLIENT_IDLE: 408,
};

/** The HTTP status of an error: that of its code, else that of its kind. */
export const httpStatusOf = ({ code, kind }: Pick<ErrorReport, 'code' | 'kind'>): number =>
  STATUS_OF_CODE[code] ?? HTTP_STATUS[kind];
