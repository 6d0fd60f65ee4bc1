/** Spans of GraphQL operations: their type, their name and the fields of the schema that they begin with. */
import type { ApolloServerPlugin } from '@apollo/server';
import type { Attributes } from '@opentelemetry/api';
import {
  Kind,
  OperationTypeNode,
  type ExecutionArgs,
  type ExecutionResult,
  type OperationDefinitionNode,
} from 'graphql';
import { failSpan, traceParentOf, type Tracing } from '@touchstone/platform';
import type { GraphqlContext } from './graphql.options.js';

/** Fields that a span names. */
const FIELDS = 8;

/** For operations over HTTP: one for each request, below the request's own span. */
export function tracedOperations(tracing: Tracing): ApolloServerPlugin {
  return {
    requestDidStart: () => {
      let end: ((errors: readonly unknown[] | undefined) => void) | undefined;
      return Promise.resolve({
        didResolveOperation: ({ operation }) => {
          end = operation && beginOperation(operation, tracing);
          return Promise.resolve();
        },
        willSendResponse: ({ errors }) => {
          end?.(errors);
          return Promise.resolve();
        },
      });
    },
  };
}

/** What comes after it in the request stands below it, until it ends. */
function beginOperation(operation: OperationDefinitionNode, tracing: Tracing) {
  const { name, attributes } = describe(operation);
  const parent = tracing.current;
  if (!parent) return undefined;
  const span = tracing.begin(name, { attributes, parent });
  const above = tracing.replace(span);
  return (errors: readonly unknown[] | undefined) => {
    if (errors?.length) failSpan(span, codeOf(errors[0]));
    span.end();
    if (above) tracing.replace(above);
  };
}

type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;

/** For queries and mutations over a socket. */
export function tracedExecute(execute: Execute, tracing: Tracing): Execute {
  return (args) => {
    const operation = args.document.definitions.find(
      (each): each is OperationDefinitionNode =>
        each.kind === Kind.OPERATION_DEFINITION && (!args.operationName || each.name?.value === args.operationName),
    );
    if (!operation || operation.operation === OperationTypeNode.SUBSCRIPTION) return execute(args);
    const { name, attributes } = describe(operation);
    const parent = traceParentOf((args.contextValue as GraphqlContext).headers ?? {});
    return tracing.during(name, { kind: 'server', attributes, parent }, async (span) => {
      const result = await execute(args);
      if (result.errors?.length) failSpan(span, codeOf(result.errors[0]));
      return result;
    });
  };
}

function describe({ operation, name, selectionSet }: OperationDefinitionNode): {
  name: string;
  attributes: Attributes;
} {
  const fields = selectionSet.selections.flatMap((each) => (each.kind === Kind.FIELD ? [each.name.value] : []));
  const attributes: Attributes = {
    'graphql.operation.type': operation,
    'touchstone.fields': fields.slice(0, FIELDS),
    ...(name && { 'graphql.operation.name': name.value.slice(0, 128) }),
  };
  return { name: fields[0] === undefined ? operation : `${operation} ${fields[0]}`, attributes };
}

/** The error as it was thrown, where GraphQL has put its own around it. */
const codeOf = (error: unknown): unknown => (error as { originalError?: unknown }).originalError ?? error;
