import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  execute,
  getOperationAST,
  MaxIntrospectionDepthRule,
  parse,
  specifiedRules,
  subscribe,
  validate,
  type DocumentNode,
  type ExecutionArgs,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import type { ServerOptions } from 'graphql-ws';
import type { IncomingHttpHeaders } from 'node:http';
import {
  contextFromHeaders,
  costFault,
  currentContext,
  depthLimit,
  graphqlError,
  graphqlErrorFormatter,
  MAX_TOKENS,
  runInContext,
  type Config,
  type DefectSink,
  type RequestContext,
  type Tracing,
} from '@touchstone/platform';
import { tracedExecute, tracedOperations } from './graphql-traces.js';
import { isOwnPage } from './http-guard.js';
import { notServedHere, roleOfOperation } from './roles.js';
import { keepPulse, type Pulsed } from './socket-pulse.js';

export const GRAPHQL_PATH = '/graphql';

/** What resolvers find in the GraphQL context; data loaders hang on to this object. */
export interface GraphqlContext {
  readonly request: RequestContext;
  /** Of the socket that an operation came by. */
  readonly headers?: IncomingHttpHeaders;
}

type Limits = Pick<Config, 'graphqlMaxDepth' | 'graphqlMaxCost' | 'socketPingMs' | 'roles'>;

/** Options of the GraphQL module that shape the schema; the printed schema uses the same. */
export const schemaOptions = {
  driver: ApolloDriver,
  autoSchemaFile: true,
  sortSchema: true,
  buildSchemaOptions: { numberScalarMode: 'integer', noDuplicatedFields: true },
} as const satisfies ApolloDriverConfig;

/** The GraphQL server: one way of checking and of reporting errors for HTTP and for WebSocket. */
export function graphqlOptions(limits: Limits, sink: DefectSink, tracing?: Tracing): ApolloDriverConfig {
  const formatError = graphqlErrorFormatter(sink);
  const rules = [MaxIntrospectionDepthRule, depthLimit(limits.graphqlMaxDepth)];
  // The socket's hooks are asked before they are told the schema; it is known once the server has started.
  let schema: GraphQLSchema | undefined;
  return {
    ...schemaOptions,
    path: GRAPHQL_PATH,
    graphiql: false,
    introspection: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    autoTransformHttpErrors: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: MAX_TOKENS },
    validationRules: rules,
    formatError,
    context: (): GraphqlContext => ({ request: currentContext() }),
    plugins: [
      // Nobody gives fields a time to live, and to look for one at every field costs as much as the rest of them.
      ApolloServerPluginCacheControlDisabled(),
      ...(tracing ? [tracedOperations(tracing)] : []),
      {
        serverWillStart: (service) => {
          schema = service.schema;
          return Promise.resolve();
        },
        requestDidStart: () =>
          Promise.resolve({
            didResolveOperation: ({ schema, document, request, operationName }) => {
              const fault = costFault(
                { schema, document, variables: request.variables, operationName },
                limits.graphqlMaxCost,
              );
              return fault ? Promise.reject(fault) : Promise.resolve();
            },
          }),
      },
    ],
    // Nest types only some of the options that it hands on.
    subscriptions: { 'graphql-ws': socketOptions(() => schema!, rules, limits, formatError, tracing) as object },
  };
}

type Formatter = ReturnType<typeof graphqlErrorFormatter>;
type SocketOptions = Omit<ServerOptions, 'schema'> & { readonly path: string };
type Upgrade = { readonly request: { readonly headers: IncomingHttpHeaders }; readonly socket: Pulsed };

function socketOptions(
  schema: () => GraphQLSchema,
  rules: NonNullable<ApolloDriverConfig['validationRules']>,
  limits: Limits,
  formatError: Formatter,
  tracing?: Tracing,
): SocketOptions {
  const format = (errors: readonly { toJSON(): GraphQLFormattedError }[]) =>
    errors.map((error) => formatError(error.toJSON(), error));
  return {
    path: GRAPHQL_PATH,
    execute: inSocketContext(tracing ? tracedExecute(execute, tracing) : execute),
    subscribe: inSocketContext(subscribe),
    onConnect: ({ extra }) => {
      const { request, socket } = extra as Upgrade;
      if (!isOwnPage(request.headers)) return false;
      keepPulse(socket, limits.socketPingMs);
      return true;
    },
    onSubscribe: ({ extra }, _id, { query, variables, operationName }) => {
      let document: DocumentNode;
      try {
        document = parse(query, { maxTokens: MAX_TOKENS });
      } catch (error) {
        return [error as never];
      }
      const errors = validate(schema(), document, [...specifiedRules, ...rules]);
      if (errors.length > 0) return errors;
      const role = roleOfOperation(getOperationAST(document, operationName)?.operation);
      if (!limits.roles.includes(role)) {
        const { code, message, kind } = notServedHere(role, limits.roles);
        return [graphqlError(code, message, kind, 404)];
      }
      const operation = { schema: schema(), document, variables: variables ?? {}, operationName };
      const fault = costFault(operation, limits.graphqlMaxCost);
      if (fault) return [fault];
      const { headers } = (extra as Upgrade).request;
      const context: GraphqlContext = { request: contextFromHeaders(headers), headers };
      return { schema: schema(), document, variableValues: variables, operationName, contextValue: context };
    },
    onError: (_context, _id, _payload, errors) => format(errors),
    onNext: (_context, _id, _payload, _args, result) =>
      result.errors ? { ...result, errors: format(result.errors) as never } : undefined,
  };
}

/** Runs an operation of a socket in the context of its connection. */
const inSocketContext =
  <R>(run: (args: ExecutionArgs) => R) =>
  (args: ExecutionArgs): R =>
    runInContext((args.contextValue as GraphqlContext).request, () => run(args));
