/**
 * The tests of read models, projections and queries once more, on PostgreSQL: `npm run test:postgres [-- --quick] [-- flags of Jest]`.
 * The server is that of scripts/postgres.js, or the one that TEST_POSTGRES_URL names: each test has schemas of its own there.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startPostgres } from './postgres.js';

/** Whatever projects into a store, or asks one. */
const SUITES = [
  'libs/readmodel/',
  'libs/packs/packs.projection',
  'libs/journeys/.*\\.int\\.spec',
  'libs/journeys/metrics/.*\\.int\\.spec',
];
/** Left out by `--quick`, so that the whole CI keeps its time: generations are built many times over. */
const LONG = [
  'group-projector',
  'projector-host',
  'read-pool',
  'build-helper',
  'testing.spec',
  'derivations',
  'journey-merging',
  'journeys-at-hand',
  'event-context',
];
/** These speak to PostgreSQL in every run, or to no store at all. */
const ELSEWHERE = ['leases', 'ending-with', 'published', 'shared-projections', 'sequences'];

const server = await startPostgres();
const isQuick = process.argv.includes('--quick');
const given = process.argv.slice(2).filter((argument) => argument !== '--quick');
const named = given.some((argument) => !argument.startsWith('-'));
const flags = [
  '--experimental-vm-modules',
  '--no-warnings',
  'node_modules/jest/bin/jest.js',
  // The list of what is left out would take a path that comes after it for one of its own.
  ...(named ? [] : SUITES),
  ...given,
  `--testPathIgnorePatterns=/dist/|/(?:${[...ELSEWHERE, ...(isQuick ? LONG : [])].join('|')})`,
];
const jest = spawn(process.execPath, flags, {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  stdio: 'inherit',
  env: { ...process.env, TEST_READ_STORE_URL: server.url },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
const code = await new Promise((resolve) => jest.once('exit', resolve));
await server.stop();
process.exitCode = code ?? 1;
