import { gzipSync } from 'node:zlib';
import { TouchstoneError } from '@touchstone/eventing';
import { readXes, type ReadXes } from './xes-reader.js';
import type { XesLog, XesPart, XesTrace } from './xes.js';

async function* inPieces(bytes: Uint8Array, size = bytes.length || 1): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function partsOf(file: string | Uint8Array, options: ReadXes = {}, size?: number): Promise<XesPart[]> {
  const bytes = typeof file === 'string' ? Buffer.from(file) : file;
  const parts: XesPart[] = [];
  for await (const part of readXes(inPieces(bytes, size), options)) parts.push(part);
  return parts;
}

const tracesOf = (parts: XesPart[]): XesTrace[] => parts.flatMap((p) => (p.kind === 'trace' ? [p.trace] : []));
const logOf = (parts: XesPart[]): XesLog => parts.flatMap((p) => (p.kind === 'log' ? [p.log] : []))[0]!;
const endOf = (parts: XesPart[]) => parts.find((p) => p.kind === 'end')!;

async function codeOf(work: Promise<unknown>): Promise<TouchstoneError> {
  const error: unknown = await work.then(
    () => new Error('nothing was thrown'),
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(TouchstoneError);
  return error as TouchstoneError;
}

const EVENT = `<event><string key="concept:name" value="Call"/><date key="time:timestamp" value="2024-05-01T08:00:00+08:00"/></event>`;
const trace = (name: string, events = EVENT) => `<trace><string key="concept:name" value="${name}"/>${events}</trace>`;
/** The four bytes before the last four are the check sum. */
const withWrongSum = (packed: Buffer) => Buffer.from(packed).fill(0, packed.length - 8, packed.length - 4);
const log = (inside: string) => `<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="1.0">${inside}</log>`;

describe('reading an XES log', () => {
  it('gives what stands outside of the traces before the first of them', async () => {
    const parts = await partsOf(
      log(
        `<extension name="Time" prefix="time" uri="http://t"/>
         <global scope="trace"><string key="concept:name" value="UNKNOWN"/></global>
         <global scope="event"><string key="org:group" value="UNKNOWN"/><int key="cost" value="0"/></global>
         <classifier name="Activity" keys="concept:name 'resource country' lifecycle:transition"/>
         <classifier scope="trace" name="Cases" keys="concept:name"/>
         <string key="origin" value="csv"><int key="rows" value="3"/></string>` + trace('A'),
      ),
    );
    expect(parts.map((p) => p.kind)).toEqual(['log', 'trace', 'end']);
    const read = logOf(parts);
    expect(read.version).toBe('1.0');
    expect(read.extensions).toEqual([{ name: 'Time', prefix: 'time', uri: 'http://t' }]);
    expect(read.globals.trace.map((a) => a.key)).toEqual(['concept:name']);
    expect(read.globals.event.map((a) => a.key)).toEqual(['org:group', 'cost']);
    expect(read.classifiers).toEqual([
      { name: 'Activity', scope: 'event', keys: ['concept:name', 'resource country', 'lifecycle:transition'] },
      { name: 'Cases', scope: 'trace', keys: ['concept:name'] },
    ]);
    expect(read.attributes).toMatchObject([
      { type: 'string', key: 'origin', children: [{ type: 'int', key: 'rows' }] },
    ]);
  });

  it('keeps what is declared after the first trace for the end', async () => {
    const parts = await partsOf(log(trace('A') + '<string key="late" value="1"/>'));
    expect(logOf(parts).attributes).toEqual([]);
    expect(endOf(parts)).toMatchObject({ traces: 1, events: 1, late: { attributes: [{ key: 'late' }] } });
  });

  it('keeps nested attributes, lists and containers in their order', async () => {
    const nested = `<event>
      <string key="a" value="1"><int key="b" value="2"><boolean key="c" value="true"/></int></string>
      <list key="l"><string key="note" value="n"/><values><string key="x" value="1"/><string key="x" value="2"/></values></list>
      <container key="box"><float key="f" value="0.5"/></container></event>`;
    const [only] = tracesOf(await partsOf(log(trace('A', nested))));
    const [a, l, box] = only!.events[0]!.attributes;
    expect(a).toMatchObject({
      key: 'a',
      value: '1',
      children: [{ key: 'b', children: [{ key: 'c', value: 'true' }] }],
    });
    expect(l!.items!.map((item) => item.value)).toEqual(['1', '2']);
    expect(l!.children!.map((child) => child.key)).toEqual(['note']);
    expect(box).toMatchObject({ type: 'container', children: [{ type: 'float', key: 'f', value: '0.5' }] });
  });

  it('says the line of each event, and leaves values and offsets as they are', async () => {
    const [only] = tracesOf(await partsOf(log(`\n<trace>\n${EVENT}\n${EVENT}</trace>`)));
    expect(only!.events.map((e) => e.line)).toEqual([4, 5]);
    expect(only!.events[0]!.attributes[1]!.value).toBe('2024-05-01T08:00:00+08:00');
  });

  it('decodes the five entities and character references, in pieces of any size', async () => {
    const event = `<event><string key="a &amp; b" value="&lt;&#x4e2d;&#25991;&quot;&apos;"/></event>`;
    for (const size of [1, 2, 3, 7, 64]) {
      const [only] = tracesOf(await partsOf(log(trace('停电 报修', event)), {}, size));
      expect(only!.attributes[0]!.value).toBe('停电 报修');
      expect(only!.events[0]!.attributes[0]).toMatchObject({ key: 'a & b', value: `<中文"'` });
    }
  });

  it('understands elements with a namespace prefix', async () => {
    const parts = await partsOf(
      '<x:log xmlns:x="http://www.xes-standard.org/"><x:trace><x:event><x:id key="i" value="1"/></x:event></x:trace></x:log>',
    );
    expect(tracesOf(parts)[0]!.events[0]!.attributes).toMatchObject([{ type: 'id', key: 'i', value: '1' }]);
  });

  it('unpacks gzip by content, also of several members', async () => {
    const text = log(trace('A') + trace('B'));
    const packed = Buffer.concat([gzipSync(text.slice(0, 100)), gzipSync(text.slice(100))]);
    for (const size of [1, 10, 10_000]) {
      expect(tracesOf(await partsOf(packed, {}, size)).length).toBe(2);
    }
  });

  it('counts what is no XES', async () => {
    const parts = await partsOf(log(`<!-- c --><foo><bar/></foo>words${trace('A', '<event><what/></event>')}`));
    expect(endOf(parts)).toMatchObject({
      passedBy: [
        { what: 'comment', name: 'comment', count: 1 },
        { what: 'unknown-element', name: 'log/foo', count: 1 },
        { what: 'stray-text', name: 'log', count: 1 },
        { what: 'unknown-element', name: 'event/what', count: 1 },
      ],
    });
  });

  it('notes an attribute without key or value on its event and goes on', async () => {
    const parts = await partsOf(
      log(trace('A', '<event><string value="x"/></event><event><string key="k"/></event>' + EVENT)),
    );
    const codes = tracesOf(parts)[0]!.events.map((e) => e.fault?.code);
    expect(codes).toEqual(['XES_ATTRIBUTE_WITHOUT_KEY', 'XES_ATTRIBUTE_WITHOUT_VALUE', undefined]);
  });

  it('stops when it is cancelled', async () => {
    const signal = AbortSignal.abort();
    expect((await codeOf(partsOf(log(trace('A')), { signal }))).code).toBe('IMPORT_CANCELLED');
  });

  it('lets its consumer set the pace', async () => {
    let handed = 0;
    const long = Buffer.from(log(Array.from({ length: 5_000 }, (_, i) => trace(`T${i}`)).join('')));
    async function* source() {
      for await (const piece of inPieces(long, 4_096)) {
        handed++;
        yield piece;
      }
    }
    const parts = readXes(source());
    await parts.next();
    await parts.next();
    expect(handed).toBeLessThan(5);
    await parts.return(undefined);
  });
});

describe('encodings', () => {
  const text = (encoding: string) =>
    `<?xml version="1.0" encoding="${encoding}"?><log><trace><string key="n" value="Kåre Börje"/></trace></log>`;
  const valueOf = async (bytes: Uint8Array) => tracesOf(await partsOf(bytes, {}, 5))[0]!.attributes[0]!.value;
  const utf16be = (s: string) => Buffer.from(s, 'utf16le').swap16();

  it.each<[string, Buffer]>([
    ['UTF-8', Buffer.from(text('UTF-8'))],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text('utf-8')}`)],
    ['UTF-8 undeclared', Buffer.from(text('utf-8').replace(/<\?.*?\?>/, ''))],
    ['UTF-16LE with a mark', Buffer.from(`\ufeff${text('UTF-16')}`, 'utf16le')],
    ['UTF-16BE with a mark', utf16be(`\ufeff${text('UTF-16')}`)],
    ['UTF-16LE without a mark', Buffer.from(text('UTF-16'), 'utf16le')],
    ['UTF-16BE without a mark', utf16be(text('UTF-16BE'))],
    ['ISO-8859-1', Buffer.from(text('ISO-8859-1'), 'latin1')],
    ['windows-1252', Buffer.from(text('windows-1252'), 'latin1')],
  ])('reads %s', async (_name, bytes) => {
    expect(await valueOf(bytes)).toBe('Kåre Börje');
  });

  it('tells windows-1252 from ISO-8859-1 where they differ, and reads GB 18030', async () => {
    const euro = (encoding: string) => Buffer.from(text(encoding).replace('Kåre Börje', '\x80'), 'latin1');
    expect(await valueOf(euro('windows-1252'))).toBe('€');
    expect(await valueOf(euro('iso-8859-1'))).toBe('\u0080');
    const [before, after] = text('GBK').split('Kåre Börje') as [string, string];
    const gbk = Buffer.concat([Buffer.from(before), Buffer.from([0xcd, 0xa3, 0xb5, 0xe7]), Buffer.from(after)]);
    expect(await valueOf(gbk)).toBe('停电');
  });

  it.each<[string, string, Buffer]>([
    ['XES_ENCODING_UNSUPPORTED', 'an encoding nobody knows', Buffer.from(text('EBCDIC-37'))],
    ['XES_ENCODING_UNSUPPORTED', 'UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x3c, 0, 0, 0])],
    ['XES_ENCODING_MISMATCH', 'UTF-16 that is one byte a character', Buffer.from(text('UTF-16'))],
    ['XES_ENCODING_MISMATCH', 'a mark that says otherwise', Buffer.from(`\ufeff${text('ISO-8859-1')}`)],
    ['XES_ENCODING_INVALID', 'UTF-8 that is latin-1', Buffer.from(text('UTF-8'), 'latin1')],
    ['XES_ENCODING_INVALID', 'ASCII that is not', Buffer.from(text('US-ASCII'), 'latin1')],
  ])('%s for %s', async (code, _what, bytes) => {
    expect((await codeOf(partsOf(bytes))).code).toBe(code);
  });
});

describe('files that are refused as a whole', () => {
  const good = log(trace('A') + trace('B'));

  it.each<[string, string, string | Buffer]>([
    ['XES_NOT_A_LOG', 'nothing', ''],
    ['XES_NOT_A_LOG', 'blanks', ' \n '],
    ['XES_NOT_A_LOG', 'JSON', '{"log": []}'],
    ['XES_NOT_A_LOG', 'HTML', '<!DOCTYPE html><html><body>404</body></html>'],
    ['XES_NOT_A_LOG', 'other XML', '<?xml version="1.0"?><rss/>'],
    ['XES_NOT_A_LOG', 'a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a])],
    ['XES_NOT_A_LOG', 'a ZIP archive', Buffer.from('PK\u0003\u0004')],
    ['XES_NOT_A_LOG', 'gzip of nothing', gzipSync('')],
    ['XES_MALFORMED', 'an unclosed tag', good.replace('</event>', '')],
    ['XES_MALFORMED', 'an attribute twice', log('<trace><string key="a" key="b" value="1"/></trace>')],
    ['XES_MALFORMED', 'an unknown entity', log('<string key="a" value="&who;"/>')],
    ['XES_MALFORMED', 'something after the end', `${good}<log/>`],
    ['XES_MALFORMED', 'a forbidden character', log('<string key="a" value="\u0001"/>')],
    ['XES_DOCTYPE', 'entities of its own', `<!DOCTYPE log [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>${log('')}`],
    ['XES_TRUNCATED', 'a missing end', good.slice(0, -30)],
    ['XES_TRUNCATED', 'the beginning of a tag', '<log'],
    ['GZIP_TRUNCATED', 'half a gzip file', gzipSync(good).subarray(0, 60)],
    ['GZIP_CORRUPT', 'gzip with a wrong check sum', withWrongSum(gzipSync(good))],
    ['GZIP_CORRUPT', 'a gzip head with rubbish', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff])],
  ])('%s for %s', async (code, _what, bytes) => {
    expect((await codeOf(partsOf(bytes))).code).toBe(code);
  });

  it('says line and column', async () => {
    const error = await codeOf(partsOf('<log>\n  <trace>\n    <event></trace></log>'));
    expect(error.details).toEqual({ line: 3, column: 19 });
  });

  it('passes the error of its source on', async () => {
    async function* broken() {
      yield Buffer.from('<log>'.padEnd(2_000));
      throw new Error('disk on fire');
    }
    await expect(async () => {
      for await (const part of readXes(broken())) void part;
    }).rejects.toThrow('disk on fire');
  });
});

describe('bounds', () => {
  const nested = (levels: number) => '<string key="a" value="1">'.repeat(levels) + '</string>'.repeat(levels);

  it.each<[string, string, ReadXes['limits']]>([
    ['nested attributes', trace('A', `<event>${nested(5)}</event>`), { depth: 4 }],
    ['nested unknown elements', '<a>'.repeat(100) + '</a>'.repeat(100), { depth: 4 }],
    ['attributes of an event', trace('A', `<event>${'<int key="a" value="1"/>'.repeat(6)}</event>`), { attributes: 5 }],
    ['attributes of the log', '<int key="a" value="1"/>'.repeat(6), { logAttributes: 5 }],
    ['the length of a key', trace('A', `<event><int key="${'k'.repeat(51)}" value="1"/></event>`), { keyLength: 50 }],
    ['the length of a value', trace('A'.repeat(51)), { valueLength: 50 }],
    ['the events of a trace', trace('A', EVENT.repeat(4)), { traceEvents: 3 }],
    ['the text of a trace', trace('A', EVENT.repeat(40)), { traceLength: 1_000 }],
    ['the bytes of the file', trace('A', EVENT.repeat(40)), { contentBytes: 1_000 }],
    ['an endless comment', `<!-- ${'x'.repeat(200_000)} -->`, { valueLength: 100_000 }],
  ])('%s', async (_what, inside, limits) => {
    expect((await codeOf(partsOf(log(inside), { limits }, 1_000))).code).toBe('XES_LIMIT_EXCEEDED');
    expect((await partsOf(log(trace('A')), { limits: { ...limits, valueLength: 1_000 } })).length).toBe(3);
  });

  it('does not unpack a bomb into memory', async () => {
    const bomb = gzipSync(`<log><!--${' '.repeat(64 * 2 ** 20)}--></log>`);
    expect(bomb.length).toBeLessThan(100_000);
    expect((await codeOf(partsOf(bomb))).code).toBe('XES_LIMIT_EXCEEDED');
  });
});
