/// <reference types="jest" />
import type { NewEvent, RecordedEvent } from './envelope.js';
import type { EventFilter, ReadAll } from './event-log.js';
import {
  anEvent,
  collect,
  collectPages,
  events,
  failsWith,
  idsOf,
  seed,
  type Bench,
  type ContractTraits,
} from './event-log.contract.kit.js';

export function readStreamCases(bench: Bench): void {
  const stream = () => bench.name('stream');
  const revisions = async (options: Parameters<Bench['log']['readStream']>[1], of = stream()) =>
    (await collect(bench.log.readStream(of, options))).map((e) => e.revision);

  it('yields nothing for a stream that does not exist', async () => {
    expect(await revisions({})).toEqual([]);
    expect(await revisions({ direction: 'backwards' })).toEqual([]);
  });

  it.each([
    [{}, [0, 1, 2, 3, 4]],
    [{ from: 3 }, [3, 4]],
    [{ from: 5 }, []],
    [{ max: 2 }, [0, 1]],
    [{ from: 1, max: 2 }, [1, 2]],
    [{ max: 0 }, []],
    [{ max: Infinity }, [0, 1, 2, 3, 4]],
    [{ direction: 'backwards' as const }, [4, 3, 2, 1, 0]],
    [{ direction: 'backwards' as const, from: 2 }, [2, 1, 0]],
    [{ direction: 'backwards' as const, from: 0 }, [0]],
    [{ direction: 'backwards' as const, from: 99 }, [4, 3, 2, 1, 0]],
    [{ direction: 'backwards' as const, max: 1 }, [4]],
    [{ direction: 'backwards' as const, from: 3, max: 2 }, [3, 2]],
  ])('reads a stream of five: %j', async (options, expected) => {
    await bench.log.append(bench.name('before'), 'none', events(2));
    await bench.log.append(stream(), 'none', events(5));
    await bench.log.append(`${stream()}x`, 'none', events(2));
    expect(await revisions(options)).toEqual(expected);
  });

  it('tells of many streams which have no event, where the engine can', async () => {
    if (!bench.log.absent) return;
    await bench.log.append(stream(), 'none', events(2));
    const [other, odd] = [bench.name('other'), `${stream()}'"\u00e9`];
    expect(await bench.log.absent([other, stream(), odd])).toEqual(new Set([other, odd]));
    await bench.log.append(odd, 'none', events(1));
    expect(await bench.log.absent([odd, other, other])).toEqual(new Set([other]));
    expect(await bench.log.absent([])).toEqual(new Set());
    await failsWith(bench.log.absent([other, '']), 'INVALID_STREAM');
  });

  it('reads a long stream whole, both ways', async () => {
    for (let i = 0; i < 3; i++) await bench.log.append(stream(), 'any', events(777));
    const forwards = Array.from({ length: 2331 }, (_, i) => i);
    expect(await revisions({})).toEqual(forwards);
    expect(await revisions({ direction: 'backwards' })).toEqual(forwards.reverse());
  });

  it('can be left in the middle', async () => {
    await bench.log.append(stream(), 'none', events(900));
    for await (const e of bench.log.readStream(stream())) if (e.revision === 3) break;
    expect(await bench.log.append(stream(), 899, [anEvent()])).toMatchObject({ revision: 900 });
    expect(await revisions({ from: 899 })).toEqual([899, 900]);
  });

  it.each([{ from: -1 }, { from: 1.5 }, { max: -1 }, { max: NaN }])('refuses %j', (options) =>
    failsWith(revisions(options), 'INVALID_READ'),
  );
}

export function readAllCases(bench: Bench, traits: ContractTraits): void {
  const read = (options: ReadAll) => collectPages(bench.log.readAll(options));
  const type = (n: number) => bench.name(`Type${n}`);

  /** 60 events of four types in six streams, interleaved; the rare type comes twice. */
  const mixed = async () => {
    const start = await bench.log.head();
    for (let i = 0; i < 60; i++) {
      const rare = i === 17 || i === 44;
      const one = anEvent({ type: rare ? bench.name('Rare') : type(i % 3), data: { i } });
      await bench.log.append(bench.name(i % 2 === 0 ? `even${i % 6}` : `odd${i % 6}`), 'any', [one]);
    }
    return { start, all: await read({ after: start }) };
  };

  it('gives all events in the order they were appended, positions increasing', async () => {
    const start = await bench.log.head();
    const list = await seed(bench.log, { [bench.name('a')]: events(3), [bench.name('b')]: events(4) });
    const all = await read({ after: start });
    expect(idsOf(all)).toEqual(idsOf(list));
    expect(all.map((e) => e.position)).toEqual([...all.map((e) => e.position)].sort());
    expect(new Set(all.map((e) => e.position.length)).size).toBe(1);
  });

  it('gives the same events as the streams do', async () => {
    const { all } = await mixed();
    const streams = [...new Set(all.map((e) => e.stream))];
    const byStream = (await Promise.all(streams.map((s) => collect(bench.log.readStream(s))))).flat();
    const inOrder = byStream.sort((a, b) => bench.log.comparePositions(a.position, b.position));
    expect(all).toEqual(inOrder);
  });

  it('backwards is the reverse', async () => {
    const { all } = await mixed();
    const backwards = await read({ direction: 'backwards', max: all.length });
    expect(idsOf(backwards)).toEqual(idsOf(all).reverse());
  });

  it('resumes behind each position', async () => {
    const { all } = await mixed();
    for (const [i, e] of all.entries())
      expect(idsOf(await read({ after: e.position }))).toEqual(idsOf(all.slice(i + 1)));
  });

  it('resumes before each position, backwards', async () => {
    const { all } = await mixed();
    for (const [i, e] of all.entries()) {
      const before = await read({ after: e.position, direction: 'backwards', max: i });
      expect(idsOf(before)).toEqual(idsOf(all.slice(0, i)).reverse());
    }
  });

  it.each([1, 2, 7, 59, 60, 61])('pages of %p: full ones, never an empty one', async (pageSize) => {
    const { start, all } = await mixed();
    const pages = await collect(bench.log.readAll({ after: start, pageSize }));
    expect(pages.flat()).toEqual(all);
    expect(pages.every((p) => p.length > 0 && p.length <= pageSize)).toBe(true);
    expect(pages).toHaveLength(Math.ceil(all.length / pageSize));
  });

  it.each([0, 1, 10, 59, 60, 500])('max %p', async (max) => {
    const { start, all } = await mixed();
    expect(await read({ after: start, max, pageSize: 8 })).toEqual(all.slice(0, max));
  });

  const filters: [string, () => EventFilter, (e: RecordedEvent) => boolean][] = [
    ['one type', () => ({ types: [type(1)] }), (e) => e.type === type(1)],
    [
      'two types, in the order of the log',
      () => ({ types: [type(2), type(0)] }),
      (e) => [type(0), type(2)].includes(e.type),
    ],
    ['a type named twice', () => ({ types: [type(1), type(1)] }), (e) => e.type === type(1)],
    ['a rare type', () => ({ types: [bench.name('Rare')] }), (e) => e.type === bench.name('Rare')],
    ['one stream prefix', () => ({ streams: ['even'] }), (e) => e.stream.startsWith('even')],
    ['two stream prefixes', () => ({ streams: ['even2', 'odd'] }), (e) => /^(even2|odd)/.test(e.stream)],
    ['the empty prefix', () => ({ streams: [''] }), () => true],
    [
      'types and streams',
      () => ({ types: [type(0), type(1)], streams: ['odd'] }),
      (e) => [type(0), type(1)].includes(e.type) && e.stream.startsWith('odd'),
    ],
    ['a type that is not there', () => ({ types: [bench.name('Nothing')] }), () => false],
    ['a stream that is not there', () => ({ streams: [bench.name('nothing')] }), () => false],
    ['types and streams that never meet', () => ({ types: [bench.name('Rare')], streams: ['nothing'] }), () => false],
    ['no types', () => ({ types: [] }), () => false],
    ['no streams', () => ({ streams: [] }), () => false],
  ];

  it.each(filters)('filter by %s', async (_, filter, matches) => {
    const { start, all } = await mixed();
    const expected = all.filter(matches);
    expect(await read({ after: start, ...filter() })).toEqual(expected);
    expect(await read({ after: start, ...filter(), pageSize: 3 })).toEqual(expected);
    expect(await read({ after: start, ...filter(), max: 2 })).toEqual(expected.slice(0, 2));
    const backwards = await read({ ...filter(), direction: 'backwards', max: expected.length, pageSize: 4 });
    expect(backwards).toEqual(expected.reverse());
  });

  it('resumes a filtered read behind each position, matching or not', async () => {
    const { all } = await mixed();
    const filter = { types: [type(0), bench.name('Rare')] };
    for (const [i, e] of all.entries()) {
      const expected = all.slice(i + 1).filter((x) => filter.types.includes(x.type));
      expect(idsOf(await read({ after: e.position, ...filter }))).toEqual(idsOf(expected));
    }
  });

  it('takes a prefix literally: no pattern in it counts, and letters outside the basic plane do', async () => {
    const start = await bench.log.head();
    const names = ['a%b', 'a_b', 'aXb', 'a*b', 'a[b', '😀旅', '😀', '😁'].map((p) => `${p}-${bench.name('s')}`);
    await seed(bench.log, Object.fromEntries(names.map((n): [string, NewEvent[]] => [n, events(1)])));
    const streamsOf = async (prefix: string) => (await read({ after: start, streams: [prefix] })).map((e) => e.stream);
    expect(await streamsOf('a%')).toEqual([names[0]]);
    expect(await streamsOf('a_')).toEqual([names[1]]);
    expect(await streamsOf('a*')).toEqual([names[3]]);
    expect(await streamsOf('a[')).toEqual([names[4]]);
    expect(await streamsOf('😀')).toEqual([names[5], names[6]]);
    expect(await streamsOf('A%')).toEqual([]);
  });

  it('finds a needle among thousands, by type and by stream', async () => {
    const start = await bench.log.head();
    for (let i = 0; i < (traits.slow ? 3 : 12); i++) await bench.log.append(bench.name('hay'), 'any', events(1000));
    const needle = anEvent({ type: bench.name('Needle') });
    await bench.log.append(bench.name('needle'), 'none', [needle]);
    await bench.log.append(bench.name('hay'), 'any', events(10));
    expect(idsOf(await read({ after: start, types: [bench.name('Needle')] }))).toEqual([needle.id]);
    expect(idsOf(await read({ after: start, streams: ['needle'] }))).toEqual([needle.id]);
    expect(idsOf(await read({ after: start, streams: ['needle'], types: [needle.type] }))).toEqual([needle.id]);
    expect(idsOf(await read({ direction: 'backwards', streams: [bench.name('needle')], max: 1 }))).toEqual([needle.id]);
    expect(await read({ after: start, streams: ['needle'], types: ['ContractEvent'] })).toEqual([]);
  });

  it('takes 300 types in one filter', async () => {
    const { start, all } = await mixed();
    const types = [type(1), ...Array.from({ length: 299 }, (_, i) => `Other${i}`)];
    expect(await read({ after: start, types })).toEqual(all.filter((e) => e.type === type(1)));
  });

  it('gives large events in pages that fit into memory', async () => {
    const start = await bench.log.head();
    for (let i = 0; i < 12; i++)
      await bench.log.append(bench.name('big'), 'any', [anEvent({ data: 'x'.repeat(900_000) })]);
    const pages = await collect(bench.log.readAll({ after: start }));
    expect(pages.flat()).toHaveLength(12);
    expect(Math.max(...pages.map((p) => p.length))).toBeLessThan(12);
  });

  it.each([1e9, Infinity])('takes a page size of %p for as much as is good', async (pageSize) => {
    const { start, all } = await mixed();
    expect(await read({ after: start, pageSize })).toEqual(all);
  });

  it('can be left in the middle', async () => {
    const { start, all } = await mixed();
    for await (const page of bench.log.readAll({ after: start, pageSize: 5 })) {
      expect(page).toEqual(all.slice(0, 5));
      break;
    }
    expect(await read({ after: start })).toEqual(all);
  });

  it.each(['', 'x', '0', '-1', 'FFFFFFFFFFFFFFFF', '12345678901234567', 'f'.repeat(16), 'f'.repeat(32), 7, null])(
    'refuses %p as a position',
    async (after) => {
      await failsWith(read({ after: after as string }), 'INVALID_POSITION');
      await failsWith(collect(bench.log.subscribe({ after: after as string })), 'INVALID_POSITION');
    },
  );

  it.each([{ max: -1 }, { max: 0.5 }, { pageSize: 0 }, { pageSize: NaN }])('refuses %j', (options) =>
    failsWith(read(options), 'INVALID_READ'),
  );

  it('head is the position of the last event', async () => {
    await bench.log.append(bench.name('a'), 'none', events(3));
    const { position } = await bench.log.append(bench.name('b'), 'none', events(2));
    const head = await bench.log.head();
    expect(traits.fresh ? head : head >= position).toEqual(traits.fresh ? position : true);
    expect(await read({ after: head })).toEqual([]);
  });

  it('comparePositions orders as the log does', async () => {
    const { all } = await mixed();
    const [a, b] = [all[10]!.position, all[11]!.position];
    expect(bench.log.comparePositions(a, b)).toBeLessThan(0);
    expect(bench.log.comparePositions(b, a)).toBeGreaterThan(0);
    expect(bench.log.comparePositions(a, a)).toBe(0);
  });

  if (traits.fresh) {
    it('head of an empty log lies before every event', async () => {
      const empty = await bench.log.head();
      expect(await read({})).toEqual([]);
      expect(await read({ direction: 'backwards' })).toEqual([]);
      const { position } = await bench.log.append(bench.name('a'), 'none', events(1));
      expect(bench.log.comparePositions(empty, position)).toBeLessThan(0);
      expect(await read({ after: empty })).toHaveLength(1);
      expect(await read({})).toHaveLength(1);
    });
  }
}
