import {
  Kind,
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  type GraphQLSchema,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { fieldExtensionsEstimator, getComplexity, type ComplexityEstimator } from 'graphql-query-complexity';
import { graphqlError } from './graphql-errors.js';

/** A document of more tokens than this is not even parsed: the parser recurses, and deeper ones would overflow it. */
export const MAX_TOKENS = 2_000;

/** Tools ask for types nested in types: the usual introspection query is 14 deep. */
const INTROSPECTION_DEPTH = 20;

/**
 * Validation rule: fields below one another, through fragments too. Introspection has its own limit.
 * Its error: QUERY_TOO_DEEP (limit).
 */
export function depthLimit(maxDepth: number): ValidationRule {
  return (context: ValidationContext): ASTVisitor => ({
    OperationDefinition(operation) {
      const depths = depthsOf(operation.selectionSet, (name) => context.getFragment(name) ?? undefined);
      if (depths.data > maxDepth) context.reportError(tooDeep(depths.data, maxDepth));
      else if (depths.introspection > INTROSPECTION_DEPTH) {
        context.reportError(tooDeep(depths.introspection, INTROSPECTION_DEPTH));
      }
      return false;
    },
  });
}

const tooDeep = (depth: number, max: number) =>
  graphqlError(
    'QUERY_TOO_DEEP',
    `The query is ${depth} fields deep; ask for at most ${max}, in several queries.`,
    'limit',
    400,
  );

/** Depth of the selections of data and of introspection. Each fragment is measured once; a cycle ends at its start. */
function depthsOf(root: SelectionSetNode, fragment: (name: string) => FragmentDefinitionNode | undefined) {
  const known = new Map<string, number>();
  const open = new Set<string>();
  const spread = (name: string): number => {
    if (open.has(name)) return 0;
    let depth = known.get(name);
    if (depth === undefined) {
      open.add(name);
      depth = below(fragment(name)?.selectionSet);
      open.delete(name);
      known.set(name, depth);
    }
    return depth;
  };
  const below = (set: SelectionSetNode | undefined): number => {
    let deepest = 0;
    for (const node of set?.selections ?? []) {
      if (node.kind === Kind.FIELD) deepest = Math.max(deepest, 1 + below(node.selectionSet));
      else if (node.kind === Kind.FRAGMENT_SPREAD) deepest = Math.max(deepest, spread(node.name.value));
      else deepest = Math.max(deepest, below(node.selectionSet));
    }
    return deepest;
  };
  // Introspection starts at the root or in a fragment on it; a fragment on the root that mixes both counts as data.
  const isIntrospection = (name: string) => name === '__schema' || name === '__type';
  const depths = { data: 0, introspection: 0 };
  for (const node of root.selections) {
    const kind = node.kind === Kind.FIELD && isIntrospection(node.name.value) ? 'introspection' : 'data';
    depths[kind] = Math.max(depths[kind], below({ kind: Kind.SELECTION_SET, selections: [node] }));
  }
  return depths;
}

/** A field counts 1 and its sub-fields as often as its `first` says; introspection is free. */
const byFirst: ComplexityEstimator = ({ type, field, args, childComplexity }) => {
  if (type.name.startsWith('__') || field.name.startsWith('__')) return 0;
  const first = typeof args['first'] === 'number' ? Math.max(args['first'], 1) : 1;
  return 1 + first * childComplexity;
};

/**
 * The error of an operation that asks for too much, or null: fields, aliases and fragments each time they are used,
 * lists as often as their `first`. A field may state its own with `@Field({ complexity })`.
 * Its error: QUERY_TOO_COSTLY (limit).
 */
export function costFault(
  operation: {
    readonly schema: GraphQLSchema;
    readonly document: DocumentNode;
    readonly variables?: Record<string, unknown>;
    readonly operationName?: string | null;
  },
  maxCost: number,
): GraphQLError | null {
  const cost = costOf(operation);
  if (cost === null || cost <= maxCost) return null;
  const found = Number.isFinite(cost) ? `asks for up to ${cost} fields` : 'grows without bound through its fragments';
  return graphqlError(
    'QUERY_TOO_COSTLY',
    `The query ${found}; ask for at most ${maxCost}: lower "first", or use several queries.`,
    'limit',
    400,
  );
}

type Operation = Parameters<typeof costFault>[0];

/** Counting takes as long as a small query itself, and documents come again: they are parsed once, too. */
const counted = new WeakMap<DocumentNode, Map<string, number | null>>();
const COUNTS_KEPT = 50;

function costOf(operation: Operation): number | null {
  const { document, variables = {}, operationName } = operation;
  let known = counted.get(document);
  if (!known) counted.set(document, (known = new Map()));
  // Only these can be how much of a list is asked for, or whether a field is.
  const deciding = Object.entries(variables).filter(([, v]) => typeof v === 'number' || typeof v === 'boolean');
  const key = JSON.stringify([operationName ?? null, deciding.sort(([a], [b]) => (a < b ? -1 : 1))]);
  let cost = known.get(key);
  if (cost === undefined) {
    cost = complexityOf(operation);
    // What did not fit says nothing of the next variables.
    if (cost !== null && known.size < COUNTS_KEPT) known.set(key, cost);
  }
  return cost;
}

/** Null: the variables do not fit, which the engine reports better. */
function complexityOf({ schema, document, variables, operationName }: Operation): number | null {
  try {
    return getComplexity({
      schema,
      query: document,
      variables: variables ?? {},
      ...(operationName ? { operationName } : {}),
      estimators: [fieldExtensionsEstimator(), byFirst],
    });
  } catch (error) {
    // Thrown too for documents that grow by fragments.
    return /maximum allowed number of nodes/.test(String(error)) ? Infinity : null;
  }
}
