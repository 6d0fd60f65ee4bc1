import fc from 'fast-check';
import { check, FORMATS, openFuzzHouse, type FuzzHouse } from './fuzz.spec-kit.js';

/** Inputs of all formats together; `npm run fuzz` sends many more. */
const inputs = Number(process.env['FUZZ_INPUTS'] ?? 400);
const seed = Number(process.env['FUZZ_SEED'] ?? 20_240_501);
const each = Math.ceil(inputs / FORMATS.length);
/** A house remembers all that came: after so many inputs the next one moves into a new one. */
const PER_HOUSE = 500;
/** A line of progress after so many inputs, in the long form. */
const TOLD = 1_000;

it.each(FORMATS)(
  `$name: ${each} inputs that went wrong on their way`,
  async (format) => {
    let at: FuzzHouse | undefined;
    let done = 0;
    const verdicts = { refused: 0, answered: 0 };
    try {
      const property = fc.asyncProperty(format.inputs, async (input) => {
        if (done % PER_HOUSE === 0) {
          await at?.house.close();
          at = await openFuzzHouse();
        }
        verdicts[await check(format, at!, input)]++;
        if (++done % TOLD === 0)
          process.stderr.write(`${format.name}: ${done} of ${each}, ${JSON.stringify(verdicts)}\n`);
      });
      await fc.assert(property, { numRuns: each, seed, endOnFailure: process.env['FUZZ_INPUTS'] === undefined });
    } finally {
      await at?.house.close();
    }
    // Inputs that are all refused, or none, would show nothing.
    expect(verdicts.answered).toBeGreaterThan(each / 10);
  },
  Math.max(60_000, inputs * 200),
);
