import { createReadStream, existsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { deterministicId } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import type { MappedLog, UnreadableRecord } from './mapped-log.js';
import { TRACE_KEY, XesMapping } from './xes-mapping.js';
import { checkedOptions, type XesMappingOptions } from './xes-options.js';
import { readXes } from './xes-reader.js';
import type { Loss } from './loss-report.js';

interface Mapped {
  readonly facts: TouchpointFact[];
  readonly unreadable: UnreadableRecord[];
  readonly log: MappedLog;
}

async function mappedFrom(source: AsyncIterable<Uint8Array>, options: Partial<XesMappingOptions>): Promise<Mapped> {
  const checked = checkedOptions({ journeyType: 'repair', ...options });
  const facts: TouchpointFact[] = [];
  const unreadable: UnreadableRecord[] = [];
  let mapping: XesMapping | undefined;
  for await (const part of readXes(source)) {
    if (part.kind === 'log') mapping = new XesMapping(part.log, checked, (type, value) => `${type} ${value}`);
    else if (part.kind === 'end') return { facts, unreadable, log: mapping!.finish(part) };
    else {
      const mapped = mapping!.map(part.trace);
      facts.push(...mapped.facts);
      unreadable.push(...mapped.unreadable);
    }
  }
  throw new Error('no end');
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}
const mapped = (xes: string, options: Partial<XesMappingOptions> = {}): Promise<Mapped> =>
  mappedFrom(once(Buffer.from(`<log>${xes}</log>`)), options);

const str = (key: string, value: string) => `<string key="${key}" value="${value}"/>`;
const at = (time: string) => `<date key="time:timestamp" value="${time}"/>`;
const event = (activity: string, time: string, more = '') =>
  `<event>${str('concept:name', activity)}${at(time)}${more}</event>`;
const trace = (name: string, ...inside: string[]) => `<trace>${str('concept:name', name)}${inside.join('')}</trace>`;
const lost = (log: MappedLog, what: Loss['what']) =>
  Object.fromEntries(log.losses.filter((l) => l.what === what).map((l) => [l.name, l.count]));

const T1 = '2024-05-01T08:00:00+08:00';
const T2 = '2024-05-01T09:00:00.250+08:00';

describe('facts', () => {
  it('carries everything an event says, with its offset and its place', async () => {
    const xes = trace(
      'F1',
      event('Call', T1, str('org:group', 'Hotline') + str('org:resource', 'Li') + '<int key="n" value="3"/>'),
      event(
        'Repair',
        T2,
        '<boolean key="told" value="0"/><float key="h" value="1.50"/><id key="identity:id" value="e-2"/>',
      ),
    );
    const { facts, unreadable } = await mapped(xes, { unit: 'org:group', staff: 'org:resource', source: 'oms' });
    expect(unreadable).toEqual([]);
    const journey = { id: deterministicId('oms', 'repair', 'F1'), type: 'repair', key: 'F1' };
    expect(facts).toEqual([
      {
        touchpointId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-5/) as string,
        journey,
        kind: 'repair:Call',
        unit: 'Hotline',
        staff: 'Li',
        occurredAt: T1,
        source: { system: 'oms', sequence: 0 },
        attributes: { n: 3 },
      },
      {
        touchpointId: deterministicId('oms', 'repair', 'F1', 'e-2'),
        journey,
        kind: 'repair:Repair',
        occurredAt: T2,
        source: { system: 'oms', recordId: 'e-2', sequence: 1 },
        attributes: { told: false, h: 1.5 },
      },
    ]);
  });

  it('keeps lists, containers and nested attributes as JSON, also under awkward keys', async () => {
    const more =
      '<list key="l"><values><int key="a" value="1"/><int key="a" value="2"/></values></list>' +
      '<container key="c"><string key="__proto__" value="x"/></container>' +
      `<string key="s" value="v"><date key="d" value="2024-01-01T00:00:00"/></string><int key="big" value="9007199254740993"/>` +
      '<float key="inf" value="INF"/>';
    const { facts } = await mapped(trace('A', event('Call', T1, more)));
    expect(JSON.parse(JSON.stringify(facts[0]!.attributes))).toEqual({
      l: [
        { key: 'a', value: 1 },
        { key: 'a', value: 2 },
      ],
      c: JSON.parse('{"__proto__":"x"}') as object,
      s: { value: 'v', attributes: { d: '2024-01-01T00:00:00' } },
      big: '9007199254740993',
      inf: 'INF',
    });
    expect(JSON.stringify(facts[0]!.attributes)).toContain('"__proto__":"x"');
  });

  it('joins the classifier of the log, which an option outranks', async () => {
    const inside = trace('A', event('Call', T1, str('lifecycle:transition', 'start')));
    const log =
      '<classifier scope="trace" name="t" keys="concept:name"/><classifier name="a" keys="concept:name lifecycle:transition"/>' +
      inside;
    expect((await mapped(log)).facts[0]).toMatchObject({
      kind: 'repair:Call+start',
      attributes: { 'concept:name': 'Call', 'lifecycle:transition': 'start' },
    });
    const { facts } = await mapped(log, { activity: ['lifecycle:transition'] });
    expect(facts[0]).toMatchObject({ kind: 'repair:start', attributes: { 'concept:name': 'Call' } });
    expect(facts[0]!.attributes).not.toHaveProperty('lifecycle:transition');
  });

  it('maps activities to kinds of others, and then keeps the activity as an attribute', async () => {
    const { facts, log } = await mapped(trace('A', event('Call', T1), event('constructor', T2)), {
      kinds: { Call: 'contact.call', Unmet: 'contact.other' },
    });
    expect(facts.map((f) => f.kind)).toEqual(['contact.call', 'repair:constructor']);
    expect(facts[0]!.attributes).toEqual({ 'concept:name': 'Call' });
    expect(log.kinds.map((k) => k.id)).toEqual(['repair:constructor']);
    expect(log.mappedKinds).toEqual(['contact.call']);
    expect(log.warnings).toEqual(['No event is the activity "Unmet" that --map names.']);
  });

  it('puts personal attributes where they are encrypted', async () => {
    const xes = trace('A', str('phone', '139'), event('Call', T1, str('phone', '138') + str('x', '1')));
    const { facts, log } = await mapped(xes, { personal: ['phone'] });
    expect(facts[0]!.personal).toEqual({ phone: '138', [TRACE_KEY]: { phone: '139' } });
    expect(facts[0]!.attributes).toEqual({ x: '1' });
    expect(JSON.stringify(log)).not.toMatch(/13[89]/);
    expect(log.kinds[0]!.attributes).toEqual({ phone: { type: 'text', personal: true }, x: { type: 'text' } });
  });

  it('refuses a personal attribute that never occurs: its name may be misspelt', async () => {
    await expect(mapped(trace('A', event('Call', T1)), { personal: ['phoen'] })).rejects.toMatchObject({
      code: 'PERSONAL_ATTRIBUTE_UNSEEN',
    });
  });

  it('keeps attributes of the trace on its first touchpoint in time', async () => {
    const xes = trace('A', str('region', 'north'), event('Late', T2), event('Early', T1));
    const { facts } = await mapped(xes);
    expect(facts.map((f) => f.attributes)).toEqual([{}, { [TRACE_KEY]: { region: 'north' } }]);
  });

  it('takes unit and customer from the trace where an event names none', async () => {
    const xes = trace(
      'A',
      str('customer', 'C1'),
      str('org:group', 'North'),
      event('Call', T1, str('org:group', 'South')),
      event('Call', T2),
    );
    const { facts } = await mapped(xes, { unit: 'org:group', customer: 'customer' });
    expect(facts.map((f) => f.unit)).toEqual(['South', 'North']);
    expect(facts.map((f) => f.customer)).toEqual(Array(2).fill({ type: 'repair/customer', value: 'C1' }));
    expect(JSON.stringify(facts.map((f) => f.attributes))).not.toContain('C1');
  });
});

describe('ids', () => {
  const twins = trace('A', event('Call', T1), event('Call', T1), event('Call', T1, str('x', '1')));

  it('tells identical events apart by their number, and is the same for a gzip of the file', async () => {
    const { facts } = await mapped(twins);
    expect(new Set(facts.map((f) => f.touchpointId)).size).toBe(3);
    const gzip = await mappedFrom(once(gzipSync(`<log>${twins}</log>`)), {});
    expect(gzip.facts).toEqual(facts);
  });

  it('does not depend on the order of attributes, on blanks or on other options', async () => {
    const ids = async (xes: string, options = {}) => (await mapped(xes, options)).facts.map((f) => f.touchpointId);
    const one = trace('A', `<event>${str('concept:name', 'Call')}${at(T1)}${str('u', '1')}</event>`);
    const same = trace('A', `<event>\n ${str('u', '1')} ${at(T1)}\n${str('concept:name', 'Call')}</event>`);
    expect(await ids(same)).toEqual(await ids(one));
    expect(await ids(one, { unit: 'u', closes: 'all' })).toEqual(await ids(one));
    expect(await ids(one, { source: 'other' })).not.toEqual(await ids(one));
    expect(await ids(trace('B', event('Call', T1, str('u', '1'))))).not.toEqual(await ids(one));
  });

  it('continues a journey when a trace of the same name comes again', async () => {
    const whole = await mapped(
      trace('A', event('Call', T1), event('Call', T1), event('Fix', T2)) + trace('B', event('Call', T1)),
    );
    const parts = await mapped(
      trace('A', event('Call', T1)) +
        trace('B', event('Call', T1)) +
        trace('A', event('Call', T1)) +
        trace('A', event('Fix', T2)),
    );
    const key = (m: Mapped) => m.facts.map((f) => [f.touchpointId, f.source.sequence]).sort();
    expect(key(parts)).toEqual(key(whole));
    expect(parts.log).toMatchObject({ journeys: 2, traces: 4, events: 4 });
  });

  it('keeps an event whose id was used for something else in quarantine', async () => {
    const id = '<id key="identity:id" value="e1"/>';
    const xes =
      trace('A', event('Call', T1, id), event('Call', T1, id), event('Fix', T2, id)) + trace('A', event('Fix', T2, id));
    const { facts, unreadable } = await mapped(xes);
    expect(facts.length).toBe(2);
    expect(new Set(facts.map((f) => f.touchpointId)).size).toBe(1);
    expect(unreadable.map((u) => u.code)).toEqual(['XES_EVENT_ID_REUSED', 'XES_EVENT_ID_REUSED']);
    expect(new Set(unreadable.map((u) => u.fingerprint)).size).toBe(2);
  });
});

describe('customers', () => {
  const by = (customer: string) => str('customer', customer);

  it('is the one of the first touchpoint in time; others are losses', async () => {
    const xes =
      trace('A', event('Late', T2, by('C2')), event('Early', T1, by('C1')), event('Later', T2, by('C2'))) +
      trace('B', event('Call', T1), event('Call', T2, by('C3')));
    const { facts, log } = await mapped(xes, { customer: 'customer' });
    expect(facts.map((f) => f.customer?.value)).toEqual(['C1', 'C1', 'C1', 'C3', 'C3']);
    expect(lost(log, 'other-customer')).toEqual({ customer: 1 });
    expect(lost(log, 'other-customer-event')).toEqual({ customer: 2 });
  });

  it('moves a journey whose earlier touchpoint comes in a later trace', async () => {
    const xes = trace('A', event('Late', T2, by('C2'))) + trace('A', event('Early', T1, by('C1')));
    const { facts, log } = await mapped(xes, { customer: 'customer' });
    expect(facts[1]!.customer!.value).toBe('C1');
    expect([...log.movedCustomers]).toEqual([[facts[0]!.journey.id, 'C1']]);
    expect(lost(log, 'other-customer-event')).toEqual({ customer: 1 });
  });
});

describe('single events that cannot be read', () => {
  it.each<[string, string]>([
    ['XES_NO_TIMESTAMP', `<event>${str('concept:name', 'Call')}</event>`],
    ['XES_TIMESTAMP_WITHOUT_ZONE', event('Call', '2024-05-01T08:00:00')],
    ['XES_TIMESTAMP_INVALID', event('Call', 'yesterday')],
    ['XES_TIMESTAMP_INVALID', event('Call', '2023-02-29T08:00:00Z')],
    ['XES_NO_ACTIVITY', `<event>${at(T1)}</event>`],
    ['XES_NO_ACTIVITY', event('', T1)],
    ['XES_ACTIVITY_TOO_LONG', event('x'.repeat(191), T1)],
    ['XES_WRONG_TYPE', event('Call', T1, '<int key="n" value="three"/>')],
    ['XES_WRONG_TYPE', event('Call', T1, '<boolean key="n" value="maybe"/>')],
    ['XES_WRONG_TYPE', event('Call', T1, '<float key="n" value="1,5"/>')],
    ['XES_WRONG_TYPE', event('Call', T1, '<date key="n" value="2024-13-01T00:00:00Z"/>')],
    ['XES_WRONG_TYPE', event('Call', T1, '<list key="l"><values><int key="n" value="x"/></values></list>')],
    ['XES_WRONG_TYPE', event('Call', T1, '<list key="unit"/>')],
    ['XES_VALUE_TOO_LONG', event('Call', T1, str('unit', 'u'.repeat(257)))],
    ['XES_EVENT_TOO_LARGE', event('Call', T1, str('note', '停'.repeat(200_000)))],
    ['XES_ATTRIBUTE_WITHOUT_KEY', event('Call', T1, '<string value="x"/>')],
    ['XES_ATTRIBUTE_WITHOUT_VALUE', event('Call', T1, '<string key="x"/>')],
  ])('%s', async (code, bad) => {
    const { facts, unreadable, log } = await mapped(
      `\n${trace('A', event('Call', T1), '\n', bad, event('Call', T2))}`,
      {
        unit: 'unit',
        activity: ['concept:name'],
      },
    );
    expect(facts.map((f) => f.source.sequence)).toEqual([0, 2]);
    expect(unreadable).toMatchObject([{ code, line: 3 }]);
    expect(unreadable[0]!.raw).toMatch(/^<event>.*<\/event>$/);
    expect(log.events).toBe(facts.length + unreadable.length);
  });

  it('keeps the content readable as XML, and values out of the reason', async () => {
    const { unreadable } = await mapped(trace('A', event('Call', T1, '<int key="age" value="&lt;secret&gt;"/>')));
    expect(unreadable[0]!.raw).toContain('<int key="age" value="&lt;secret>"/>');
    expect(unreadable[0]!.reason).toContain('"age"');
    expect(unreadable[0]!.reason).not.toContain('secret');
  });

  it('quarantines all events of a trace without a name, which identity:id can give', async () => {
    const nameless = await mapped(`<trace>${event('Call', T1)}${event('Call', T1)}</trace>`);
    expect(nameless.facts).toEqual([]);
    expect(nameless.unreadable.map((u) => u.code)).toEqual(['XES_TRACE_WITHOUT_NAME', 'XES_TRACE_WITHOUT_NAME']);
    expect(new Set(nameless.unreadable.map((u) => u.fingerprint)).size).toBe(2);
    const { facts } = await mapped(`<trace><id key="identity:id" value="t1"/>${event('Call', T1)}</trace>`);
    expect(facts[0]!.journey.key).toBe('t1');
    const long = await mapped(trace('n'.repeat(513), event('Call', T1)));
    expect(long.unreadable[0]!.code).toBe('XES_TRACE_NAME_TOO_LONG');
  });
});

describe('what is not carried over', () => {
  it('is named, all of it', async () => {
    const { log } = await mapped(
      `<extension name="E" prefix="e" uri="u"/><global scope="event"><string key="g" value="UNKNOWN"/></global>
       <global scope="trace"><string key="tg" value="UNKNOWN"/></global><classifier name="c" keys="concept:name x"/>
       <string key="origin" value="csv"><int key="a" value="1"/><list key="b"><values><int key="c" value="1"/></values></list></string>
       <what/>` +
        trace(
          'A',
          str('d', '1'),
          str('d', '2'),
          '<int key="bad" value="x"/>',
          event('Call', T1, str('k', '1') + str('k', '2')),
        ) +
        trace('Empty', str('attr', '1')) +
        '<string key="late" value="1"/>',
    );
    expect(log.losses).toEqual([
      { what: 'declaration', name: 'global', count: 2 },
      { what: 'declaration', name: 'classifier', count: 1 },
      { what: 'declaration', name: 'extension', count: 1 },
      { what: 'duplicate-key', name: 'd', count: 1 },
      { what: 'duplicate-key', name: 'k', count: 1 },
      { what: 'empty-trace', name: 'trace', count: 1 },
      { what: 'global-missing', name: 'trace tg', count: 2 },
      { what: 'global-missing', name: 'event g', count: 1 },
      { what: 'log-attribute', name: 'origin', count: 4 },
      { what: 'log-attribute', name: 'late', count: 1 },
      { what: 'partial-activity', name: 'concept:name+x', count: 1 },
      { what: 'trace-attribute', name: 'attr', count: 1 },
      { what: 'trace-attribute', name: 'bad', count: 1 },
      { what: 'trace-attribute', name: 'concept:name', count: 1 },
      { what: 'unknown-element', name: 'log/what', count: 1 },
    ]);
  });

  it('invents no value for what a global declares', async () => {
    const xes = '<global scope="event"><string key="unit" value="UNKNOWN"/></global>' + trace('A', event('Call', T1));
    const { facts, log } = await mapped(xes, { unit: 'unit' });
    expect(facts[0]).not.toHaveProperty('unit', expect.anything());
    expect(log.warnings).toEqual(['No event or trace has the attribute "unit".']);
  });
});

describe('kinds', () => {
  it('have the traits that the options say and the types that were seen', async () => {
    const xes = trace(
      'A',
      event(
        'Call',
        T1,
        '<int key="n" value="1"/><date key="d" value="2024-01-01T00:00:00Z"/><string key="m" value="1"/>',
      ),
      event('Call', T1, '<int key="m" value="2"/><string key="d" value="soon"/>'),
      event('Done', T2),
    );
    const { log } = await mapped(xes, { closes: ['Done', 'Never'], contacts: ['Call'] });
    expect(log.kinds).toEqual([
      {
        id: 'repair:Call',
        names: { en: 'Call' },
        traits: { closes: false, contact: true, customerVisible: true },
        attributes: { d: { type: 'text' }, m: { type: 'json' }, n: { type: 'number' } },
      },
      {
        id: 'repair:Done',
        names: { en: 'Done' },
        traits: { closes: true, contact: false, customerVisible: true },
        attributes: {},
      },
    ]);
    expect(log.warnings).toEqual(['No event is the activity "Never" that --closes names.']);
    const all = await mapped(xes, { closes: 'all' });
    expect(all.log.kinds.map((k) => k.traits)).toEqual(
      Array(2).fill({ closes: true, contact: false, customerVisible: true }),
    );
  });

  it('are refused when the activity is a free text', async () => {
    const many = Array.from({ length: 2_001 }, (_, i) => event(`note ${i}`, T1)).join('');
    await expect(mapped(trace('A', many))).rejects.toMatchObject({ code: 'TOO_MANY_ACTIVITIES' });
  });
});

describe('options', () => {
  it.each<[string, unknown]>([
    ['OPTION_INVALID', null],
    ['OPTION_INVALID', {}],
    ['OPTION_INVALID', { journeyType: 'a:b' }],
    ['OPTION_INVALID', { journeyType: 'a', activity: [] }],
    ['OPTION_INVALID', { journeyType: 'a', closes: 'some' }],
    ['OPTION_INVALID', { journeyType: 'a', kinds: { Call: '' } }],
    ['OPTION_INVALID', { journeyType: 'a', asHistory: 'yes' }],
    ['OPTION_UNKNOWN', { journeyType: 'a', close: ['x'] }],
    ['OPTION_CONFLICT', { journeyType: 'a', staff: 'org:resource', personal: ['org:resource'] }],
    ['OPTION_CONFLICT', { journeyType: 'a', activity: ['x'], personal: ['x'] }],
  ])('%s for %j', (code, options) => {
    expect(() => checkedOptions(options)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

describe('real logs', () => {
  const file = (name: string) => new URL(`../../../shared/data/${name}.xes.gz`, import.meta.url);

  it.each<[string, Partial<XesMappingOptions>, object, number]>([
    [
      'helpdesk',
      { activity: ['concept:name'], unit: 'org:resource', customer: 'customer', closes: ['Closed'] },
      { traces: 4_580, events: 21_348, journeys: 4_580 },
      14,
    ],
    [
      'bpic2013-incidents',
      { activity: ['concept:name'], unit: 'org:group', closes: ['Completed'] },
      { traces: 7_554, events: 65_533, journeys: 7_554 },
      4,
    ],
    ['bpic2013-incidents', {}, { traces: 7_554, events: 65_533, journeys: 7_554 }, 13],
  ])('%s with %j', async (name, options, counts, kinds) => {
    if (!existsSync(file(name))) {
      process.stderr.write(`Not read: ${name}.xes.gz is not in ../shared/data beside the project.\n`);
      return;
    }
    const { facts, unreadable, log } = await mappedFrom(createReadStream(file(name)), {
      journeyType: name,
      ...options,
    });
    expect(log).toMatchObject({ ...counts, warnings: [] });
    expect(unreadable).toEqual([]);
    expect(log.kinds.length).toBe(kinds);
    // 127 events of the helpdesk are identical to another one of their trace, and yet have ids of their own.
    expect(new Set(facts.map((f) => f.touchpointId)).size).toBe(log.events);
    if (options.customer) expect(lost(log, 'other-customer')).toEqual({ customer: 7 });
    if (name !== 'helpdesk') expect(lost(log, 'global-missing')).toEqual({ 'event org:role': 6_950 });
  });
});
