import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { EVENT_FORMATS } from './fuzz-events.spec-kit.js';
import { FILE_FORMATS } from './fuzz-files.spec-kit.js';
import { check, openFuzzHouse, type FuzzFormat } from './fuzz.spec-kit.js';

/** Every way in that there is. */
const FORMATS = [...FILE_FORMATS, ...EVENT_FORMATS];
/** Inputs of the short form, of each format. */
const FEW = 80;
/** In the long form every block has a house and a seed of its own, so that a run can go on where it stopped. */
const BLOCK = 500;

const long = process.env['FUZZ_INPUTS'];
const seed = Number(process.env['FUZZ_SEED'] ?? 20_240_501);
const start = Number(process.env['FUZZ_FROM'] ?? 0);

type Verdicts = Record<'refused' | 'answered', number>;

/** A block of inputs in a house of their own. */
async function run(format: FuzzFormat, { numRuns, ...more }: { numRuns: number; seed: number; endOnFailure: boolean }) {
  const at = await openFuzzHouse();
  const verdicts: Verdicts = { refused: 0, answered: 0 };
  try {
    const property = fc.asyncProperty(format.inputs, async (input) => {
      verdicts[await check(format, at, input)]++;
    });
    const { counterexample, errorInstance, numRuns: failedAt } = await fc.check(property, { numRuns, ...more });
    if (counterexample) throw await failure(format.name, more.seed, failedAt, counterexample[0], errorInstance);
  } finally {
    await at.house.close();
  }
  return verdicts;
}

/** Keeps the input, which may be far too large for a message. */
async function failure(name: string, seed: number, at: number, input: Buffer, cause: unknown): Promise<Error> {
  const file = join(tmpdir(), `fuzz-failed-${seed}-${at}.bin`);
  await writeFile(file, input);
  const what = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return new Error(`${name}: input ${at} of the block with seed ${seed}, kept as ${file}: ${what}`, { cause });
}

/** Inputs that are all refused, or none, would show nothing. */
const assertTelling = ({ answered, refused }: Verdicts) => expect(answered).toBeGreaterThan((answered + refused) / 10);

if (long === undefined) {
  it.each(FORMATS)(`$name: ${FEW} inputs that went wrong on their way`, async (format) => {
    assertTelling(await run(format, { numRuns: FEW, seed, endOnFailure: true }));
  });
} else {
  const inputs = Number(long);
  it(
    `${inputs} inputs that went wrong on their way`,
    async () => {
      const told = progress(inputs);
      const sum = new Map<string, Verdicts>(FORMATS.map(({ name }) => [name, { refused: 0, answered: 0 }]));
      for (let done = start; done < inputs; done += BLOCK) {
        const block = Math.floor(done / BLOCK);
        const format = FORMATS[block % FORMATS.length]!;
        const numRuns = Math.min(BLOCK, inputs - done);
        const verdicts = await run(format, { numRuns, seed: seed + block, endOnFailure: false }).catch(
          (error: Error) => {
            error.message = `${format.name}, go on with --from ${done}: ${error.message}`;
            throw error;
          },
        );
        sum.get(format.name)!.refused += verdicts.refused;
        sum.get(format.name)!.answered += verdicts.answered;
        told(done + numRuns);
      }
      for (const [name, verdicts] of sum) {
        process.stderr.write(`${name}: ${JSON.stringify(verdicts)}\n`);
        if (verdicts.answered + verdicts.refused > 0) assertTelling(verdicts);
      }
    },
    Math.max(60_000, inputs * 500),
  );
}

/** A line of progress after each block: how many are done, how fast, and how long the rest takes at that rate. */
function progress(inputs: number): (done: number) => void {
  const began = performance.now();
  return (done) => {
    const perSecond = (done - start) / ((performance.now() - began) / 1_000);
    const left = Math.ceil((inputs - done) / perSecond);
    const rest = `${Math.floor(left / 60)} min ${left % 60} s`;
    process.stderr.write(`fuzz: ${done} of ${inputs}, ${perSecond.toFixed(0)} a second, ${rest} to go\n`);
  };
}
