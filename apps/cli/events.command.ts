import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { listed, withJson, withPaging, type Paging } from './options.js';
import { PAGE_INFO, printPage } from './page.js';

const HELP = `
Examples:
  $ touchstone events --first 20
  $ touchstone events --type TouchpointCorrected,TouchpointVoided
  $ touchstone events --stream journey-3f0e0e9c-5d4b-5b1e-9b43-2f6f5f0b7a11 --json`;

const QUERY = `query Events($types: [String!], $stream: String, $first: Int, $after: String) {
  events(types: $types, stream: $stream, first: $first, after: $after) {
    edges {
      cursor
      node {
        position id type schemaVersion stream revision occurredAt recordedAt data
        metadata {
          correlationId causationId actor { id role unit } source { system recordId sequence recordedAt }
          policyVersion historical
        }
      }
    }
    ${PAGE_INFO}
  }
}`;

interface EventRow {
  readonly position: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly metadata: { readonly actor: { readonly id: string } };
}

interface Options extends Paging {
  readonly type?: readonly string[];
  readonly stream?: string;
  readonly json?: boolean;
}

/** `touchstone events` */
export function addEvents(program: Command, cli: Cli): void {
  const command = program
    .command('events')
    .description('The event log, page by page.')
    .option('--type <name>', 'only events of this type; repeatable', listed)
    .option('--stream <name>', 'only this stream; a name that ends with "-" means all that begin so')
    .addHelpText('after', HELP);
  withJson(withPaging(command)).action(async ({ type: types, stream, first, after, json }: Options) => {
    await printPage<EventRow>(cli, command, {
      name: 'events',
      query: QUERY,
      variables: { types, stream, first, after },
      none: 'No event answers to that.',
      json,
      needs: { lagging: true },
      columns: [
        { head: 'position', of: (e) => e.position },
        { head: 'type', of: (e) => e.type },
        { head: 'stream', of: (e) => `${e.stream}@${e.revision}` },
        { head: 'occurred', of: (e) => e.occurredAt },
        { head: 'recorded', of: (e) => e.recordedAt },
        { head: 'by', of: (e) => e.metadata.actor.id, max: 24 },
      ],
    });
  });
}
