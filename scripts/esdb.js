/**
 * What only a real EventStoreDB (KurrentDB) can show: `npm run test:esdb [-- parts of paths, flags of Jest]`.
 *
 * EVENT_LOG_URL         the server, such as esdb://127.0.0.1:2113?tls=false; without it nothing is run. Its log is written to.
 * ESDB_SERVER_COMMAND   a shell command that runs that server in the foreground, on files that it finds again; without it
 *                       nothing is killed. Whatever does not run yet is started by it.
 * ESDB_CLUSTER_COMMANDS the same for the three nodes of a cluster, one a line, with ESDB_CLUSTER_URL; without them no
 *                       leader is killed.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const { EVENT_LOG_URL: url, ESDB_SERVER_COMMAND: command, ESDB_CLUSTER_COMMANDS: cluster } = process.env;

if (!url) {
  console.log('test:esdb: skipped, because EVENT_LOG_URL names no EventStoreDB.');
} else {
  if (!command) console.log('test:esdb: no server is killed, because ESDB_SERVER_COMMAND names none to start.');
  if (!cluster) console.log('test:esdb: no leader is killed, because ESDB_CLUSTER_COMMANDS names no nodes to start.');
  const flags = [
    '--experimental-vm-modules',
    '--no-warnings',
    'node_modules/jest/bin/jest.js',
    '--runInBand',
    // The list of matches would take a path that comes after it for one of its own.
    ...process.argv.slice(2),
    '--testMatch=<rootDir>/test/esdb-*.real.ts',
  ];
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const jest = spawn(process.execPath, flags, { cwd, stdio: 'inherit' });
  jest.once('exit', (code) => (process.exitCode = code ?? 1));
}
