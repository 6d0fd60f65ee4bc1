import type { Command } from 'commander';
import type { Cli } from './cli.js';
import { withJson, withPaging, type Paging } from './options.js';
import { PAGE_INFO, printPage } from './page.js';

const HELP = `
A record is kept with its reason until its time is over. What it says is not shown here: it may be about a person.

Examples:
  $ touchstone quarantine
  $ touchstone quarantine --source helpdesk --code XES_NO_TIMESTAMP --json`;

const QUERY = `query Quarantine($source: String, $code: String, $first: Int, $after: String) {
  quarantine(source: $source, code: $code, first: $first, after: $after) {
    edges { cursor node { id source journeyType line code reason at expiresAt } }
    ${PAGE_INFO}
  }
}`;

interface QuarantineRow {
  readonly id: string;
  readonly source: string;
  readonly journeyType: string | null;
  readonly line: number | null;
  readonly code: string;
  readonly reason: string;
  readonly at: string;
}

interface Options extends Paging {
  readonly source?: string;
  readonly code?: string;
  readonly json?: boolean;
}

/** `touchstone quarantine` */
export function addQuarantine(program: Command, cli: Cli): void {
  const command = program
    .command('quarantine')
    .description('Records that could not be taken in, page by page.')
    .option('--source <name>', 'only from this system')
    .option('--code <code>', 'only for this reason')
    .addHelpText('after', HELP);
  withJson(withPaging(command)).action(async ({ source, code, first, after, json }: Options) => {
    await printPage<QuarantineRow>(cli, command, {
      name: 'quarantine',
      query: QUERY,
      variables: { source, code, first, after },
      none: 'Nothing is in quarantine.',
      json,
      needs: { lagging: true },
      columns: [
        { head: 'id', of: (q) => q.id, right: true },
        { head: 'source', of: (q) => q.source, max: 24 },
        { head: 'type', of: (q) => q.journeyType ?? '-', max: 24 },
        { head: 'line', of: (q) => (q.line === null ? '-' : String(q.line)), right: true },
        { head: 'code', of: (q) => q.code },
        { head: 'reason', of: (q) => q.reason, max: 80 },
        { head: 'since', of: (q) => q.at },
      ],
    });
  });
}
