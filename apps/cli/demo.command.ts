import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Option, type Command } from 'commander';
import { Api } from './api.js';
import { UsageError } from './cli-errors.js';
import { caughtUp, type Cli, type GlobalOptions } from './cli.js';
import { correct, EXAMPLE, interestingCustomer, threeFigures, wrongArrival } from './demo.js';
import { importInto } from './import.command.js';
import { importFileOf } from './import-file.js';
import { mappingOf } from './import-options.js';
import { reportOf } from './import-report.js';
import { whole } from './options.js';
import { startOwnServer } from './own-server.js';
import { indented, wallClock } from './text.js';
import { kindNames, timelineOf } from './timeline.js';
import { timelineText } from './timeline-text.js';

const HELP = `
Two weeks of fault repairs of a made-up power utility: 200 journeys of 120 customers over hotline, app and crew.

Examples:
  $ touchstone demo
  $ touchstone demo --port 4000 --data ./demo-data
  $ touchstone demo --exit`;

interface DemoOptions {
  readonly port: number;
  readonly exit?: boolean;
}

/** `touchstone demo` */
export function addDemo(program: Command, cli: Cli): void {
  const command = program
    .command('demo')
    .description('Load the example, show one customer, and leave a server open to look around.')
    .addOption(new Option('--port <n>', 'port of the server').argParser(whole(0, 65_535)).default(0, 'a free one'))
    .option('--exit', 'end after printing instead of staying up')
    .addHelpText(
      'after',
      `${HELP}\n\nThe data go into a directory of their own that is removed at the end, unless --data names one.`,
    );
  command.action(async (options: DemoOptions) => {
    const { data, server, actor } = command.optsWithGlobals<GlobalOptions>();
    if (server !== undefined) throw new UsageError('demo starts a server of its own: leave out --server.');
    const isOwn = program.getOptionValueSource('data') !== 'cli';
    const directory = isOwn ? await mkdtemp(join(tmpdir(), 'touchstone-demo-')) : resolve(data);
    try {
      await show(cli, { directory, actor, ...options });
    } finally {
      if (isOwn) await rm(directory, { recursive: true, force: true });
    }
  });
}

async function show(cli: Cli, demo: DemoOptions & { directory: string; actor: string }): Promise<void> {
  const { out, env, signal } = cli;
  out.note('Starting a server …');
  const onLog = (text: string) => out.note(text);
  const server = await startOwnServer({ data: demo.directory, port: demo.port, env, signal, onLog });
  try {
    const api = new Api(server.url, demo.actor, signal);
    await load(cli, api);
    await tell(cli, api);
    out.print(`\nLook around: ${server.url}/ (GraphQL explorer)`);
    out.print(
      `Or ask from another terminal: npx touchstone map --journey-type ${EXAMPLE.journeyType} --server ${server.url}`,
    );
    if (demo.exit) return;
    out.print('Ctrl-C ends the demo.');
    if (!signal.aborted) await Promise.race([once(signal, 'abort'), server.ended]);
  } finally {
    await server.stop();
  }
}

/** The example stands beside the sources, wherever the command is called from. */
const inProject = (path: string): string =>
  fileURLToPath(new URL(`${import.meta.url.endsWith('.ts') ? '../..' : '../../..'}/${path}`, import.meta.url));

async function load(cli: Cli, api: Api): Promise<void> {
  const path = inProject(EXAMPLE.file);
  const mapping = await mappingOf(path, { ...EXAMPLE, map: inProject(EXAMPLE.kinds) });
  const result = await importInto(cli, api, await importFileOf(path), { mapping, dryRun: false, silent: false });
  cli.out.print(`${reportOf(result)}\n`);
}

/** One customer before and after a correction, then the map. */
async function tell(cli: Cli, api: Api): Promise<void> {
  const { out } = cli;
  const id = await interestingCustomer(api);
  const names = await kindNames(api);
  const nameOf = (kind: string) => named(names.get(kind)) ?? kind;
  const before = await timelineOf(api, id);
  const wrong = wrongArrival(before);
  if (wrong) {
    await correct(api, wrong);
    await caughtUp(cli, api);
  }
  out.print('One customer across hotline, app and crew:\n');
  out.print(indented(timelineText(await timelineOf(api, id), { nameOf })));
  if (wrong) {
    const { position } = before.asOf;
    const [, was] = wallClock(wrong.entry.occurredAt);
    const [, is] = wallClock(wrong.to);
    out.print(
      `\nJust now the crew's arrival was corrected from ${was} to ${is}. What was known before stays readable:`,
    );
    out.print(`  npx touchstone timeline ${id} --as-of ${position} --server ${api.url}`);
  }
  out.print('\nThree figures of the map:\n');
  for (const figure of await threeFigures(api)) out.print(`  - ${figure}`);
}

const named = (name: { en: string; zh: string } | undefined): string | undefined =>
  name && (name.zh === name.en ? name.en : `${name.en} ${name.zh}`);
