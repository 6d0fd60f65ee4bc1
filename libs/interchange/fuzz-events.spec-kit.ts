/** For the fuzz test: CloudEvents in all their forms, sound and broken. */
import fc from 'fast-check';
import { binaryEvent, formOf } from './cloudevents-http.js';
import type { CloudEventAnswer } from './cloudevents-intake.js';
import { inPieces, mutated, type FuzzFormat, type Sent } from './fuzz.spec-kit.js';

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

const EVENT_REFUSALS = /./;

function sumOf(sent: number, answers: readonly CloudEventAnswer[]): Sent {
  const sum = { sent, taken: 0, known: 0, quarantined: 0 };
  for (const { outcome } of answers) sum[outcome]++;
  return sum;
}

const lines: FuzzFormat = {
  name: 'NDJSON',
  refusals: EVENT_REFUSALS,
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
  refusals: EVENT_REFUSALS,
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
  refusals: EVENT_REFUSALS,
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

export const EVENT_FORMATS: readonly FuzzFormat[] = [lines, batch, binary];
