import type { Command } from 'commander';
import type { Backup } from '@touchstone/eventing';
import type { Cli } from './cli.js';
import { withJson } from './options.js';
import { number } from './text.js';

/** `touchstone backup DIR` and `touchstone restore DIR`: the two that work on files, with or without a server. */
export function addBackup(program: Command, cli: Cli): void {
  const backup = program
    .command('backup')
    .description('Copy log, quarantine and keys of the data directory as they are now, while a server may write there.')
    .argument('<dir>', 'a new directory for the copy')
    .addHelpText(
      'after',
      `
Read models are not copied: a server makes them anew from the log. The copy has the keys of personal data: keep it as
safe as the data directory, and no longer than people who were forgotten since may be remembered.

Examples:
  $ touchstone backup ./backups/monday
  $ touchstone backup ./backups/monday --data /var/lib/touchstone --json`,
    );
  withJson(backup).action(async (to: string, { json }: { json?: boolean }) => {
    const progress = cli.out.progress(json);
    const madeAt = new Date().toISOString();
    const { backUp } = await import('@touchstone/eventing');
    try {
      const onProgress = (done: number, total: number) =>
        progress.show({ label: 'Copying', done, total, detail: `${megabytes(done)} of ${megabytes(total)}` });
      answer(cli, json, await backUp(dataOf(backup), to, { madeAt, onProgress }), `are in ${to}`);
    } finally {
      progress.done();
    }
  });

  const restore = program
    .command('restore')
    .description('Put a backup into a data directory that has no log yet.')
    .argument('<dir>', 'the backup')
    .addHelpText(
      'after',
      `
The server that starts there makes the read models anew, and forgets again whom the log says are forgotten.

Examples:
  $ touchstone restore ./backups/monday --data ./data-2`,
    );
  withJson(restore).action(async (from: string, { json }: { json?: boolean }) => {
    const { restoreBackup } = await import('@touchstone/eventing');
    const to = dataOf(restore);
    answer(cli, json, restoreBackup(from, to), `are in ${to}`);
  });
}

const dataOf = (command: Command): string => command.optsWithGlobals<{ data: string }>().data;

function answer(cli: Cli, json: boolean | undefined, backup: Backup, where: string): void {
  if (json) return cli.out.json({ backup });
  const bytes = backup.files.reduce((sum, file) => sum + file.bytes, 0);
  cli.out.print(
    `${number(backup.events)} events (${megabytes(bytes)}) ${where}, as they were at ${backup.head || 'the beginning'}.`,
  );
}

const megabytes = (bytes: number): string => `${number(Math.ceil(bytes / 1_000_000))} MB`;
