import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { onServer, type Cli } from './cli.js';
import { UsageError } from './cli-errors.js';
import { download } from './download.js';
import { exportReportOf } from './export-report.js';
import { journeyFilterOf, withAsOf, withJourneyFilter, withJson, type AsOf, type JourneyFilterOptions } from './options.js'; // prettier-ignore
import { bytes, number } from './text.js';

const HELP = `
The name of the file says its format: .xes and .xes.gz are XES (IEEE 1849), .sqlite and .db are OCEL 2.0 as a database,
.json and .jsonocel are OCEL 2.0 in JSON; a further .gz packs it. Importing an XES export gives the same touchpoints
again. What is personal is never in the file. The report names everything that the file does not hold as it is here.

Examples:
  $ touchstone export helpdesk.xes.gz --journey-type helpdesk
  $ touchstone export march.xes --journey-type repair --from 2024-03-01T00:00:00+08:00 --to 2024-04-01T00:00:00+08:00
  $ touchstone export world.sqlite
  $ touchstone export then.json --journey-type order --as-of 2024-03-01T00:00:00Z --json`;

const FORMATS = ['xes', 'ocel-json', 'ocel-sqlite'] as const;
type Format = (typeof FORMATS)[number];

interface Options extends JourneyFilterOptions {
  readonly format?: Format;
  readonly asOf?: AsOf;
  readonly allObjects?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `touchstone export FILE` */
export function addExport(program: Command, cli: Cli): void {
  const command = program
    .command('export')
    .description('Write journeys to a file: XES, or OCEL 2.0 (SQLite or JSON).')
    .argument('<file>', 'the file to write')
    .addOption(new Option('--format <name>', 'instead of what the name of the file says').choices(FORMATS))
    .option('--all-objects', 'OCEL: also objects that no event and no other object names')
    .option('--force', 'overwrite the file')
    .addHelpText('after', HELP);
  withJson(withAsOf(withJourneyFilter(command))).action(async (path: string, options: Options) => {
    const parameters = parametersOf(path, options);
    assertFree(path, options.force ?? false);
    const silent = options.json ?? false;
    const id = randomUUID();
    const progress = cli.out.progress(silent);
    const report = await onServer(cli, command, { silent }, (api) => {
      const url = new URL(parameters.route, api.url);
      for (const [name, value] of Object.entries({ ...parameters.query, id })) if (value !== undefined) url.searchParams.set(name, value); // prettier-ignore
      return download(api, {
        url,
        id,
        path,
        onProgress: (done, told) =>
          progress.show({
            label: 'Exporting',
            done,
            detail: `${number(told?.touchpoints ?? 0)} touchpoints, ${bytes(done)}`,
          }),
      });
    });
    progress.done();
    if (options.json) cli.out.json(report);
    else cli.out.print(exportReportOf(report, path, bytes(statSync(path).size)));
  });
}

/** @throws USAGE */
export function parametersOf(
  path: string,
  options: Options,
): { readonly route: string; readonly query: Readonly<Record<string, string | undefined>> } {
  const format = options.format ?? formatOf(path);
  const asOf = options.asOf && ('instant' in options.asOf ? options.asOf.instant : options.asOf.position);
  const gzip = /\.gz$/i.test(path) ? 'true' : undefined;
  const query = { ...journeyFilterOf(options), asOf, gzip };
  if (format !== 'xes') {
    const objects = options.allObjects ? 'all' : undefined;
    return { route: '/exports/ocel', query: { ...query, format: format.slice('ocel-'.length), objects } };
  }
  if (options.journeyType === undefined)
    throw new UsageError('Name the --journey-type: XES holds journeys of one type.');
  if (options.allObjects) throw new UsageError('--all-objects is for OCEL.');
  return { route: '/exports/xes', query };
}

function formatOf(path: string): Format {
  const name = path.replace(/\.gz$/i, '');
  if (/\.(xes|xml)$/i.test(name)) return 'xes';
  if (/\.(sqlite|sqlite3|db)$/i.test(name)) return 'ocel-sqlite';
  if (/\.(json|jsonocel)$/i.test(name)) return 'ocel-json';
  throw new UsageError('The name of the file does not say its format: end it with .xes, .json or .sqlite, or give --format.'); // prettier-ignore
}

function assertFree(path: string, force: boolean): void {
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory()) {
    throw new TouchstoneError('FILE_IS_DIRECTORY', `${path} is a directory: name the file itself.`, 'invalid');
  }
  if (!force)
    throw new TouchstoneError('FILE_EXISTS', `${path} is there already: name another, or add --force.`, 'conflict');
}
