import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { asTouchstoneError, type ErrorKind } from '@touchstone/eventing';
import { reportOf, type DefectSink } from './error-report.js';

/** What the GraphQL engine itself says about a request, in our words. */
const ENGINE_CODES: Readonly<Record<string, string>> = {
  GRAPHQL_PARSE_FAILED: 'GRAPHQL_PARSE_FAILED',
  GRAPHQL_VALIDATION_FAILED: 'GRAPHQL_VALIDATION_FAILED',
  BAD_USER_INPUT: 'INVALID_INPUT',
  BAD_REQUEST: 'BAD_REQUEST',
  OPERATION_RESOLUTION_FAILURE: 'OPERATION_UNKNOWN',
  PERSISTED_QUERY_NOT_FOUND: 'PERSISTED_QUERY_NOT_FOUND',
  PERSISTED_QUERY_NOT_SUPPORTED: 'PERSISTED_QUERY_NOT_SUPPORTED',
};

const TOO_LARGE: GraphQLFormattedError = {
  message: 'The document is too long: ask for less, in several queries.',
  extensions: { code: 'QUERY_TOO_LARGE', kind: 'limit' },
};

/** An error of ours in the form that GraphQL carries, code and kind in its extensions. */
export const graphqlError = (code: string, message: string, kind: ErrorKind, status?: number): GraphQLError =>
  new GraphQLError(message, { extensions: { code, kind, ...(status !== undefined && { http: { status } }) } });

/**
 * `formatError` of the GraphQL server: every error carries `extensions.code` and `extensions.kind`. Errors of the
 * family keep their code, message and details; errors of the engine about the request keep theirs; everything else is
 * our defect: it goes to `sink` and is answered as INTERNAL with a correlation id.
 */
export function graphqlErrorFormatter(sink: DefectSink) {
  return (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const at = {
      ...(formatted.locations && { locations: formatted.locations }),
      ...(formatted.path && { path: formatted.path }),
    };
    const cause = rootCause(error);
    if (asTouchstoneError(cause)) return { ...at, ...inExtensions(reportOf(cause, sink)) };
    const own = ownExtensions(error);
    if (own) return { ...at, message: formatted.message, extensions: own };
    if (/Document contains more tha[nt] \d+ tokens/.test(formatted.message)) return { ...at, ...TOO_LARGE };
    const engineCode = ENGINE_CODES[String(formatted.extensions?.['code'])];
    if (engineCode) return { ...at, message: formatted.message, extensions: { code: engineCode, kind: 'invalid' } };
    // Faults of the request that graphql-js finds by itself carry no original error; only resolvers do.
    if (cause instanceof GraphQLError && !formatted.path) {
      return { ...at, message: formatted.message, extensions: { code: 'GRAPHQL_VALIDATION_FAILED', kind: 'invalid' } };
    }
    return { ...at, ...inExtensions(reportOf(cause, sink)) };
  };
}

function inExtensions({ message, ...extensions }: ReturnType<typeof reportOf>): GraphQLFormattedError {
  return { message, extensions };
}

/** Code and kind that we gave a GraphQL error ourselves, wherever the engine wrapped it. */
function ownExtensions(error: unknown): Record<string, unknown> | null {
  for (let e = error; e instanceof GraphQLError; e = e.originalError) {
    const { code, kind } = e.extensions;
    // The engine puts its own code over ours and keeps the kind; the one beneath still has both.
    if (typeof kind === 'string' && typeof code === 'string' && !(code in ENGINE_CODES)) return { code, kind };
  }
  return null;
}

function rootCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError;
  return cause;
}
