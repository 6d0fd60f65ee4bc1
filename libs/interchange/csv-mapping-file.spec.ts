import { readFileSync } from 'node:fs';
import { readMapping } from './csv-mapping-file.js';

const LEAST = 'journeyType: ticket\ncase: id\nat: time\nactivity: what\n';
const faultOf = (text: string): { code: string; message: string; details?: { line: number; key?: string } } => {
  try {
    readMapping(text);
  } catch (error) {
    return error as never;
  }
  throw new Error('It was taken.');
};

describe('a mapping file', () => {
  it('needs the journey type, the case, the time and the activity; the rest has defaults', () => {
    const { mapping, uses } = readMapping(LEAST);
    expect(mapping).toMatchObject({
      journeyType: 'ticket',
      source: 'ticket',
      asHistory: false,
      case: ['id'],
      others: true,
    });
    expect(mapping.touchpoints).toMatchObject([
      { at: { columns: ['time'], formats: ['iso'] }, activity: { columns: ['what'] }, once: false, required: true },
    ]);
    expect(uses.map(({ column, key, line }) => [column, key, line])).toEqual([
      ['id', 'case', 2],
      ['time', 'at', 3],
      ['what', 'activity', 4],
    ]);
    expect(readMapping('{"journeyType": "t", "case": "a", "at": "b", "activity": "c"}').mapping.journeyType).toBe('t');
  });

  it('says at the top what holds for all touchpoints, and null where it does not', () => {
    const { mapping } = readMapping(`
journeyType: ticket
case: [region, id]
unit: team
staff: agent
touchpoints:
  - { name: opened, at: opened, activity: { constant: Opened }, once: true, staff: null, attributes: [] }
  - { at: { column: changed, format: unix }, activity: { column: state, values: { N: New } } }
  - { name: arrived, at: arrived, kind: crew.arrived, unit: { constant: crew } }
`);
    expect(mapping.case).toEqual(['region', 'id']);
    expect(mapping.touchpoints.map(({ name, unit, staff, required }) => ({ name, unit, staff, required }))).toEqual([
      { name: 'opened', unit: { columns: ['team'] }, staff: undefined, required: false },
      { name: undefined, unit: { columns: ['team'] }, staff: { columns: ['agent'] }, required: false },
      { name: 'arrived', unit: { columns: [], constant: 'crew' }, staff: { columns: ['agent'] }, required: false },
    ]);
    expect(mapping.touchpoints[2]!.activity).toEqual({ columns: [], constant: 'crew.arrived' });
    expect(mapping.kinds).toEqual({ 'crew.arrived': 'crew.arrived' });
  });

  it('gives way to what is said beside it', () => {
    const { mapping } = readMapping(LEAST, { journeyType: 'other', source: 'desk', asHistory: true });
    expect([mapping.journeyType, mapping.source, mapping.asHistory]).toEqual(['other', 'desk', true]);
    expect(readMapping(LEAST.slice(20), { journeyType: 'other' }).mapping.journeyType).toBe('other');
  });

  it('keeps what is personal, whether or not it is listed twice', () => {
    const { mapping } = readMapping(
      `${LEAST}attributes: { phone: { type: text, as: tel, personal: true }, age: number }\npersonal: [name]\n`,
    );
    expect(mapping.attributes).toEqual([
      { column: 'phone', as: 'tel', type: 'text', personal: true },
      { column: 'age', as: 'age', type: 'number', personal: false },
      { column: 'name', as: 'name', type: 'text', personal: true },
    ]);
    expect(mapping.others).toBe(false);
  });

  it.each<[string, string, number, string | undefined, RegExp]>([
    ['no YAML', 'case: [a', 1, undefined, /neither YAML nor JSON/],
    ['no keys', '- a\n- b\n', 1, undefined, /keys with values/],
    ['a key twice', `${LEAST}case: b\n`, 5, undefined, /unique/],
    ['an unknown key', `${LEAST}colour: red\n`, 5, 'colour', /known are .*case/],
    ['no case', 'journeyType: t\nat: a\nactivity: b\n', 1, 'case', /ticket or order number/],
    ['no time', 'journeyType: t\ncase: a\nactivity: b\n', 1, 'at', /column of the time/],
    ['no activity', 'journeyType: t\ncase: a\nat: b\n', 1, 'activity', /constant/],
    ['a name that is none', LEAST.replace('ticket', '"?"'), 1, 'journeyType', /1 to 64/],
    ['a wrong zone', `${LEAST}times:\n  format: iso\n  zone: Mars\n`, 7, 'times.zone', /IANA/],
    [
      'a wrong format',
      `${LEAST}times:\n  format: [iso, YYYY-mm]\n`,
      6,
      'times.format',
      /"YYYY-mm" is no format.*month/,
    ],
    ['a format without a zone', `${LEAST}times: { format: DD-MM-YYYY HH:mm }\n`, 3, 'at', /name their zone/],
    [
      'an unknown type',
      `${LEAST}attributes:\n  a: text\n  b: decimal\n`,
      7,
      'attributes.b',
      /text, number, flag, instant/,
    ],
    ['an attribute twice', `${LEAST}attributes:\n  a: text\n  b: { as: a }\n`, 7, 'attributes.b', /both/],
    ['a wrong flag', `${LEAST}asHistory: 1\n`, 5, 'asHistory', /true or false/],
    ['a wrong delimiter', `${LEAST}file:\n  delimiter: ","\n  quote: "\\n"\n`, 7, 'file.quote', /one character/],
    ['an unknown encoding', `${LEAST}file:\n  encoding: klingon\n`, 6, 'file.encoding', /known are utf-8/],
    ['activity and kind', `${LEAST}kind: crew.arrived\n`, 5, 'kind', /leave out one/],
    ['two places for one value', LEAST.replace('what', '{ column: a, constant: b }'), 4, 'activity', /exactly one/],
    [
      'a touchpoint without a name',
      'journeyType: t\ncase: a\nactivity: b\ntouchpoints:\n  - at: c\n  - at: d\n',
      6,
      'touchpoints[1].name',
      /name of its own/,
    ],
    [
      'an unknown key of a touchpoint',
      'journeyType: t\ncase: a\ntouchpoints:\n  - at: c\n    activity: b\n    wen: x\n',
      6,
      'touchpoints[0].wen',
      /known/,
    ],
    ['a time at the top as well', `${LEAST}touchpoints: [{ at: x }]\n`, 3, 'at', /alone at the top/],
    ['an object without a column', `${LEAST}objects:\n  - type: order\n`, 6, 'objects[0].column', /name of a column/],
    ['personal and readable', `${LEAST}unit: a\npersonal: [a]\n`, 6, 'personal', /"a" cannot be personal .*"unit"/],
    ['personal time', `${LEAST}attributes: { time: { personal: true } }\n`, 5, 'attributes.time', /"at"/],
  ])('is refused with %s, by line and key', (_what, text, line, key, message) => {
    const fault = faultOf(text);
    expect(fault).toMatchObject({ code: 'MAPPING_INVALID', details: { line } });
    expect(fault.details!.key).toBe(key);
    expect(fault.message).toMatch(message);
    expect(fault.message).toContain(`line ${line}`);
  });

  it('is as its page says', () => {
    const page = readFileSync(new URL('../../docs/csv-mapping.md', import.meta.url), 'utf8');
    const [least, all] = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(([, text]) => readMapping(text!).mapping);
    expect(least).toMatchObject({ journeyType: 'ticket', case: ['ticket_no'] });
    expect(all!.touchpoints.map(({ name, once, required }) => [name, once, required])).toEqual([
      [undefined, false, false],
      ['opened', true, false],
      ['arrived', false, false],
    ]);
    expect(all!.attributes.filter((a) => a.personal).map((a) => a.as)).toEqual(['caller', 'phone']);
  });
});
