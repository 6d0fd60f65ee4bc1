import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { Option, type Command } from 'commander';
import type { Api } from './api.js';
import { UsageError } from './cli-errors.js';
import { onServer, type Cli } from './cli.js';
import { instant, several, withJson, withPaging, type Paging } from './options.js';
import { PAGE_INFO, printPage } from './page.js';
import { recordText, type QuarantineRow, type ShownRecord } from './quarantine-text.js';
import { counted } from './text.js';

const HELP = `
A record is kept with its reason until it is mended and taken in, given up, or its time is over. What it says may be
about a person: only "show" tells it.

Examples:
  $ touchstone quarantine --source helpdesk --code XES_NO_TIMESTAMP --json
  $ touchstone quarantine show 17
  $ touchstone quarantine mend 17 --payload event.json --note "asked the crew"
  $ touchstone quarantine mend --code KIND_UNKNOWN --kind crew.came=crew.arrived
  $ touchstone quarantine mend --code XES_TIMESTAMP_WITHOUT_ZONE --zone Asia/Shanghai
  $ touchstone quarantine retry --code KIND_UNKNOWN
  $ touchstone quarantine discard 18 19 --reason "a test of theirs"`;

const ROW = 'id source journeyType importId line code reason format state at expiresAt';
const LIST = `query Quarantine($source: String, $code: String, $importId: ID, $from: Instant, $to: Instant,
    $state: QuarantineState!, $first: Int, $after: String) {
  quarantine(source: $source, code: $code, importId: $importId, from: $from, to: $to, state: $state,
      first: $first, after: $after) {
    edges { cursor node { ${ROW} } }
    ${PAGE_INFO}
  }
}`;
const SHOW = `query Quarantined($id: ID!) {
  quarantined(id: $id) {
    ${ROW} revision journeyId touchpointId position raw payload
    deeds { at actorId what detail note }
  }
}`;
const PROBLEMS = 'seen next problems { id code message }';
const MEND = `mutation Mend($input: MendQuarantinedInput!) { mendQuarantined(input: $input) { mended ${PROBLEMS} } }`;
const RETRY = `mutation Retry($records: QuarantineSelectionInput!) {
  retryQuarantined(records: $records) { taken known waiting ${PROBLEMS} }
}`;
const DISCARD = `mutation Discard($input: DiscardQuarantinedInput!) {
  discardQuarantined(input: $input) { discarded seen next }
}`;

/** Problems that are told one by one; what is beyond shows in the list. */
const TOLD = 20;

interface Filter {
  readonly source?: string;
  readonly code?: string;
  readonly import?: string;
  readonly from?: string;
  readonly to?: string;
}
interface Choosing extends Filter {
  readonly all?: boolean;
  readonly json?: boolean;
}
interface Selection {
  readonly ids?: readonly string[];
  readonly filter?: object;
  readonly after?: string;
}
interface Answer {
  readonly seen: number;
  readonly next: string | null;
  readonly problems?: readonly { readonly id: string; readonly code: string; readonly message: string }[];
}

/** `touchstone quarantine` */
export function addQuarantine(program: Command, cli: Cli): void {
  const quarantine = program
    .command('quarantine')
    .description('Records that could not be taken in: list, show, mend, retry, discard.')
    .addHelpText('after', HELP);
  addList(quarantine, cli);
  addShow(quarantine, cli);
  addMend(quarantine, cli);
  addRetry(quarantine, cli);
  addDiscard(quarantine, cli);
}

const withFilter = (command: Command): Command =>
  command
    .option('--source <name>', 'only from this system')
    .option('--code <code>', 'only for this reason')
    .option('--import <id>', 'only of this import')
    .addOption(new Option('--from <instant>', 'only what came in at or after this').argParser(instant))
    .addOption(new Option('--to <instant>', 'only what came in before this').argParser(instant));

/** Records by their ids, or all that options choose: never all of them by mistake. */
const withChoice = (command: Command): Command =>
  withFilter(command.argument('[ids...]', 'ids of records')).option('--all', 'all that wait');

function addList(quarantine: Command, cli: Cli): void {
  const command = quarantine
    .command('list', { isDefault: true })
    .description('What waits there, page by page.')
    .addOption(
      new Option('--state <state>', 'only what stands so')
        .choices(['open', 'waiting', 'mended', 'taken', 'discarded', 'all'])
        .default('open'),
    )
    .addHelpText('after', HELP);
  type Options = Filter & Paging & { state: string; json?: boolean };
  withJson(withPaging(withFilter(command))).action(async ({ import: importId, state, json, ...options }: Options) => {
    await printPage<QuarantineRow>(cli, command, {
      name: 'quarantine',
      query: LIST,
      variables: { ...options, importId, state: state.toUpperCase() },
      none: 'Nothing is in quarantine.',
      json,
      needs: { lagging: true },
      columns: [
        { head: 'id', of: (q) => q.id, right: true },
        { head: 'source', of: (q) => q.source, max: 24 },
        { head: 'type', of: (q) => q.journeyType ?? '-', max: 24 },
        { head: 'line', of: (q) => (q.line === null ? '-' : String(q.line)), right: true },
        { head: 'state', of: (q) => q.state.toLowerCase() },
        { head: 'code', of: (q) => q.code },
        { head: 'reason', of: (q) => q.reason, max: 80 },
        { head: 'since', of: (q) => q.at },
      ],
    });
  });
}

function addShow(quarantine: Command, cli: Cli): void {
  const command = quarantine
    .command('show')
    .description('One record: what it says, and what was done about it.')
    .argument('<id>', 'id of the record')
    .option('--payload', 'only what a retry would read, to be edited and given to mend')
    .addHelpText('after', HELP);
  withJson(command).action(async (id: string, { payload, json }: { payload?: boolean; json?: boolean }) => {
    const { quarantined } = await onServer(cli, command, { lagging: true, silent: json }, (api) =>
      api.ask<{ quarantined: ShownRecord }>(SHOW, { id }),
    );
    if (json) cli.out.json(quarantined);
    else cli.out.print(payload ? quarantined.payload : recordText(quarantined));
  });
}

function addMend(quarantine: Command, cli: Cli): void {
  const command = withChoice(quarantine.command('mend'))
    .description('Change how records are read: one by its payload, many by kinds and a zone. Takes nothing in.')
    .option('--payload <file>', 'of one record: what it should have been; - reads it from the input')
    .option('--kind <from=to>', 'take a kind for another, or any for this one; several times', several)
    .option('--zone <zone>', 'zone of times that have none, such as Asia/Shanghai or +08:00')
    .option('--note <text>', 'why, for the record')
    .option('--seen <revision>', 'refuse when somebody has changed the record since')
    .addHelpText('after', HELP);
  type Options = Choosing & { payload?: string; kind?: string[]; zone?: string; note?: string; seen?: string };
  withJson(command).action(async (ids: string[], options: Options) => {
    const { payload: file, kind, zone, note, seen } = options;
    const records = chosen(ids, options);
    const payload = file === undefined ? undefined : file === '-' ? await textOf(process.stdin) : await read(file);
    const seenRevision = seen === undefined ? undefined : Number(seen);
    const change = { payload, kinds: kind?.map(kindOf), zone, note, seenRevision };
    const sum = await overPages(cli, command, records, options.json, async (api, page) => {
      const { mendQuarantined } = await api.ask<{ mendQuarantined: Answer & { mended: number } }>(MEND, {
        input: { records: page, ...change },
      });
      return mendQuarantined;
    });
    tell(cli, sum, options.json, ({ mended = 0 }) => `${counted(mended, 'record')} mended.`);
  });
}

function addRetry(quarantine: Command, cli: Cli): void {
  const command = withChoice(quarantine.command('retry'))
    .description('Drive records in again; what still cannot be taken keeps waiting.')
    .addHelpText('after', HELP);
  withJson(command).action(async (ids: string[], options: Choosing) => {
    const sum = await overPages(cli, command, chosen(ids, options), options.json, async (api, records) => {
      type Retried = Answer & { taken: number; known: number; waiting: number };
      const { retryQuarantined } = await api.ask<{ retryQuarantined: Retried }>(RETRY, { records });
      return retryQuarantined;
    });
    tell(cli, sum, options.json, ({ taken = 0, known = 0, waiting = 0 }) => {
      return `${counted(taken, 'record')} taken, ${known} already known, ${waiting} still waiting.`;
    });
  });
}

function addDiscard(quarantine: Command, cli: Cli): void {
  const command = withChoice(quarantine.command('discard'))
    .description('Give records up; they can be looked at until they expire.')
    .requiredOption('--reason <text>', 'why, for the record')
    .addHelpText('after', HELP);
  withJson(command).action(async (ids: string[], options: Choosing & { reason: string }) => {
    const sum = await overPages(cli, command, chosen(ids, options), options.json, async (api, records) => {
      const input = { records, reason: options.reason };
      const { discardQuarantined } = await api.ask<{ discardQuarantined: Answer & { discarded: number } }>(DISCARD, {
        input,
      });
      return discardQuarantined;
    });
    tell(cli, sum, options.json, ({ discarded = 0 }) => `${counted(discarded, 'record')} given up.`);
  });
}

function chosen(ids: readonly string[], { all, import: importId, source, code, from, to }: Choosing): Selection {
  const filter = { source, code, importId, from, to };
  const filtered = Object.values(filter).some((value) => value !== undefined);
  if (ids.length > 0 && (all || filtered)) throw new UsageError('Give ids, or say what they have in common, not both.');
  if (ids.length > 0) return { ids };
  if (!all && !filtered) throw new UsageError('Name records by their ids, choose them with options, or say --all.');
  return { filter };
}

function kindOf(text: string): { from?: string; to: string } {
  const at = text.lastIndexOf('=');
  return at < 0 ? { to: text } : { from: text.slice(0, at), to: text.slice(at + 1) };
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`The file ${file} cannot be read (${error.code ?? error.message}).`);
  });
}

type Sum = Record<string, number> & { readonly problems: NonNullable<Answer['problems']>[number][] };

/** Page after page until there are no more, so that no request takes long however many records there are. */
async function overPages(
  cli: Cli,
  command: Command,
  selection: Selection,
  silent: boolean | undefined,
  work: (api: Api, page: Selection) => Promise<Answer>,
): Promise<Sum> {
  return onServer(cli, command, { lagging: true, silent }, async (api) => {
    const sum = { problems: [] } as unknown as Sum;
    const progress = cli.out.progress(silent);
    for (let after: string | undefined; ;) {
      const { next, problems = [], ...counts } = await work(api, { ...selection, after });
      for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
      sum.problems.push(...problems.slice(0, TOLD - sum.problems.length));
      if (next === null) break;
      after = next;
      progress.show({ label: 'Quarantine', done: sum['seen']!, detail: `${sum['seen']} records` });
    }
    progress.done();
    return sum;
  });
}

function tell({ out }: Cli, sum: Sum, json: boolean | undefined, text: (sum: Record<string, number>) => string): void {
  if (json) {
    out.json(sum);
    return;
  }
  out.print(text(sum));
  for (const { id, code, message } of sum.problems) out.note(`${id}  ${code}: ${message}`);
}
