import { Option, type Command } from 'commander';
import type { CopiedLog, CopyProgress } from '@touchstone/eventing';
import { UsageError } from './cli-errors.js';
import type { Cli } from './cli.js';
import { whole, withJson } from './options.js';
import { number } from './text.js';

const HELP = `
Both ends are a data directory (or its log.db) or an address, esdb://user:password@host:2113 or kurrentdb://…; one of them
is a directory. Events keep ids, types, times, data, metadata, streams with their revisions, and their order; positions
differ. The source may be in use: what it has by then is copied, and the same command copies the rest later. The target must
be empty, or a copy of the same source that was broken off: it is read on from what the target has, after a kill as well.
In the end both logs are read again from the first event on and compared, one by one.

Keys of personal data are not in the log. They stay in the data directory (keys.db), as do the quarantine and finished
uploads; a copy without that directory is a log whose personal data nobody can read.

To move a house that runs from its own log to an EventStoreDB:
  1. touchstone copy-log --from ./data --to esdb://host:2113            while it runs; repeat it at will
  2. stop the server
  3. touchstone copy-log --from ./data --to esdb://host:2113 --switch   copies the rest, compares, switches the directory
  4. start the server with EVENT_LOG_URL=esdb://host:2113
--switch moves log.db to former-log/, writes event-log.json and removes the read models and the places of policies, which
speak of positions of the former log: the server makes them anew. The way back is the same with --from and --to exchanged,
and a start without EVENT_LOG_URL.

Examples:
  $ touchstone copy-log --from ./data --to 'kurrentdb://127.0.0.1:2113?tls=false'
  $ touchstone copy-log --from ./data --to 'kurrentdb://127.0.0.1:2113?tls=false' --verify-only --json
  $ touchstone copy-log --from 'esdb://127.0.0.1:2113?tls=false' --to ./data-2`;

interface Options {
  readonly from: string;
  readonly to: string;
  readonly verifyOnly?: boolean;
  readonly switch?: boolean;
  readonly inFlight: number;
  readonly json?: boolean;
}

/** `touchstone copy-log` */
export function addCopyLog(program: Command, cli: Cli): void {
  const command = program
    .command('copy-log')
    .description('Copy the whole event log from its file to an EventStoreDB (KurrentDB), or back.')
    .requiredOption('--from <log>', 'a data directory or an address: what is copied')
    .requiredOption('--to <log>', 'a data directory or an address: where to')
    .option('--verify-only', 'copy nothing, compare the two')
    .option('--switch', 'make the copy the log of the data directory that is one of the two, once it is right')
    .addOption(
      new Option('--in-flight <n>', 'appends under way at a time, 1 to 1000').argParser(whole(1, 1_000)).default(128),
    )
    .addHelpText('after', HELP);
  withJson(command).action(async (options: Options) => {
    const { from, to, verifyOnly, inFlight, json } = options;
    if (options.switch && verifyOnly) throw new UsageError('--verify-only changes nothing: leave out --switch.');
    const { copyLog } = await import('@touchstone/eventing');
    const progress = cli.out.progress(json);
    try {
      const copied = await copyLog({
        from,
        to,
        verifyOnly,
        switchOver: options.switch,
        inFlight,
        onProgress: (step) => progress.show(stepOf(step)),
        signal: cli.signal,
      });
      progress.done();
      if (json) cli.out.json({ copy: copied });
      else cli.out.print(copiedText(copied, verifyOnly ?? false));
    } finally {
      progress.done();
    }
  });
}

/** The bar goes by how much of the log's own measure is done: not every engine counts its events. */
const stepOf = ({ phase, events, share }: CopyProgress) => ({
  label: phase === 'copying' ? 'Copying' : 'Comparing',
  done: share,
  total: 1,
  detail: `${number(events)} events`,
});

/** What was done, and what is to be done now. */
export function copiedText({ digest, copied, sourceMovedOn, switched }: CopiedLog, verifyOnly: boolean): string {
  const done = verifyOnly ? 'Equal' : `Copied ${number(copied)} events; equal`;
  const lines = [
    `${done}: ${number(digest.events)} events on both sides, compared one by one.`,
    `  in order   ${digest.ordered}`,
    `  by stream  ${digest.byStream}`,
  ];
  if (sourceMovedOn) {
    lines.push(
      'The source has more events by now: stop what writes there and run the same command again for the rest.',
    );
  }
  if (switched?.formerLog) {
    lines.push(
      `${switched.directory} has its events on the server now: start its server with EVENT_LOG_URL.`,
      `The former log is ${switched.formerLog}: delete it when you do not need it any more.`,
    );
  } else if (switched) {
    lines.push(`${switched.directory} has its events in it now: start its server without EVENT_LOG_URL.`);
  }
  return lines.join('\n');
}
