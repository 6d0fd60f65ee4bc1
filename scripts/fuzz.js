/**
 * The long form of the fuzz test: 100,000 inputs that went wrong on their way, through every way in. Usage:
 * `npm run fuzz -- [--seed N] [--inputs N] [--from N]`. The seed is printed; the same one gives the same inputs, and
 * `--from` goes on with a run that was stopped. Exit code 0: no crash, no half-written import, and all that was sent is
 * accounted for.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The same as in fuzz.int.spec.ts: a run goes on at the beginning of a block. */
const BLOCK = 500;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    inputs: { type: 'string', default: '100000' },
    from: { type: 'string', default: '0' },
  },
});
const seed = whole('seed', values.seed ?? String(1 + Math.floor(Math.random() * 2 ** 30)), 2 ** 30);
const inputs = whole('inputs', values.inputs, 2 ** 30);
const from = Math.floor(whole('from', values.from, inputs, 0) / BLOCK) * BLOCK;
const again = `again with: npm run fuzz -- --seed ${seed} --inputs ${inputs}`;

console.log(`fuzz: ${inputs} inputs, seed ${seed}${from > 0 ? `, from ${from}` : ''} (${again})`);
const root = fileURLToPath(new URL('..', import.meta.url));
const jest = ['node_modules/jest/bin/jest.js', '--runInBand', 'libs/interchange/fuzz'];
const child = spawn(process.execPath, ['--experimental-vm-modules', '--no-warnings', ...jest], {
  cwd: root,
  env: { ...process.env, FUZZ_SEED: `${seed}`, FUZZ_INPUTS: `${inputs}`, FUZZ_FROM: `${from}` },
  stdio: 'inherit',
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
  console.log(code === 0 ? `fuzz: held for all ${inputs - from} inputs.` : `fuzz: FAILED; ${again}`);
});

/** A whole number from its text. */
function whole(name, text, most, least = 1) {
  if (/^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  throw new Error(`--${name} must be a whole number from ${least} to ${most}; got "${text}".`);
}
