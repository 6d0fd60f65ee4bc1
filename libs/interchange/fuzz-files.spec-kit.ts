/** For the fuzz test: files of events, sound and broken, plain and packed. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { csvReading } from './csv-reading.js';
import type { FileReading } from './file-reading.js';
import { inPieces, mutated, type FuzzFormat } from './fuzz.spec-kit.js';
import { ocelJson, ocelSqlite } from './fuzz-ocel.spec-kit.js';
import { ocelReading } from './ocel-reading.js';
import { xesReading } from './xes-reading.js';

/** One in eight is packed whole, and some of these are damaged after that. */
const maybePacked = (inputs: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 7, arbitrary: inputs },
    {
      weight: 1,
      arbitrary: fc.tuple(inputs, fc.nat(3), fc.nat()).map(([input, damaged, at]) => {
        const packed = gzipSync(input);
        if (damaged === 0) packed[at % packed.length]! ^= 1 << (at % 8);
        return packed;
      }),
    },
  );

/** A file format: what its files say is read as of now, and every third as a load of history from another source. */
const fileFormat = (
  name: string,
  refusals: RegExp,
  inputs: fc.Arbitrary<string | Buffer>,
  reading: (how: { source: string; asHistory: boolean }) => FileReading,
): FuzzFormat => ({
  name,
  refusals,
  inputs: maybePacked(mutated(inputs)),
  async send({ importer }, input) {
    const asHistory = input.length % 3 === 0;
    const how = { source: asHistory ? 'archive' : 'live', asHistory };
    const { sent, taken, known, quarantined } = await importer.run({ open: () => inPieces(input) }, reading(how));
    return { sent, taken, known, quarantined };
  },
});

const name = fc.constantFrom('1', '2', '3', 'a b', 'é', '𝄞', '');
const time = fc.constantFrom('2024-05-01T08:00:00+08:00', '2024-05-01T00:00:00Z', '2024-02-30T00:00:00Z', 'noon', '');
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
const xesHead = fc.constantFrom('', '<global scope="event"><int key="a" value="1"/></global>');
const xesLog = fc
  .tuple(xesHead, fc.array(trace, { maxLength: 3 }))
  .map(([head, traces]) => `<log>${head}${traces.join('\n')}</log>`);

const cell = fc.constantFrom('', 'desk', '"de ""sk"', '"cr\new"', 'é漢', '?', 'NULL', 'a;b', '0');
const row = fc
  .tuple(
    fc.constantFrom('A', 'B', 'C', '', 'é'),
    fc.constantFrom('2024-05-01 08:00', '2024-05-01T10:00:00+08:00', '2024-10-27 02:30', '2024-02-30 08:00', ''),
    fc.constantFrom('call', 'done', ''),
    cell,
    fc.constantFrom('C1', 'C2', '?'),
    fc.constantFrom('2024-05-02 08:00', '', '?', 'soon'),
    fc.constantFrom('1', '2.5', 'many', ''),
  )
  .map((cells) => cells.join(','));
const table = fc
  .tuple(fc.array(row, { maxLength: 8 }), fc.constantFrom('\n', '\r\n'))
  .map(([rows, end]) => ['id,time,what,team,who,closed,n', ...rows, ''].join(end));
const MAPPING = `
journeyType: table
case: id
times: { zone: Europe/Berlin }
nulls: ['?', 'NULL']
customer: who
touchpoints:
  - { at: time, activity: what, unit: team }
  - { name: closed, at: closed, once: true, activity: { constant: closed } }
attributes: { n: number }
`;

const OCEL = { journeyType: 'orders', caseTypes: ['Order'] };
const ocel = (how: object) => ocelReading({ ...OCEL, unit: 'unit', withoutCase: 'quarantine', ...how });

/** Files of all formats. */
export const FILE_FORMATS: readonly FuzzFormat[] = [
  fileFormat('XES', /^(XES|GZIP)_/, xesLog, (how) =>
    xesReading({ journeyType: 'ticket', activity: ['concept:name'], ...how }),
  ),
  fileFormat('CSV', /^(CSV|COLUMN|GZIP)_/, table, (how) => csvReading(MAPPING, how)),
  fileFormat('OCEL as JSON', /^(OCEL|GZIP)_/, ocelJson, ocel),
  fileFormat('OCEL as SQLite', /^(OCEL|GZIP)_/, ocelSqlite, ocel),
];
