import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { UsageError, verdictOn } from './cli-errors.js';
import { journeyTypeOf, mappingOf } from './import-options.js';
import { asOf, instant, journeyFilterOf, listed, several, whole } from './options.js';
import { runHere } from './testing.js';

const directory = mkdtempSync(join(tmpdir(), 'touchstone-options-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const file = (name: string, text: string) => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

describe('values of options', () => {
  it('come one by one, or with commas where a name has none', () => {
    expect(several('b, c', several('a'))).toEqual(['a', 'b, c']);
    expect(listed('b, c', listed('a'))).toEqual(['a', 'b', 'c']);
    expect(() => listed('a,,b')).toThrow('empty name');
  });

  it('are whole numbers in their bounds', () => {
    expect(whole(1, 1_000)('1000')).toBe(1_000);
    for (const text of ['0', '1001', '1.5', '-1', '1e3', '', ' 1', 'ten']) {
      expect(() => whole(1, 1_000)(text)).toThrow('from 1 to 1000');
    }
  });

  it('are instants with a zone', () => {
    expect(instant('2025-07-16T19:48:06+08:00')).toBe('2025-07-16T19:48:06+08:00');
    for (const text of ['2025-07-16', '2025-07-16T19:48:06', 'yesterday']) expect(() => instant(text)).toThrow('zone');
  });

  it('say "as of" by a moment or a place in the log', () => {
    expect(asOf('2025-07-16T19:48:06Z')).toEqual({ instant: '2025-07-16T19:48:06Z' });
    expect(asOf('000000000002a35e')).toEqual({ position: '000000000002a35e' });
    for (const text of ['2025-07-16', '2025-07-16T19:48:06', '', 'a b']) expect(() => asOf(text)).toThrow('position');
  });

  it('choose journeys', () => {
    expect(journeyFilterOf({ journeyType: 'repair', customer: 'c', touches: true })).toMatchObject({
      journeyType: 'repair',
      customerId: 'c',
      window: 'TOUCHES',
    });
    expect(journeyFilterOf({}).window).toBeUndefined();
  });
});

describe('options of an import', () => {
  it.each([
    ['/a/helpdesk.xes.gz', 'helpdesk'],
    ['bpic2013-incidents.XES', 'bpic2013-incidents'],
    ['./x.y.xml', 'x.y'],
    ['plain', 'plain'],
  ])('%s is of journey type %s', (path, type) => expect(journeyTypeOf(path)).toBe(type));

  it('become those of the server, and only those that were given', async () => {
    const flags = {
      activity: ['concept:name', 'lifecycle:transition'],
      unit: 'org:group',
      closes: ['Closed', 'Done'],
      contact: ['Call'],
      personal: ['phone'],
      asHistory: true,
    };
    expect(await mappingOf('log.xes', flags)).toEqual({
      journeyType: 'log',
      activity: ['concept:name', 'lifecycle:transition'],
      unit: 'org:group',
      closes: ['Closed', 'Done'],
      contacts: ['Call'],
      personal: ['phone'],
      asHistory: true,
    });
    expect(await mappingOf('log.xes', {})).toEqual({ journeyType: 'log' });
  });

  it('close with every activity, or with those that are named', async () => {
    expect(await mappingOf('a.xes', { closes: ['all'] })).toMatchObject({ closes: 'all' });
    await expect(mappingOf('a.xes', { closes: ['all', 'Done'] })).rejects.toThrow(UsageError);
  });

  it('map activities by YAML or JSON', async () => {
    const kinds = { 'Crew on site': 'crew.arrived', 'Asks, again': 'contact.call-received' };
    const yaml = file('kinds.yaml', '# ours\nCrew on site: crew.arrived\n"Asks, again": contact.call-received\n');
    const json = file('kinds.json', JSON.stringify(kinds));
    for (const map of [yaml, json]) expect(await mappingOf('a.xes', { map })).toMatchObject({ kinds });
  });

  it.each([
    ['broken.yaml', '{ a: ', /MAP_INVALID|neither YAML nor JSON/],
    ['list.yaml', '- a\n- b\n', /must be an object/],
    ['empty.yaml', '', /must be an object/],
    ['deep.yaml', 'a: { b: c }\n', /"a" must name the id of a kind/],
  ])('refuse a map like %s', async (name, text, message) => {
    await expect(mappingOf('a.xes', { map: file(name, text) })).rejects.toMatchObject({
      code: 'MAP_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('say which map is missing', async () => {
    await expect(mappingOf('a.xes', { map: join(directory, 'none.yaml') })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });
});

describe('exit codes', () => {
  it.each<[string, unknown, number, string | null]>([
    ['a refusal', new TouchstoneError('JOURNEY_UNKNOWN', 'No such journey.'), 1, 'JOURNEY_UNKNOWN: No such journey.'],
    ['a wrong command line', new UsageError('Leave it out.'), 2, 'USAGE: Leave it out.'],
    ['an end by the user', new TouchstoneError('INTERRUPTED', 'Stopped.'), 130, 'INTERRUPTED: Stopped.'],
    ['help', new CommanderError(0, 'commander.helpDisplayed', ''), 0, null],
    ['what commander has already said', new CommanderError(1, 'commander.unknownOption', 'x'), 2, null],
  ])('tell %s from the others', (_what, error, exitCode, text) => {
    expect(verdictOn(error)).toEqual({ exitCode, text });
  });

  it('call a defect a defect, with its trace', () => {
    const { text, exitCode } = verdictOn(new TypeError('x is not a function'));
    expect(exitCode).toBe(1);
    expect(text).toMatch(/^INTERNAL: [^]*TypeError: x is not a function[^]*options\.spec/);
  });
});

describe('the command line', () => {
  const commands = ['import', 'map', 'timeline', 'journeys', 'events', 'quarantine', 'projections', 'rebuild', 'demo'];

  it.each([...commands, 'park list', 'park retry', 'park skip'])(
    'explains %s with an example, and where the data come from',
    async (words) => {
      const { code, out, err } = await runHere(...words.split(' '), '--help');
      expect([code, err]).toEqual([0, '']);
      expect(out).toMatch(/^Usage: touchstone /);
      expect(out).toMatch(/Examples?:\n {2}\$ touchstone /);
      expect(out).toContain('--data <dir>');
    },
  );

  it('names every command', async () => {
    const { out } = await runHere('--help');
    for (const name of [...commands, 'park']) expect(out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  });

  it.each([
    [['nope'], /^USAGE: unknown command 'nope'/],
    [['improt', 'x'], /Did you mean import/],
    [['import'], /^USAGE: missing required argument 'file'/],
    [['map', '--max-nodes', '0'], /^USAGE: .*--max-nodes.*from 1 to 1000/],
    [['map', '--from', '2025-07-16'], /^USAGE: .*--from.*zone offset/],
    [['map', '--unknown'], /^USAGE: unknown option '--unknown'/],
    [['journeys', '--status', 'lost'], /^USAGE: .*open, paused, closed/],
    [['park', 'skip', 'journeys', 'a-1', '0'], /^USAGE: required option '--reason <text>'/],
    [['demo', '--server', 'http://127.0.0.1:1'], /^USAGE: demo starts a server of its own/],
    [['events', '--journey-type', 'repair'], /^USAGE: --journey-type needs --follow/],
    [['events', '--since', '0000000000000001'], /^USAGE: --since needs --follow/],
    [['timeline', 'a', 'b'], /^USAGE: too many arguments/],
  ])('%j is a wrong command line', async (args, message) => {
    const { code, out, err } = await runHere(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  it.each([
    [['import', '/no/such.xes'], 'FILE_NOT_FOUND'],
    [['import', directory], 'FILE_IS_DIRECTORY'],
    [['import', file('empty.xes', '')], 'FILE_EMPTY'],
    [['journeys', '--server', 'ftp://x'], 'SERVER_ADDRESS_INVALID'],
    [['journeys', '--server', 'http://127.0.0.1:9'], 'SERVER_UNREACHABLE'],
    [['map', '--data', join(directory, 'nowhere')], 'DATA_DIRECTORY_EMPTY'],
    [['map', '--data', file('data', 'x')], 'DATA_DIRECTORY_EMPTY'],
  ])('%j fails before anything is started', async (args, code) => {
    const { code: exit, out, err } = await runHere(...args);
    expect([exit, out]).toEqual([1, '']);
    expect(err).toMatch(new RegExp(`^${code}: .+[.]\n$`));
  });
});
