/**
 * The long form of the fuzz test: 100,000 inputs that went wrong on their way, through every way in. Usage:
 * `npm run fuzz -- [--seed N] [--inputs N]`. The seed is printed; the same one gives the same inputs. Exit code 0: no
 * crash, no half-written import, and all that was sent is accounted for.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { seed: { type: 'string' }, inputs: { type: 'string', default: '100000' } } });
const seed = whole('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 31)));
const inputs = whole('inputs', values.inputs);
const again = `again with: npm run fuzz -- --seed ${seed} --inputs ${inputs}`;

console.log(`fuzz: ${inputs} inputs, seed ${seed} (${again})`);
const root = fileURLToPath(new URL('..', import.meta.url));
const jest = ['node_modules/jest/bin/jest.js', '--runInBand', 'libs/interchange/fuzz'];
const child = spawn(process.execPath, ['--experimental-vm-modules', '--no-warnings', ...jest], {
  cwd: root,
  env: { ...process.env, FUZZ_SEED: seed, FUZZ_INPUTS: inputs },
  stdio: 'inherit',
});
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
  console.log(code === 0 ? `fuzz: held for all ${inputs} inputs.` : `fuzz: FAILED; ${again}`);
});

/** The text of a whole number, from 1 on. */
function whole(name, text) {
  if (/^\d{1,10}$/.test(text) && Number(text) > 0 && Number(text) < 2 ** 31) return text;
  throw new Error(`--${name} must be a whole number from 1 to ${2 ** 31 - 1}; got "${text}".`);
}
