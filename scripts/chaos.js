/** The long form of the chaos tests: a thousand kills instead of sixty, or fifty of processes that share the work. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HELP = `Kills Touchstone with -9 again and again, and looks at everything after each kill.

Usage: npm run test:chaos -- [flags]

  --pair       processes that share one event log and one PostgreSQL, while files are imported: the one that answers,
               the one that projects and the one that decides are killed in turn. Without it: one process with its
               data in a directory
  --rounds N   kills (default 1000; with --pair 50)
  --seed N     the same one gives the same plan of commands and of moments to kill, though not the same microsecond
  --help       this text

With --pair the event log is a stand-in for EventStoreDB; on a real server: npm run test:esdb.
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    rounds: { type: 'string' },
    pair: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else run();

function run() {
  const seed = whole('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 31)));
  const rounds = whole('rounds', values.rounds ?? (values.pair ? '50' : '1000'));
  const again = `npm run test:chaos -- ${values.pair ? '--pair ' : ''}--seed ${seed} --rounds ${rounds}`;
  console.log(`chaos: ${rounds} rounds, seed ${seed} (again with: ${again})`);
  const root = fileURLToPath(new URL('..', import.meta.url));
  // One after the other: two suites that kill would slow each other down to where kills meet nothing.
  const flags = [
    '--experimental-vm-modules',
    '--no-warnings',
    'node_modules/jest/bin/jest.js',
    '--runInBand',
    values.pair ? 'test/pair-chaos' : 'test/chaos-',
  ];
  const env = { ...process.env, CHAOS_SEED: seed, CHAOS_ROUNDS: rounds };
  const jest = spawn(process.execPath, flags, { cwd: root, env, stdio: 'inherit' });
  jest.once('exit', (code) => (process.exitCode = code ?? 1));
}

/** The text of a whole number, from 1 on. */
function whole(name, text) {
  if (/^\d{1,10}$/.test(text) && Number(text) > 0 && Number(text) < 2 ** 31) return text;
  throw new Error(`--${name} must be a whole number from 1 to ${2 ** 31 - 1}; got "${text}".`);
}
