import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { Api } from './api.js';
import { addressOf } from './connection.js';
import type { Cli, GlobalOptions } from './cli.js';
import { findingsOf, ok, fail, reasonOf, reportText, type Finding } from './doctor-findings.js';
import { withJson } from './options.js';

const HELP = `
Looks, and changes nothing: at the program, the settings of this environment, the data directory, the engines that
EVENT_LOG_URL and READ_STORE_URL name, and the server that --server names or that has the directory. Where no server runs
none is started. Start it with the environment of the server, so that both mean the same. Secrets are never shown.

Levels: ok, note (good to know), warn (see to it soon), fail (something does not work). Exit code 1 when anything failed.

Examples:
  $ touchstone doctor
  $ touchstone doctor --server http://127.0.0.1:4000 --json
  $ EVENT_LOG_URL='esdb://127.0.0.1:2113?tls=false' touchstone doctor --data /var/lib/touchstone`;

/** `touchstone doctor` */
export function addDoctor(program: Command, cli: Cli): void {
  const command = program
    .command('doctor')
    .description('What is configured, reachable, lagging, set aside or wrong, and what to do about it.')
    .option('--deep', 'read every page of the log, however large')
    .addHelpText('after', HELP);
  withJson(command).action(async ({ deep = false, json }: { deep?: boolean; json?: boolean }) => {
    const findings = await examine(cli, command.optsWithGlobals<GlobalOptions>(), deep);
    const failed = findings.filter(({ level }) => level === 'fail').length;
    if (json) cli.out.json({ healthy: failed === 0, findings });
    else cli.out.print(reportText(findings));
    if (failed > 0) throw unhealthy(failed);
  });
}

async function examine(cli: Cli, options: GlobalOptions, deep: boolean): Promise<Finding[]> {
  const { env } = cli;
  const data = resolve(options.data);
  // Loaded late: the drivers and the settings of the server, which no other command needs.
  const { programFindings } = await import('./doctor-program.js');
  const { directoryFindings } = await import('./doctor-directory.js');
  const { logIdentity, logServerFindings, readStoreFindings } = await import('./doctor-engines.js');
  const [logUrl, storeUrl] = [env['EVENT_LOG_URL'], env['READ_STORE_URL']];
  const check = { data, hasLogUrl: Boolean(logUrl), hasStoreUrl: Boolean(storeUrl), deep };
  const found = await findingsOf('PROGRAM', () => programFindings());
  found.push(await settingsFinding({ ...env, DATA_DIR: data }));
  // Of a server elsewhere the directory is elsewhere too.
  if (options.server === undefined || existsSync(data)) found.push(...(await directoryFindings(check)));
  if (logUrl) found.push(...(await findingsOf('EVENT_LOG', () => logServerFindings(logUrl, data))));
  if (storeUrl) {
    const look = async () => readStoreFindings(storeUrl, await logIdentity(logUrl, data));
    found.push(...(await findingsOf('READ_STORE', look)));
  }
  return [...found, ...(await findingsOf('SERVER', () => onRunning(cli, options, data)))];
}

async function settingsFinding(env: NodeJS.ProcessEnv): Promise<Finding> {
  const { readConfig } = await import('@touchstone/platform');
  try {
    readConfig(env);
    return ok('SETTINGS', 'The settings of this environment can be used.');
  } catch (error) {
    return fail('SETTINGS', reasonOf(error));
  }
}

/** The findings of the server that was named or that has the directory; none where none runs. */
async function onRunning(cli: Cli, options: GlobalOptions, data: string): Promise<Finding[]> {
  const url = options.server === undefined ? await ownersUrl(data) : addressOf(options.server);
  if (url === null) return [];
  const { serverFindings } = await import('./doctor-server.js');
  return serverFindings(new Api(url, options.actor, cli.signal));
}

async function ownersUrl(data: string): Promise<string | null> {
  if (!existsSync(data)) return null;
  const { readOwner } = await import('@touchstone/eventing/read');
  const owner = await readOwner(data);
  return owner?.live ? owner.url : null;
}

const unhealthy = (count: number): TouchstoneError =>
  new TouchstoneError(
    'UNHEALTHY',
    `${count === 1 ? 'One thing is' : `${count} things are`} wrong: see the lines that begin with fail.`,
    'refused',
  );
