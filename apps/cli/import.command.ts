import { Option, type Command } from 'commander';
import type { ImportProgress, ImportResult } from '@touchstone/interchange';
import { TouchstoneError } from '@touchstone/eventing/pure';
import type { Api } from './api.js';
import { caughtUp, onServer, type Cli } from './cli.js';
import { importFileOf, type ImportFile } from './import-file.js';
import { mappingOf, ocelOptionsOf, tableOptions, type ImportFlags } from './import-options.js';
import { reportOf } from './import-report.js';
import { listed, several, withJson } from './options.js';
import type { Progress } from './progress.js';
import { bytes, counted, number } from './text.js';
import { uploadCsv, uploadLog, type UploadLine } from './upload.js';

const HELP = `
The file is read and checked as a whole before anything is appended. Importing it twice adds nothing; an import that was
broken off goes on where it was when the same file comes again. What a single event lacks puts it into quarantine, and
the rest goes in.

Examples:
  $ touchstone import helpdesk.xes.gz --activity concept:name --unit org:resource --customer customer --closes Closed
  $ touchstone import repairs.xes --map kinds.yaml --personal caller,phone --customer account --channel channel
  $ touchstone import 2019.xes --journey-type repair --closes all --as-history
  $ touchstone import new.xes --dry-run --json
  $ touchstone import orders.sqlite --case-type Order,Shipment --without-case own-journey
  $ touchstone map-columns tickets.csv --out tickets.yaml && touchstone import tickets.csv --mapping tickets.yaml`;

/** `touchstone import FILE` */
export function addImport(program: Command, cli: Cli): void {
  const command = program
    .command('import')
    .description(
      'Take in a log of events (XES; OCEL 2.0 as SQLite or JSON), or a table with a mapping (CSV); plain or gzip.',
    )
    .argument('<file>', 'the log')
    .option('--mapping <file>', 'of a table: YAML or JSON that says what its columns are; see `touchstone map-columns`')
    .option('--journey-type <name>', 'type of its journeys (default: the name of the file, or as the mapping says)')
    .option('--source <name>', 'the system it comes from (default: the journey type)')
    .option(
      '--activity <attr>',
      "attribute that names the activity; several make a classifier (default: the log's first)",
      listed,
    )
    .option('--customer <attr>', 'attribute that names the customer')
    .option('--unit <attr>', 'attribute that names the unit')
    .option('--staff <attr>', 'attribute that names the person who acted')
    .option('--channel <attr>', 'attribute that names the channel')
    .option('--closes <activity>', 'activity that closes a journey, or "all"; repeatable', several)
    .option('--contact <activity>', 'activity in which customer and company are in contact; repeatable', several)
    .option('--map <file>', 'YAML or JSON: activity to the id of a published kind')
    .option('--personal <attr>', 'attribute about a person, encrypted before it is stored; repeatable', listed)
    .option(
      '--case-type <type>',
      'of OCEL: object type whose objects are the journeys; repeatable, the first one that an event has objects of',
      listed,
    )
    .addOption(
      new Option(
        '--without-case <what>',
        'of OCEL: events of no journey (default: leave-out, which the report names)',
      ).choices(['leave-out', 'quarantine', 'own-journey']),
    )
    .option('--zone <offset>', 'of OCEL: zone of times that name none, such as +08:00 (default: Z)')
    .option('--as-history', 'a historical load: recorded when it happened, nothing is sent to the outside')
    .option('--dry-run', 'read and check only')
    .addHelpText('after', HELP);
  withJson(command).action(async (path: string, flags: ImportFlags & { dryRun?: boolean; json?: boolean }) => {
    const file = await importFileOf(path);
    const dryRun = flags.dryRun ?? false;
    const silent = flags.json ?? false;
    const send = await senderOf(file, flags, dryRun);
    const result = await onServer(cli, command, { mayCreate: true, mayRepeat: true, lagging: true, silent }, (api) =>
      importInto(cli, api, send, { dryRun, silent }),
    );
    if (flags.json) cli.out.json(result);
    else cli.out.print(reportOf(result));
  });
}

/** Sends a file to a server. */
type Sender = (api: Api) => AsyncGenerator<UploadLine, void, void>;

async function senderOf(file: ImportFile, flags: ImportFlags, dryRun: boolean): Promise<Sender> {
  const table = await tableOptions(file.path, flags);
  if (!table) {
    const ocel = ocelOptionsOf(file.path, flags);
    const mapping = { ...(await mappingOf(file.path, flags)), ...ocel };
    return (api) => uploadLog(api, file, { route: ocel ? '/imports/ocel' : '/imports/xes', mapping, dryRun });
  }
  return (api) => uploadCsv(api, file, { ...table, query: { ...table.query, dryRun: dryRun ? 'true' : undefined } });
}

export interface ImportOrder {
  readonly dryRun: boolean;
  readonly silent: boolean;
}

/** Sends the file, shows how far it is, and waits until the read models know what came in. */
export async function importInto(cli: Cli, api: Api, send: Sender, order: ImportOrder): Promise<ImportResult> {
  const progress = cli.out.progress(order.silent);
  let result: ImportResult | undefined;
  for await (const line of send(api)) {
    if ('progress' in line) show(progress, line.progress);
    else result = line.result;
  }
  progress.done();
  if (!result) throw new TouchstoneError('SERVER_FAILED', 'The server ended the import without a result.', 'internal');
  if (!order.dryRun) await caughtUp(cli, api, order.silent);
  return result;
}

function show(progress: Progress, step: ImportProgress): void {
  const { done, total } = step;
  switch (step.phase) {
    case 'read': {
      const of = total === undefined ? '' : ` of ${bytes(total)}`;
      progress.show({ label: 'Reading', done, total, detail: `${bytes(done)}${of}, ${counted(step.events, 'event')}` });
      break;
    }
    case 'arrange':
      progress.show({ label: 'Arranging', done, total, detail: `${number(done)} of ${number(step.total)} rows` });
      break;
    case 'append':
      progress.show({ label: 'Appending', done, total, detail: `${number(done)} of ${number(step.total)} events` });
      break;
  }
}
