/** Inputs that went wrong on their way, and what every way in owes whatever comes. */
import fc from 'fast-check';
import { TouchstoneError, type RecordedEvent } from '@touchstone/eventing';
import { binaryEvent, formOf } from './cloudevents-http.js';
import { CloudEventIntake, type CloudEventAnswer } from './cloudevents-intake.js';
import { FileImporter } from './import-job.js';
import { openHouse, type House } from './testing.js';
import { xesReading } from './xes-reading.js';

/** What became of one input: how many records it held by an independent count, and what was answered for them. */
export interface Sent {
  readonly sent: number;
  readonly taken: number;
  readonly known: number;
  readonly quarantined: number;
}

/** A way in. Another one is one more entry of `FORMATS`. */
export interface FuzzFormat {
  readonly name: string;
  readonly inputs: fc.Arbitrary<Buffer>;
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

export async function openFuzzHouse(): Promise<FuzzHouse> {
  const house = await openHouse();
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

/**
 * What holds for every input: it does not crash; what is refused as a whole changes nothing and says so in our words;
 * else everything that was sent is accounted for, what is said to be taken is in the log, and the same again adds
 * nothing.
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
    if (!(error instanceof TouchstoneError) || !['invalid', 'limit', 'refused'].includes(error.kind)) throw error;
    const left = (await at.news()).map(({ type }) => type);
    if (left.length > 0 || quarantine.count() !== before) throw new Error(`${error.code}, but it left ${left.join()}.`);
    return 'refused';
  }
  const { sent, taken, known, quarantined } = first;
  if (taken + known + quarantined !== sent) throw new Error(`Not all was answered for: ${JSON.stringify(first)}`);
  const recorded = (await at.news()).filter(({ type }) => type === 'TouchpointRecorded').length;
  if (recorded !== taken) throw new Error(`${taken} were said to be taken, ${recorded} were recorded.`);
  const waiting = quarantine.count();
  if (waiting - before > quarantined) throw new Error(`${waiting - before} more wait than were said to.`);
  const again = await format.send(at, input);
  const expected = { sent, taken: 0, known: taken + known, quarantined };
  if (JSON.stringify(again) !== JSON.stringify(expected)) throw new Error(`Again: ${JSON.stringify({ first, again })}`);
  if ((await at.news()).length > 0 || quarantine.count() !== waiting) throw new Error('The same again left something.');
  return 'answered';
}

const name = fc.constantFrom('1', '2', '3', 'a b', 'é', '𝄞', '');
const time = fc.constantFrom('2024-05-01T08:00:00+08:00', '2024-05-01T00:00:00Z', '2024-02-30T00:00:00Z', 'noon', '');
const odd = fc.oneof(fc.jsonValue(), fc.constantFrom('__proto__', '\ud800', -0, 1e308, 2 ** 60));
const data = fc.record(
  {
    journey: fc.oneof(fc.record({ type: fc.constantFrom('repair', ''), key: name }), fc.record({ id: name }), odd),
    kind: fc.oneof(fc.constantFrom('crew.arrived', 'crew.left', 'crew.lost'), odd),
    customer: fc.oneof(fc.record({ type: fc.constant('phone'), value: name }), odd),
    attributes: fc.oneof(fc.dictionary(fc.oneof(name, fc.constant('__proto__')), odd), odd),
    personal: fc.dictionary(name, odd),
    objects: fc.array(fc.record({ type: name, id: name })),
    unit: name,
  },
  { requiredKeys: ['journey', 'kind'] },
);
const sound = fc.record({
  specversion: fc.constant('1.0'),
  id: fc.constantFrom('1', '2', '3', '4', '5'),
  source: fc.constantFrom('/a', '/b'),
  type: fc.constant('touchpoint.recorded'),
  time: fc.constant('2024-05-01T08:00:00+08:00'),
  data: fc.record({
    journey: fc.record({ type: fc.constant('repair'), key: fc.constantFrom('x', 'y') }),
    kind: fc.constantFrom('crew.arrived', 'crew.left'),
  }),
});
const broken = fc.record(
  {
    specversion: fc.oneof(fc.constantFrom('1.0', '0.3'), odd),
    id: fc.oneof(name, odd),
    source: fc.oneof(name, odd),
    type: fc.oneof(fc.constant('touchpoint.recorded'), odd),
    time: fc.oneof(time, odd),
    data: fc.oneof(data, odd),
    sequence: odd,
    datacontenttype: odd,
    data_base64: odd,
    recordedtime: time,
    subject: odd,
  },
  { requiredKeys: [] },
);
const event: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: sound },
  { weight: 2, arbitrary: fc.tuple(sound, data).map(([e, d]) => ({ ...e, data: d })) },
  { weight: 2, arbitrary: fc.tuple(sound, broken).map(([e, b]) => ({ ...e, ...b })) },
  { weight: 1, arbitrary: broken },
);

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
export const mutated = (inputs: fc.Arbitrary<string>): fc.Arbitrary<Buffer> =>
  fc
    .tuple(inputs, fc.oneof(fc.constant([]), fc.array(mutation, { maxLength: 4 })))
    .map(([text, mutations]) => mutations.reduce(apply, Buffer.from(text)));

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

function sumOf(sent: number, answers: readonly CloudEventAnswer[]): Sent {
  const sum = { sent, taken: 0, known: 0, quarantined: 0 };
  for (const { outcome } of answers) sum[outcome]++;
  return sum;
}

/** In pieces of any size, as a network would give it. */
async function* inPieces(input: Buffer): AsyncGenerator<Buffer> {
  const size = 1 + (input.length % 97);
  for (let at = 0; at < input.length; at += size) yield await Promise.resolve(input.subarray(at, at + size));
}

const lines: FuzzFormat = {
  name: 'NDJSON',
  inputs: mutated(fc.array(event, { maxLength: 8 }).map((events) => events.map((e) => JSON.stringify(e)).join('\n'))),
  async send({ intake }, input) {
    const answers: CloudEventAnswer[] = [];
    for await (const batch of intake.takeLines(inPieces(input))) answers.push(...batch);
    const sent = input
      .toString('latin1')
      .split('\n')
      .filter((line) => /[^ \t\r]/.test(line)).length;
    return sumOf(sent, answers);
  },
};

const batch: FuzzFormat = {
  name: 'a batch',
  inputs: mutated(fc.array(event, { maxLength: 8 }).map((events) => JSON.stringify(events))),
  async send({ intake }, input) {
    const text = input.toString();
    const answers = await intake.takeBatch(text);
    // What was taken as an array has to be one for everybody, but for the mark of its byte order.
    return sumOf((JSON.parse(text.replace(/^\ufeff/, '')) as unknown[]).length, answers);
  },
};

const binary: FuzzFormat = {
  name: 'binary events',
  inputs: mutated(
    event.map((e) => {
      const { data: body, ...attributes } = e as Record<string, unknown>;
      const headers = Object.entries(attributes).map(([n, value]) => [`ce-${n}`, headerOf(value)]);
      return `${JSON.stringify(headers)}\0${JSON.stringify(body) ?? ''}`;
    }),
  ),
  async send({ intake }, input) {
    const text = input.toString();
    const cut = text.indexOf('\0');
    const headers: Record<string, string[]> = { 'content-type': ['application/json'] };
    for (const [, n, value] of text.slice(0, Math.max(0, cut)).matchAll(/\["(ce-[^"]*)","([^"]*)"\]/g)) {
      (headers[n!] ??= []).push(value!);
    }
    headers['ce-specversion'] ??= ['1.0'];
    formOf(headers);
    return sumOf(1, [await intake.takeText(binaryEvent(headers, text.slice(cut + 1)))]);
  },
};

/** Half a character cannot be encoded at all. */
const headerOf = (value: unknown): string =>
  encodeURIComponent((typeof value === 'string' ? value : JSON.stringify(value)).replace(/\p{Cs}/gu, '?'));

const xesEvent = fc
  .record({ activity: fc.constantFrom('Call', 'Visit', ''), time, pad: name, id: fc.option(name) })
  .map(
    ({ activity, time: at, pad, id }) =>
      `<event><string key="concept:name" value="${activity}"/><date key="time:timestamp" value="${at}"/>` +
      `<string key="pad" value="${pad}"/>${id === null ? '' : `<id key="identity:id" value="${id}"/>`}</event>`,
  );
const trace = fc
  .tuple(name, fc.array(xesEvent, { maxLength: 4 }))
  .map(([n, events]) => `<trace><string key="concept:name" value="${n}"/>${events.join('')}</trace>`);

const xes: FuzzFormat = {
  name: 'XES',
  inputs: mutated(fc.array(trace, { maxLength: 3 }).map((traces) => `<log>${traces.join('\n')}</log>`)),
  async send({ importer }, input) {
    const options = { journeyType: 'ticket', activity: ['concept:name'] };
    const { sent, taken, known, quarantined } = await importer.run(
      { open: () => inPieces(input) },
      xesReading(options),
    );
    return { sent, taken, known, quarantined };
  },
};

/** Every way in that there is. */
export const FORMATS: readonly FuzzFormat[] = [lines, batch, binary, xes];
