import { ArgsType, Field, Int, ObjectType } from '@nestjs/graphql';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { Type } from '@nestjs/common';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { NullIsAbsent } from './input-validation.js';

export const PAGE_DEFAULT = 50;
export const PAGE_MAX = 1000;

/** How much of a list, and from where. */
@ArgsType()
export class PageArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT, description: `Entries at most: 1 to ${PAGE_MAX}.` })
  @IsInt()
  @Min(1)
  @Max(PAGE_MAX)
  first: number = PAGE_DEFAULT;

  @Field(() => String, { nullable: true, description: 'Read on after this cursor; absent: from the beginning.' })
  @IsOptional()
  @NullIsAbsent()
  @IsString()
  @MaxLength(16_384)
  after?: string;
}

@ObjectType({ description: 'Where a page of a list stands.' })
export class PageInfo {
  @Field({ description: 'More entries follow.' })
  hasNextPage!: boolean;

  @Field({ description: 'The page did not start at the beginning of the list.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'Cursor of the first entry; null when there is none.' })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: 'Cursor of the last entry: give it as "after" to read on.' })
  endCursor!: string | null;
}

export interface Edge<T> {
  readonly cursor: string;
  readonly node: T;
}

/** A page of a list, as Relay wants it. */
export interface Page<T> {
  readonly edges: readonly Edge<T>[];
  readonly pageInfo: PageInfo;
}

/**
 * The GraphQL connection of a node type; call it once per node:
 * `export class JourneyConnection extends Connection(Journey) {}` gives `JourneyConnection` and `JourneyEdge`.
 */
export function Connection<T>(node: Type<T>, name: string = node.name) {
  @ObjectType(`${name}Edge`, { description: `An entry of a list of ${name}.` })
  class NodeEdge implements Edge<T> {
    @Field({ description: 'Place of the entry in its list, opaque.' })
    cursor!: string;

    @Field(() => node, { description: 'The entry.' })
    node!: T;
  }

  @ObjectType(`${name}Connection`, { description: `A page of a list of ${name}.` })
  class NodeConnection implements Page<T> {
    @Field(() => [NodeEdge], { description: 'The entries, in order.' })
    edges!: NodeEdge[];

    @Field(() => PageInfo, { description: 'Where the page stands.' })
    pageInfo!: PageInfo;
  }
  return NodeConnection as Type<NodeConnection>;
}

/**
 * A page from rows that were read with `limit first + 1`: the row too many only says that more follow.
 * `cursorOf` gives the keys that the list is ordered by.
 */
export function pageOf<R, T>(
  rows: readonly R[],
  args: { readonly first: number; readonly after?: string | null },
  cursorOf: (row: R) => string,
  nodeOf: (row: R) => T,
): Page<T> {
  const edges = rows.slice(0, args.first).map((row) => ({ cursor: cursorOf(row), node: nodeOf(row) }));
  return {
    edges,
    pageInfo: {
      hasNextPage: rows.length > args.first,
      hasPreviousPage: args.after !== undefined && args.after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

export type CursorKey = string | number | null;

/** Cursors are versioned: the meaning of old ones never changes silently, they are refused. */
const CURSOR_VERSION = 1;

/** An opaque cursor of the list `list` at the entry with these keys. */
export function encodeCursor(list: string, keys: readonly CursorKey[]): string {
  return Buffer.from(JSON.stringify([CURSOR_VERSION, list, ...keys])).toString('base64url');
}

/**
 * The keys of a cursor that `encodeCursor` made for the same list; `shape` says what each key has to be (`string?` and
 * `number?` may be null).
 * @throws INVALID_CURSOR
 */
export function decodeCursor(
  list: string,
  cursor: string,
  shape: readonly ('string' | 'number' | 'string?' | 'number?')[],
): CursorKey[] {
  const [version, of, ...keys] = parsed(cursor);
  const fits =
    version === CURSOR_VERSION &&
    of === list &&
    keys.length === shape.length &&
    shape.every((type, i) => (type.endsWith('?') && keys[i] === null) || typeof keys[i] === type.replace('?', ''));
  if (!fits) throw invalidCursor(list);
  return keys as CursorKey[];
}

function parsed(cursor: string): unknown[] {
  if (!/^[A-Za-z0-9_-]{1,16384}$/.test(cursor)) return [];
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

const invalidCursor = (list: string) =>
  new TouchstoneError(
    'INVALID_CURSOR',
    `"after" is not a cursor of ${list}: give an endCursor of the same list as it was answered, or leave it out.`,
    'invalid',
  );
