/** Inputs that went wrong on their way, and what every way in owes whatever comes. */
import { accessSync, constants } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { TouchstoneError, type RecordedEvent } from '@touchstone/eventing';
import { CloudEventIntake } from './cloudevents-intake.js';
import { FileImporter } from './import-job.js';
import { openHouse, type House } from './testing.js';

/** What became of one input: how many records it held by an independent count, and what was answered for them. */
export interface Sent {
  readonly sent: number;
  readonly taken: number;
  readonly known: number;
  readonly quarantined: number;
}

/** A way in. Another one is one more entry of the list in fuzz.int.spec.ts. */
export interface FuzzFormat {
  readonly name: string;
  readonly inputs: fc.Arbitrary<Buffer>;
  /** Codes with which an input may be refused as a whole. */
  readonly refusals: RegExp;
  /** Sends it; a refusal of the whole input is thrown, and has then changed nothing. */
  send(house: FuzzHouse, input: Buffer): Promise<Sent>;
}

export interface FuzzHouse {
  readonly house: House;
  readonly intake: CloudEventIntake;
  readonly importer: FileImporter;
  /** Events since the last call. */
  news(): Promise<RecordedEvent[]>;
}

/** In memory where there is room for that: what is asked is not whether a disk keeps it. */
export function scratchDirectory(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

export async function openFuzzHouse(): Promise<FuzzHouse> {
  const house = await openHouse(undefined, scratchDirectory());
  const traits = { closes: false, contact: true, customerVisible: true };
  await house.packs.publish({
    pack: 'crew',
    names: { en: 'Crew' },
    kinds: ['crew.arrived', 'crew.left'].map((id) => ({ id, names: { en: id }, traits })),
  });
  let after: string | undefined;
  const news = async () => {
    const events: RecordedEvent[] = [];
    for await (const page of house.log.readAll({ after })) events.push(...page);
    after = events.at(-1)?.position ?? after;
    return events;
  };
  await news();
  return { house, intake: new CloudEventIntake(house), importer: new FileImporter(house), news };
}

/** Everything that a record becomes; what comes along (a journey that is opened, a pack) is no record of its own. */
const RECORDED: readonly string[] = ['TouchpointRecorded', 'ObjectChanged', 'ObjectsLinked'];

/**
 * What holds for every input: it does not crash; what is refused as a whole changes nothing and says so in our words;
 * else everything that was sent is accounted for, what is said to be taken is in the log, and the same again adds
 * nothing. In either case nothing stays half done.
 */
export async function check(format: FuzzFormat, at: FuzzHouse, input: Buffer): Promise<'refused' | 'answered'> {
  const { quarantine } = at.house;
  // Of an input that failed something may be left.
  await at.news();
  const before = quarantine.count();
  let first: Sent;
  try {
    first = await format.send(at, input);
  } catch (error) {
    assertRefusal(error, format.refusals);
    const left = (await at.news()).map(({ type }) => type);
    if (left.length > 0 || quarantine.count() !== before) throw new Error(`${error.code}, but it left ${left.join()}.`);
    await assertNothingSpooled(at.house);
    return 'refused';
  }
  const { sent, taken, known, quarantined } = first;
  if (taken + known + quarantined !== sent) throw new Error(`Not all was answered for: ${JSON.stringify(first)}`);
  const recorded = (await at.news()).filter(({ type }) => RECORDED.includes(type)).length;
  if (recorded !== taken) throw new Error(`${taken} were said to be taken, ${recorded} were recorded.`);
  const waiting = quarantine.count();
  if (waiting - before > quarantined) throw new Error(`${waiting - before} more wait than were said to.`);
  const again = await format.send(at, input);
  const expected = { sent, taken: 0, known: taken + known, quarantined };
  if (JSON.stringify(again) !== JSON.stringify(expected)) throw new Error(`Again: ${JSON.stringify({ first, again })}`);
  if ((await at.news()).length > 0 || quarantine.count() !== waiting) throw new Error('The same again left something.');
  await assertNothingSpooled(at.house);
  return 'answered';
}

function assertRefusal(error: unknown, codes: RegExp): asserts error is TouchstoneError {
  if (!(error instanceof TouchstoneError) || !['invalid', 'limit', 'refused'].includes(error.kind)) throw error;
  if (!codes.test(error.code)) throw new Error(`Refused with ${error.code}, which says nothing of the format.`);
}

async function assertNothingSpooled({ directory }: House): Promise<void> {
  const left = await readdir(join(directory, 'spool')).catch(() => []);
  if (left.length > 0) throw new Error(`A spool was left behind: ${left.join()}.`);
}

const TOKENS = [
  '\n',
  '\r\n',
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '\0',
  '\ufeff',
  '\\u0000',
  'null',
  '1e999',
  '<',
  '>',
  '&',
  '/>',
  '"id":"1",',
  ';',
  '""',
  '</trace>',
  '<event>',
];
const mutation = fc.record({
  what: fc.constantFrom('flip', 'cut', 'copy', 'insert', 'bytes', 'end'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 40 }),
  token: fc.constantFrom(...TOKENS),
  bytes: fc.uint8Array({ maxLength: 6 }),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

/** The input as it came through a bad line, a bad program or a bad hand: mostly with a few faults, often with none. */
export const mutated = (inputs: fc.Arbitrary<string | Buffer>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(inputs, fc.oneof(fc.constant([]), fc.array(mutation, { maxLength: 4 })))
    .map(([given, mutations]) => mutations.reduce(apply, typeof given === 'string' ? Buffer.from(given) : given));

function apply(input: Buffer, { what, at, length, token, bytes }: Mutation): Buffer {
  const from = Math.floor(at * input.length);
  const [head, part, tail] = [
    input.subarray(0, from),
    input.subarray(from, from + length),
    input.subarray(from + length),
  ];
  switch (what) {
    case 'flip':
      return Buffer.concat([head, part.map((byte) => byte ^ (1 << (length % 8))), tail]);
    case 'cut':
      return Buffer.concat([head, tail]);
    case 'copy':
      return Buffer.concat([head, part, part, tail]);
    case 'insert':
      return Buffer.concat([head, Buffer.from(token), part, tail]);
    case 'bytes':
      return Buffer.concat([head, bytes, part, tail]);
    default:
      return Buffer.from(head);
  }
}

/** In pieces of any size, as a network would give it. */
export async function* inPieces(input: Buffer): AsyncGenerator<Buffer> {
  const size = 1 + (input.length % 97);
  for (let at = 0; at < input.length; at += size) yield await Promise.resolve(input.subarray(at, at + size));
}
