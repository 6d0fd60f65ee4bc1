import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Option, type Command } from 'commander';
import { Api } from './api.js';
import { UsageError } from './cli-errors.js';
import type { Cli, GlobalOptions } from './cli.js';
import { recordCare } from './demo-care.js';
import { bothNames, coachingText, figuresText, lifeText, movedText, noticedText } from './demo-text.js';
import { EXAMPLE, heroTimeline, moved, noticed, rulesDone, threeFigures, WORLD } from './demo.js';
import { importInto } from './import.command.js';
import { importFileOf } from './import-file.js';
import { mappingOf } from './import-options.js';
import { reportOf } from './import-report.js';
import { whole, withJson } from './options.js';
import { startOwnServer } from './own-server.js';
import { number } from './text.js';
import { kindNames } from './timeline.js';
import { uploadLog } from './upload.js';

const HELP = `
Two weeks of fault repairs of a made-up power utility: 200 journeys of 120 customers over hotline, app and crew, and what
people noted about them. The clock of the demo stands at the end of that world and runs on.

Five beats: one customer's timeline; three care figures, each with an event behind it; a moment that is recorded and told
to a subscriber; the figure that moves, and what it was; the coaching counterpart.

Examples:
  $ touchstone demo
  $ touchstone demo --port 4000 --data ./demo-data
  $ touchstone demo --exit --json`;

interface DemoOptions {
  readonly port: number;
  readonly exit?: boolean;
  readonly json?: boolean;
}

/** `touchstone demo` */
export function addDemo(program: Command, cli: Cli): void {
  const command = program
    .command('demo')
    .description('Load the example, show what it tells in five beats, and leave a server open to look around.')
    .addOption(new Option('--port <n>', 'port of the server').argParser(whole(0, 65_535)).default(0, 'a free one'))
    .option('--exit', 'end after printing instead of staying up')
    .addHelpText(
      'after',
      `${HELP}\n\nThe data go into a directory of their own that is removed at the end, unless --data names one.`,
    );
  withJson(command).action(async (options: DemoOptions) => {
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
  const { out, signal } = cli;
  if (!demo.json) out.note('Starting a server …');
  const onLog = (text: string) => out.note(text);
  const env = { ...WORLD, ...cli.env };
  const server = await startOwnServer({ data: demo.directory, port: demo.port, env, signal, onLog });
  try {
    const api = new Api(server.url, demo.actor, signal);
    const loaded = await load(cli, api, demo.json ?? false);
    if (demo.json) out.json({ url: server.url, ...loaded, ...(await beats(api)) });
    else await tell(cli, api);
    if (!demo.json) {
      out.print(`Look around: ${server.url}/ (GraphQL explorer)`);
      out.print(`Or ask from another terminal: npx touchstone metrics --server ${server.url}`);
      if (!demo.exit) out.print('Ctrl-C ends the demo.');
    }
    if (demo.exit) return;
    if (!signal.aborted) await Promise.race([once(signal, 'abort'), server.ended]);
  } finally {
    await server.stop();
  }
}

/** The example stands beside the sources, wherever the command is called from. */
const inProject = (path: string): string =>
  fileURLToPath(new URL(`${import.meta.url.endsWith('.ts') ? '../..' : '../../..'}/${path}`, import.meta.url));

async function load(cli: Cli, api: Api, silent: boolean) {
  const { out } = cli;
  const path = inProject(EXAMPLE.file);
  const mapping = await mappingOf(path, { ...EXAMPLE, map: inProject(EXAMPLE.kinds) });
  const file = await importFileOf(path);
  const send = (to: Api) => uploadLog(to, file, { route: '/imports/xes', mapping, dryRun: false });
  const imported = await importInto(cli, api, send, { dryRun: false, silent });
  if (!silent) out.print(reportOf(imported));
  const progress = out.progress(silent);
  const noted = await recordCare(api, inProject(EXAMPLE.care), EXAMPLE.journeyType, (done, total) =>
    progress.show({ label: 'Noting', done, total, detail: `${number(done)} of ${number(total)} notes of people` }),
  );
  progress.done();
  await rulesDone(api);
  if (!silent) out.print(`\nNoted by people: ${number(noted)} owners, moments, expectations, ratings …\n`);
  return { imported, noted };
}

/** Each beat is printed when it is known: the third one happens while one looks on. */
async function tell({ out }: Cli, api: Api): Promise<void> {
  const names = await kindNames(api);
  const nameOf = (kind: string) => {
    const name = names.get(kind);
    return name ? bothNames({ nameEn: name.en, nameZh: name.zh }) : kind;
  };
  const life = await heroTimeline(api);
  out.print(lifeText(life, nameOf));
  out.print(figuresText(await threeFigures(api)));
  const told = await noticed(api, life);
  out.print(noticedText(told));
  out.print(movedText(await moved(api, told)));
  out.print(coachingText(told));
}

async function beats(api: Api) {
  const timeline = await heroTimeline(api);
  const figures = await threeFigures(api);
  const told = await noticed(api, timeline);
  const { moment, event } = told;
  return {
    timeline,
    figures,
    recorded: moment,
    subscriber: event,
    ...(await moved(api, told)),
    counterpart: moment.counterpart,
  };
}
