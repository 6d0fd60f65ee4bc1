import type { Command } from 'commander';
import { onServer, type Cli, type Needs } from './cli.js';
import { table, type Column } from './text.js';

/** A page of any list, as the API answers it. */
export interface Page<T> {
  readonly edges: readonly { readonly cursor: string; readonly node: T }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

export const PAGE_INFO = 'pageInfo { hasNextPage endCursor }';

export interface Listing<T> {
  /** Field of the query, and of the JSON answer. */
  readonly name: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly columns: readonly Column<T>[];
  /** Said where there is nothing. */
  readonly none: string;
  readonly json?: boolean;
  readonly needs?: Needs;
}

/** Asks for one page of a list and prints it, and how to see the next. */
export async function printPage<T>(cli: Cli, command: Command, listing: Listing<T>): Promise<void> {
  const { name, query, variables, columns, none, json, needs } = listing;
  const answer = await onServer(cli, command, { silent: json, ...needs }, (api) =>
    api.ask<Record<string, Page<T> & { asOf?: object }>>(query, variables),
  );
  const page = answer[name] as Page<T> & { asOf?: object };
  const rows = page.edges.map((edge) => edge.node);
  const { hasNextPage, endCursor } = page.pageInfo;
  if (json) {
    cli.out.json({ [name]: rows, hasNextPage, endCursor, ...(page.asOf && { asOf: page.asOf }) });
    return;
  }
  if (rows.length > 0) cli.out.print(table(rows, columns));
  else cli.out.note(none);
  if (hasNextPage) cli.out.note(`There is more: --after ${endCursor}`);
}
