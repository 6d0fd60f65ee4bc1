import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped, type ValueNode } from 'graphql';
import { isInstant } from '@touchstone/eventing/pure';

const refuseValue = (message: string, node?: ValueNode): never => {
  throw new GraphQLError(message, { nodes: node, extensions: { code: 'INVALID_INPUT', kind: 'invalid' } });
};

function textScalar(
  name: string,
  description: string,
  advice: string,
  fits: (text: string) => boolean,
): GraphQLScalarType<string, string> {
  const parse = (value: unknown, node?: ValueNode): string =>
    typeof value === 'string' && fits(value) ? value : refuseValue(`${name}: ${advice}`, node);
  return new GraphQLScalarType<string, string>({
    name,
    description,
    serialize: (value) => value as string,
    parseValue: (value) => parse(value),
    parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : undefined, node),
  });
}

/** A place in the event log. */
export const PositionScalar = textScalar(
  'Position',
  'An opaque place in the event log: text that sorts as the log does. Use it as it was given; never compute with it.',
  'give a position as an answer or an event carried it.',
  (text) => /^[0-9A-Za-z._-]{1,64}$/.test(text),
);

/** An ISO 8601 date and time with its zone offset. */
export const InstantScalar = textScalar(
  'Instant',
  'ISO 8601 date and time with a zone offset, such as 2024-05-01T08:00:00+08:00; the offset is kept as it was given.',
  'give a date and time with a zone offset, such as 2024-05-01T08:00:00+08:00.',
  isInstant,
);

/** Any JSON value. */
export const JsonScalar = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  description: 'Any JSON value.',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

/** Integers beyond 32 bits, such as sums of milliseconds. */
export const LongScalar = new GraphQLScalarType<number, number>({
  name: 'Long',
  description: 'A whole number between -(2^53 - 1) and 2^53 - 1, such as a duration in milliseconds.',
  serialize: (value) => long(typeof value === 'bigint' ? Number(value) : value),
  parseValue: (value) => long(value),
  parseLiteral: (node) => long(node.kind === Kind.INT ? Number(node.value) : undefined, node),
});

const long = (value: unknown, node?: ValueNode): number =>
  typeof value === 'number' && Number.isSafeInteger(value)
    ? value
    : refuseValue('Long: give a whole number between -(2^53 - 1) and 2^53 - 1.', node);
