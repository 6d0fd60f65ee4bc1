import { Command, Option } from 'commander';
import { userName, type Cli } from './cli.js';
import { addBackup } from './backup.command.js';
import { EXIT, verdictOn } from './cli-errors.js';
import { addCompare } from './compare.command.js';
import { addCopyLog } from './copy-log.command.js';
import { addDemo } from './demo.command.js';
import { addDoctor } from './doctor.command.js';
import { addExport } from './export.command.js';
import { addEvents } from './events.command.js';
import { addForget } from './forget.command.js';
import { addImport } from './import.command.js';
import { addJourneys } from './journeys.command.js';
import { addLinking } from './linking.command.js';
import { addMapColumns } from './map-columns.command.js';
import { addMap } from './map.command.js';
import { addMatches } from './matches.command.js';
import { addMoments } from './moments.command.js';
import { addMetric } from './metric.command.js';
import { addObject } from './object.command.js';
import { addPark } from './park.command.js';
import { addProjections } from './projections.command.js';
import { addQuarantine } from './quarantine.command.js';
import { addTimeline } from './timeline.command.js';

const HELP = `
Where the data is: the server named by --server; else the one that runs on the data directory; else a server of its own
for as long as the command takes.

Examples:
  $ touchstone import helpdesk.xes.gz --activity concept:name --unit org:resource --customer customer --closes Closed
  $ touchstone map --journey-type helpdesk
  $ touchstone metric M-FCR --by unit
  $ touchstone journeys --journey-type helpdesk --first 5
  $ touchstone demo

Exit codes: 0 done, 1 refused or failed, 2 the command line is wrong, 130 stopped by you.
Errors stand on stderr as CODE: sentence.`;

/** The command line, with all its commands. */
export function programOf(cli: Cli): Command {
  const program = new Command('touchstone')
    .description(
      'Service journeys as events: import and export logs, read timelines, maps and care figures, see how the read models do.',
    )
    .addOption(new Option('--data <dir>', 'data directory').env('DATA_DIR').default('./data'))
    .option('--server <url>', 'a running server, such as http://127.0.0.1:4000; wins over --data')
    .addOption(
      new Option('--actor <name>', 'who acts, for the record')
        .env('TOUCHSTONE_ACTOR')
        .default(userName(), 'your login'),
    )
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => cli.out.print(text.replace(/\n$/, '')),
      writeErr: (text) => cli.out.note(text.replace(/\n$/, '')),
      outputError: (text, write) => write(text.replace(/^error: /, 'USAGE: ')),
    })
    .showHelpAfterError('(add --help for what there is)')
    .showSuggestionAfterError()
    .addHelpText('after', HELP);
  for (const add of [addImport, addExport, addMap, addTimeline, addJourneys, addMoments, addEvents, addQuarantine])
    add(program, cli);
  for (const add of [addMatches, addLinking, addObject, addMetric, addCompare, addMapColumns]) add(program, cli);
  for (const add of [addProjections, addPark, addForget, addBackup, addCopyLog, addDoctor, addDemo]) add(program, cli);
  return program;
}

/** Runs a command line; the exit code. Never throws. */
export async function runCli(args: readonly string[], cli: Cli): Promise<number> {
  try {
    await programOf(cli).parseAsync(args, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    const { text, exitCode } = verdictOn(error);
    if (text !== null) cli.out.note(text);
    return exitCode;
  }
}
