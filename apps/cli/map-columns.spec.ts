import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { runHere } from './testing.js';

const base = mkdtempSync(join(tmpdir(), 'map-columns-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const write = (name: string, content: string | Buffer): string => {
  writeFileSync(join(base, name), content);
  return join(base, name);
};
const table = `case,activity,timestamp,email\n${Array.from({ length: 20 }, (_, i) => `C${i % 5},step ${i % 4},2024-05-01 08:${10 + i},p${i}@example.org\n`).join('')}`;

describe('touchstone map-columns', () => {
  it('prints a mapping with its reasons, of a packed file as well', async () => {
    const { code, out, err } = await runHere(
      'map-columns',
      write('calls.csv.gz', gzipSync(table)),
      '--zone',
      'Asia/Shanghai',
    );
    expect([code, err]).toEqual([0, '']);
    expect(parse(out)).toMatchObject({
      journeyType: 'calls',
      case: 'case',
      at: 'timestamp',
      activity: 'activity',
      times: { format: 'iso', zone: 'Asia/Shanghai' },
      attributes: { email: { type: 'text', personal: true } },
    });
    expect(out).toMatch(/^activity: activity {2}# 4 words: step 0/m);
    expect(out).not.toContain('example.org');
  });

  it('answers a program with the mapping and what it rests on', async () => {
    const { out } = await runHere('map-columns', write('calls.csv', table), '--json', '--journey-type', 'call');
    expect(JSON.parse(out)).toMatchObject({
      mapping: { journeyType: 'call', case: 'case' },
      sample: { rows: 20, complete: true },
      dialect: { delimiter: ',', encoding: 'utf-8' },
      columns: [
        { name: 'case', distinct: 5 },
        {},
        { name: 'timestamp', format: 'iso' },
        { name: 'email', looksLike: 'e-mail' },
      ],
    });
    expect(out).not.toContain('example.org');
  });

  it('writes a file, and replaces one only when it is told to', async () => {
    const file = write('again.csv', table);
    const out = join(base, 'mapping.yaml');
    expect(await runHere('map-columns', file, '--out', out)).toMatchObject({
      code: 0,
      out: expect.stringContaining('Proposed: ') as string,
    });
    expect(parse(readFileSync(out, 'utf8'))).toMatchObject({ journeyType: 'again' });
    write('mapping.yaml', 'mine');
    expect(await runHere('map-columns', file, '--out', out)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^FILE_EXISTS: /) as string,
    });
    expect(readFileSync(out, 'utf8')).toBe('mine');
    expect((await runHere('map-columns', file, '--out', out, '--force')).code).toBe(0);
    expect(readFileSync(out, 'utf8')).not.toBe('mine');
  });

  it.each<[string, string[], number, RegExp]>([
    ['a zone that is none', [write('z.csv', table), '--zone', 'Mars'], 2, /^USAGE: "Mars" is no time zone/],
    ['force without a file', [write('f.csv', table), '--force'], 2, /^USAGE: --force goes with --out/],
    ['no file', [join(base, 'nowhere.csv')], 1, /^FILE_NOT_FOUND: /],
    ['a workbook', [write('book.csv', Buffer.from('PK\u0003\u0004 and more'))], 1, /^CSV_NOT_TEXT: /],
  ])('refuses %s', async (_what, args, code, message) => {
    expect(await runHere('map-columns', ...args)).toMatchObject({
      code,
      out: '',
      err: expect.stringMatching(message) as string,
    });
  });
});

describe('touchstone import of a table', () => {
  it.each<[string, string[], number, RegExp]>([
    ['without a mapping', [write('m.csv', table)], 1, /^MAPPING_MISSING: .*`touchstone map-columns /],
    [
      'with a mapping that is nowhere',
      [write('n.csv', table), '--mapping', join(base, 'no.yaml')],
      1,
      /^FILE_NOT_FOUND: /,
    ],
    [
      'with what the mapping says',
      [write('o.csv', table), '--mapping', 'x', '--unit', 'team'],
      2,
      /^USAGE: With --mapping, --unit/,
    ],
  ])('is refused %s, before a server is asked', async (_what, args, code, message) => {
    expect(await runHere('import', ...args)).toMatchObject({
      code,
      out: '',
      err: expect.stringMatching(message) as string,
    });
  });
});
