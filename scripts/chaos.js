/**
 * The long form of the chaos tests: a thousand kills instead of sixty. Usage:
 * `npm run test:chaos -- [--seed N] [--rounds N]`. The seed is printed; the same one gives the same plan of commands and
 * of moments to kill, though not the same microsecond.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { seed: { type: 'string' }, rounds: { type: 'string', default: '1000' } } });
const seed = whole('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 31)));
const rounds = whole('rounds', values.rounds);

console.log(
  `chaos: ${rounds} rounds, seed ${seed} (again with: npm run test:chaos -- --seed ${seed} --rounds ${rounds})`,
);
const root = fileURLToPath(new URL('..', import.meta.url));
// One after the other: two suites that kill would slow each other down to where kills meet nothing.
const flags = [
  '--experimental-vm-modules',
  '--no-warnings',
  'node_modules/jest/bin/jest.js',
  '--runInBand',
  'test/chaos-',
];
const env = { ...process.env, CHAOS_SEED: seed, CHAOS_ROUNDS: rounds };
const jest = spawn(process.execPath, flags, { cwd: root, env, stdio: 'inherit' });
jest.once('exit', (code) => (process.exitCode = code ?? 1));

/** The text of a whole number, from 1 on. */
function whole(name, text) {
  if (/^\d{1,10}$/.test(text) && Number(text) > 0 && Number(text) < 2 ** 31) return text;
  throw new Error(`--${name} must be a whole number from 1 to ${2 ** 31 - 1}; got "${text}".`);
}
