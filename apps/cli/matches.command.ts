import { Option, type Command } from 'commander';
import { onServer, type Cli } from './cli.js';
import { withJson, withPaging, type Paging } from './options.js';
import { PAGE_INFO, printPage } from './page.js';

const HELP = `
A rule that is not sure whether two journeys, or two customers, are one leaves it to a person. Confirming merges the two;
a match that was rejected is not asked again.

Examples:
  $ touchstone matches
  $ touchstone matches list --of customers --status rejected --json
  $ touchstone matches confirm 3f0e0e9c-5d4b-5b1e-9b43-2f6f5f0b7a11 --reason "the same fault"
  $ touchstone matches reject 3f0e0e9c-5d4b-5b1e-9b43-2f6f5f0b7a11 --reason "two meters"`;

const QUERY = `query Matches($status: MatchStatus, $of: MatchOf, $first: Int, $after: String) {
  matches(status: $status, of: $of, first: $first, after: $after) {
    asOf { position instant }
    edges {
      cursor
      node { id of first second status reason gapMs rule { journeyType pack version } settledBecause doubtedAt }
    }
    ${PAGE_INFO}
  }
}`;

interface MatchRow {
  readonly id: string;
  readonly of: string;
  readonly first: string;
  readonly second: string;
  readonly reason: string;
  readonly gapMs: number | null;
  readonly rule: { readonly journeyType: string; readonly pack: string; readonly version: number } | null;
  readonly settledBecause: string | null;
  readonly doubtedAt: string;
}

interface Options extends Paging {
  readonly status: string;
  readonly of?: string;
  readonly json?: boolean;
}

/** `touchstone matches`, `matches confirm` and `matches reject` */
export function addMatches(program: Command, cli: Cli): void {
  const matches = program
    .command('matches')
    .description('Doubts whether two journeys or customers are one: list, confirm, reject.')
    .addHelpText('after', HELP);
  const command = matches
    .command('list', { isDefault: true })
    .description('Doubtful matches, page by page.')
    .addOption(
      new Option('--status <status>', 'what became of them').choices(['open', 'confirmed', 'rejected']).default('open'),
    )
    .addOption(new Option('--of <what>', 'only of these').choices(['journeys', 'customers']))
    .addHelpText('after', HELP);
  withJson(withPaging(command)).action(async ({ status, of, first, after, json }: Options) => {
    await printPage<MatchRow>(cli, command, {
      name: 'matches',
      query: QUERY,
      variables: { status: status.toUpperCase(), of: of?.toUpperCase(), first, after },
      none: 'No match waits for a person.',
      json,
      columns: [
        { head: 'id', of: (m) => m.id },
        { head: 'of', of: (m) => m.of.toLowerCase() },
        { head: 'first', of: (m) => m.first },
        { head: 'second', of: (m) => m.second },
        { head: 'why', of: (m) => m.reason.toLowerCase().replaceAll('_', ' ') },
        { head: 'apart', of: (m) => (m.gapMs === null ? '-' : hours(m.gapMs)), right: true },
        { head: 'rule', of: (m) => (m.rule ? `${m.rule.journeyType} (${m.rule.pack} ${m.rule.version})` : '-') },
        { head: 'since', of: (m) => m.doubtedAt },
        { head: 'settled', of: (m) => m.settledBecause ?? '', max: 60 },
      ],
    });
  });
  addSettling(matches, cli, 'confirm', 'Say that the two are one: they are merged.');
  addSettling(matches, cli, 'reject', 'Say that the two are two.');
}

const hours = (ms: number): string => `${(ms / 3_600_000).toFixed(1)} h`;

function addSettling(matches: Command, cli: Cli, verb: 'confirm' | 'reject', description: string): void {
  const command = matches
    .command(verb)
    .description(description)
    .argument('<match>', 'id of the match')
    .requiredOption('--reason <text>', 'why, for the record; it stays readable, so name nobody')
    .addHelpText('after', HELP);
  withJson(command).action(async (matchId: string, { reason, json }: { reason: string; json?: boolean }) => {
    const mutation = `mutation Settle($i: SettleMatchInput!) { done: ${verb}Match(input: $i) { id revision position } }`;
    const { done } = await onServer(cli, command, { silent: json }, (api) =>
      api.ask<{ done: object }>(mutation, { i: { matchId, reason } }),
    );
    if (json) cli.out.json(done);
    else cli.out.print(verb === 'confirm' ? 'The two are one.' : 'The two are two.');
  });
}
