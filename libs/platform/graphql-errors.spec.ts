import { GraphQLError } from 'graphql';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { graphqlErrorFormatter } from './graphql-errors.js';
import { reportOf } from './error-report.js';
import { runInContext } from './request-context.js';

const seen: unknown[] = [];
const format = graphqlErrorFormatter((error) => seen.push(error));
const thrownBy = (cause: Error) => new GraphQLError(cause.message, { path: ['close'], originalError: cause });
const formatted = (error: GraphQLError) => format(error.toJSON(), error);

beforeEach(() => seen.splice(0));

describe('graphqlErrorFormatter', () => {
  it('keeps code, kind, message and details of the family', () => {
    const error = new TouchstoneError('JOURNEY_CLOSED', 'Reopen it first.', 'refused', { journeyId: 'j1' });
    expect(formatted(thrownBy(error))).toEqual({
      message: 'Reopen it first.',
      path: ['close'],
      extensions: { code: 'JOURNEY_CLOSED', kind: 'refused', details: { journeyId: 'j1' } },
    });
    expect(seen).toEqual([]);
  });

  it('knows an error of the family that came from another thread', () => {
    const error = Object.assign(new Error('Ask again.'), { name: 'TouchstoneError', code: 'READ_BUSY', kind: 'busy' });
    expect(formatted(thrownBy(error)).extensions).toEqual({ code: 'READ_BUSY', kind: 'busy' });
  });

  it.each([
    ['an unknown error', new TypeError("Cannot read properties of undefined (reading 'secret')")],
    ['a defect of ours', new TouchstoneError('UNREACHABLE', 'Unhandled case: {"phone":"138"}.', 'internal')],
    ['an error of GraphQL inside a resolver', new GraphQLError('Cannot return null for non-nullable field A.b.')],
  ])('masks %s, and logs it', (_what, cause) => {
    const error = thrownBy(cause);
    const answer = runInContext({ actor: { id: 'x' }, correlationId: 'corr-1' }, () => formatted(error));
    expect(answer.extensions).toEqual({ code: 'INTERNAL', kind: 'internal', correlationId: 'corr-1' });
    expect(answer.message).toContain('corr-1');
    expect(JSON.stringify(answer)).not.toContain(cause.message);
    expect(seen).toEqual([cause]);
  });

  it('keeps our own code where the engine put its own above', () => {
    const ours = new GraphQLError('Too deep.', { extensions: { code: 'QUERY_TOO_DEEP', kind: 'limit' } });
    const wrapped = new GraphQLError(ours.message, {
      originalError: ours,
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED', kind: 'limit' },
    });
    expect(formatted(wrapped).extensions).toEqual({ code: 'QUERY_TOO_DEEP', kind: 'limit' });
  });

  it.each([
    ['GRAPHQL_PARSE_FAILED', 'GRAPHQL_PARSE_FAILED'],
    ['BAD_USER_INPUT', 'INVALID_INPUT'],
    ['OPERATION_RESOLUTION_FAILURE', 'OPERATION_UNKNOWN'],
  ])('says %s of a request as %s, invalid', (engine, code) => {
    const error = new GraphQLError('As the engine says.', { extensions: { code: engine } });
    expect(formatted(error)).toMatchObject({ message: 'As the engine says.', extensions: { code, kind: 'invalid' } });
    expect(seen).toEqual([]);
  });
});

describe('reportOf', () => {
  it('makes a correlation id where there is no request', () => {
    const report = reportOf('thrown text', (error, id) => seen.push(error, id));
    expect(report.code).toBe('INTERNAL');
    expect(seen).toEqual(['thrown text', report.correlationId]);
  });
});
