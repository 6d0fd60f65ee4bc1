import { Option, type Command } from 'commander';
import { onServer, type Cli } from './cli.js';
import { EVENT, eventLine, eventsSince, headOf, type EventRow } from './events.js';
import { listed, position, withJson, withPaging, type Paging } from './options.js';
import { PAGE_INFO, printPage } from './page.js';

const HELP = `
With --follow the log is followed from now on, or from after a position, until Ctrl-C: no event is missed, none comes
twice. With --json each event is a line.

Examples:
  $ touchstone events --first 20
  $ touchstone events --type TouchpointCorrected,TouchpointVoided
  $ touchstone events --stream journey-3f0e0e9c-5d4b-5b1e-9b43-2f6f5f0b7a11 --json
  $ touchstone events --follow --type MomentObserved,MomentRetracted`;

const QUERY = `query Events($types: [String!], $stream: String, $first: Int, $after: String) {
  events(types: $types, stream: $stream, first: $first, after: $after) {
    edges { cursor node { ${EVENT} } }
    ${PAGE_INFO}
  }
}`;

interface Options extends Paging {
  readonly type?: readonly string[];
  readonly stream?: string;
  readonly follow?: boolean;
  readonly since?: string;
  readonly json?: boolean;
}

/** `touchstone events` */
export function addEvents(program: Command, cli: Cli): void {
  const command = program
    .command('events')
    .description('The event log, page by page, or as it is written.')
    .option('--type <name>', 'only events of this type; repeatable', listed)
    .option('--stream <name>', 'only this stream; a name that ends with "-" means all that begin so')
    .option('--follow', 'go on with each event as it is recorded')
    .addOption(
      new Option('--since <position>', 'with --follow: after this position, not from now on').argParser(position),
    )
    .addHelpText('after', HELP);
  withJson(withPaging(command)).action(async (options: Options) => {
    if (options.follow) return follow(cli, command, options);
    const { type: types, stream, first, after, json } = options;
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

/** Ends when the user stops it, as a command that has no end of its own. */
async function follow(cli: Cli, command: Command, { type: types, stream, since, json }: Options): Promise<void> {
  await onServer(cli, command, { lagging: true, silent: json }, async (api) => {
    const after = since ?? (await headOf(api));
    if (!json) cli.out.note('Following the log; Ctrl-C ends it.');
    for await (const event of eventsSince(api, { after, types, stream })) {
      if (json) cli.out.line(event);
      else cli.out.print(eventLine(event));
    }
  });
}
