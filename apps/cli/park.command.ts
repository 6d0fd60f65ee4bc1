import { Option, type Command } from 'commander';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { onServer, type Cli } from './cli.js';
import { whole, withJson } from './options.js';
import { counted, table } from './text.js';

const EXAMPLES = `
An event that a read model cannot take is parked with its reason, and what follows in its stream waits behind it.

Examples:
  $ touchstone park list
  $ touchstone park retry journeys
  $ touchstone park skip journeys journey-3f0e0e9c-5d4b-5b1e-9b43-2f6f5f0b7a11 7 --reason "wrong import, voided"`;

interface ParkedRow {
  readonly group: string;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly state: string;
  readonly code: string;
  readonly message: string;
  readonly parkedAt: string;
  readonly skipReason: string | null;
}

interface Unparked {
  readonly applied: number;
  readonly waiting: number;
}

/** `touchstone park list`, `park retry` and `park skip` */
export function addPark(program: Command, cli: Cli): void {
  const park = program
    .command('park')
    .description('Events that a read model could not take: list, retry, skip.')
    .addHelpText('after', EXAMPLES);
  addList(park, cli);
  addRetry(park, cli);
  addSkip(park, cli);
}

function addList(park: Command, cli: Cli): void {
  const command = park
    .command('list')
    .description('What is parked, and what was given up.')
    .option('--group <name>', 'only in this group of read models')
    .option('--stream <name>', 'only of this stream')
    .addOption(new Option('--first <n>', 'events at most').argParser(whole(1, 1_000)).default(50))
    .addHelpText('after', EXAMPLES);
  type Options = { group?: string; stream?: string; first: number; json?: boolean };
  withJson(command).action(async ({ group, stream, first, json }: Options) => {
    const query = `query Parked($stream: String, $first: Int) {
      projections {
        group
        parkedEvents(stream: $stream, first: $first) {
          stream revision position eventId type state code message parkedAt skippedAt skippedBy skipReason
        }
      }
    }`;
    type Answer = { projections: { group: string; parkedEvents: ParkedRow[] }[] };
    const { projections } = await onServer(cli, command, { lagging: true }, (api) =>
      api.ask<Answer>(query, { stream, first }),
    );
    if (group !== undefined && !projections.some((p) => p.group === group)) throw unknownGroup(group);
    const rows = projections
      .filter((p) => group === undefined || p.group === group)
      .flatMap((p) => p.parkedEvents.map((event) => ({ ...event, group: p.group })));
    if (json) cli.out.json({ parked: rows });
    else if (rows.length === 0) cli.out.note('Nothing is parked.');
    else cli.out.print(parkedText(rows));
  });
}

const parkedText = (rows: readonly ParkedRow[]): string =>
  table(rows, [
    { head: 'group', of: (p) => p.group },
    { head: 'event', of: (p) => `${p.stream}@${p.revision}` },
    { head: 'type', of: (p) => p.type },
    { head: 'state', of: (p) => p.state.toLowerCase() },
    { head: 'code', of: (p) => p.code },
    { head: 'why', of: (p) => p.skipReason ?? p.message, max: 80 },
    { head: 'since', of: (p) => p.parkedAt },
  ]);

function addRetry(park: Command, cli: Cli): void {
  const command = park
    .command('retry')
    .description('Try parked events again.')
    .argument('<group>', 'group of read models')
    .option('--stream <name>', 'only those of this stream')
    .addHelpText('after', EXAMPLES);
  withJson(command).action(async (group: string, { stream, json }: { stream?: string; json?: boolean }) => {
    const mutation = `mutation Retry($group: String!, $stream: String) {
      retryParked(group: $group, stream: $stream) { applied waiting }
    }`;
    const { retryParked } = await onServer(cli, command, { lagging: true }, (api) =>
      api.ask<{ retryParked: Unparked }>(mutation, { group, stream }),
    );
    print(cli, retryParked, json);
  });
}

function addSkip(park: Command, cli: Cli): void {
  const command = park
    .command('skip')
    .description('Give a parked event up and go on with those behind it.')
    .argument('<group>', 'group of read models')
    .argument('<stream>', 'stream of the event')
    .argument('<revision>', 'its place in the stream', whole(0, Number.MAX_SAFE_INTEGER))
    .requiredOption('--reason <text>', 'why, for the record')
    .addHelpText('after', EXAMPLES);
  type Options = { reason: string; json?: boolean };
  withJson(command).action(async (group: string, stream: string, revision: number, { reason, json }: Options) => {
    const mutation = `mutation Skip($group: String!, $stream: String!, $revision: Int!, $reason: String!) {
      skipParked(group: $group, stream: $stream, revision: $revision, reason: $reason) { applied waiting }
    }`;
    const { skipParked } = await onServer(cli, command, { lagging: true }, (api) =>
      api.ask<{ skipParked: Unparked }>(mutation, { group, stream, revision, reason }),
    );
    print(cli, skipParked, json);
  });
}

function print({ out }: Cli, answer: Unparked, json: boolean | undefined): void {
  if (json) out.json(answer);
  else out.print(`${counted(answer.applied, 'event')} went in, ${answer.waiting} still parked.`);
}

const unknownGroup = (group: string): TouchstoneError =>
  new TouchstoneError('GROUP_UNKNOWN', `There is no group of read models "${group}".`, 'notFound');
