import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId, type RecordedEvent } from '@touchstone/eventing';
import type { TouchpointFact } from '@touchstone/journeys';
import { openHouse, type House } from './testing.js';
import { FileImporter } from './import-job.js';
import type { ImportOptions, ImportSource, ImporterParts } from './import-types.js';
import type { XesMappingOptions } from './xes-options.js';
import { xesReading } from './xes-reading.js';

const houses: House[] = [];
const house = async (at?: string) => {
  const opened = await openHouse(at);
  houses.push(opened);
  return opened;
};
afterEach(async () => {
  for (const opened of houses.splice(0)) await opened.close();
});

const str = (key: string, value: string) => `<string key="${key}" value="${value}"/>`;
const minute = (n: number) => new Date(Date.parse('2024-05-01T00:00:00Z') + n * 60_000).toISOString();
const event = (activity: string, at: string, more = '') =>
  `<event>${str('concept:name', activity)}<date key="time:timestamp" value="${at}"/>${more}</event>`;
const trace = (name: string, ...events: string[]) => `<trace>${str('concept:name', name)}${events.join('')}</trace>`;
const xes = (...traces: string[]) => `<log>${traces.join('')}</log>`;

/** 1,250 journeys of two touchpoints each: three chunks. */
const many = xes(
  ...Array.from({ length: 1_250 }, (_, i) => trace(`T${i}`, event('Call', minute(i)), event('Done', minute(i + 7)))),
);
/** Four events, one without a zone. */
const small = xes(
  trace(
    'A',
    event('Call', minute(1), str('phone', '13800138000')),
    event('Call', '2024-05-01T00:00:00'),
    event('Done', minute(3)),
  ),
  trace('B', event('Call', minute(2), str('phone', '13900139000'))),
);

const fileOf = (text: string | Buffer, rereadable = true): ImportSource => ({
  open: async function* () {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  },
  rereadable,
});
const OPTIONS: XesMappingOptions = { journeyType: 'repair', activity: ['concept:name'], closes: ['Done'] };
const run = (parts: ImporterParts, text: string, more: Partial<XesMappingOptions> = {}, options: ImportOptions = {}) =>
  new FileImporter(parts).run(fileOf(text), xesReading({ ...OPTIONS, ...more }), options);

const touchpoints = (events: RecordedEvent[]) => events.filter((e) => e.type === 'TouchpointRecorded');
const spools = (h: House) => readdir(join(h.directory, 'spool')).catch(() => []);
const essence = (events: RecordedEvent[]) =>
  touchpoints(events)
    .map((e) => JSON.stringify([e.stream, e.revision, e.id, e.occurredAt, e.data, e.metadata.source]))
    .sort();

/** Fails the take of the given number (1-based): before anything of it is appended, or after all of it was. */
function failing(h: House, take: number, when: 'before' | 'after'): ImporterParts {
  let takes = 0;
  return {
    ...h,
    intake: {
      take: async (facts: readonly TouchpointFact[], options) => {
        const nth = ++takes;
        if (nth === take && when === 'before') throw new Error('power cut');
        const outcomes = await h.intake.take(facts, options);
        if (nth === take) throw new Error('power cut');
        return outcomes;
      },
    },
  };
}

describe('an import', () => {
  it('takes what is readable, quarantines the rest, and leaves no spool and no key behind', async () => {
    const h = await house();
    const destroyed: string[] = [];
    const sealer = { ...bound(h), destroy: async (s: string) => (destroyed.push(s), h.sealer.destroy(s)) };
    const progress: string[] = [];
    const result = await run({ ...h, sealer }, small, {}, { onProgress: (p) => progress.push(`${p.phase} ${p.done}`) });
    expect(result).toMatchObject({
      status: 'imported',
      resumed: false,
      sent: 4,
      taken: 3,
      known: 0,
      quarantined: 1,
      journeys: 2,
      traces: 2,
      unreadable: { XES_TIMESTAMP_WITHOUT_ZONE: 1 },
      kinds: ['repair:Call', 'repair:Done'],
    });
    const events = await h.recorded();
    expect(
      touchpoints(events)
        .map((e) => (e.data as { kind: string }).kind)
        .sort(),
    ).toEqual(['repair:Call', 'repair:Call', 'repair:Done']);
    expect(touchpoints(events)[0]!.recordedAt).toBe('2026-03-01T00:00:00.000Z');
    expect(h.quarantine.list().edges.map((e) => e.node)).toMatchObject([
      { source: 'repair', journeyType: 'repair', line: 1, code: 'XES_TIMESTAMP_WITHOUT_ZONE' },
    ]);
    expect(await spools(h)).toEqual([]);
    expect(destroyed.map((s) => s.split(':')[0])).toEqual(['spool']);
    expect(progress.at(-1)).toBe('append 4');
  });

  it('records each journey in the order of its file, though chunks are under way together', async () => {
    const h = await house();
    // One trace goes over several chunks; those before the seam have customers to be made known first.
    const own = Array.from({ length: 1_600 }, (_, i) => event('Call', minute(i), str('nr', `${i}`)));
    const before = Array.from({ length: 700 }, (_, i) =>
      trace(`N${i}`, event('Call', minute(i), str('phone', `${13_800_000_000 + i}`))),
    );
    await run(h, xes(...before, trace('Long', ...own)), { customer: 'phone' });
    const long = touchpoints(await h.recorded()).filter(
      (e) => (e.data as { attributes?: { nr?: string } }).attributes?.nr,
    );
    expect(long.map((e) => (e.data as { attributes: { nr: string } }).attributes.nr)).toEqual(
      own.map((_, i) => `${i}`),
    );
  });

  it('adds nothing when it is done twice', async () => {
    const h = await house();
    await run(h, small);
    const before = await h.recorded();
    const again = await run(h, small);
    expect(again).toMatchObject({ sent: 4, taken: 0, known: 3, quarantined: 1 });
    expect(await h.recorded()).toEqual(before);
    expect(h.quarantine.count()).toBe(1);
  });

  it('only looks in a dry run', async () => {
    const h = await house();
    const result = await run(h, small, {}, { dryRun: true });
    expect(result).toMatchObject({ status: 'checked', sent: 4, taken: 3, quarantined: 1, journeys: 2 });
    expect([await h.recorded(), h.quarantine.count(), await spools(h)]).toEqual([[], 0, []]);
  });

  it.each([
    ['XES_TRUNCATED', many.slice(0, -20)],
    ['XES_MALFORMED', many.replace(/<\/event><\/trace><\/log>$/, '</trace></log>')],
  ])('appends nothing of a file with %s at its very end', async (code, text) => {
    const h = await house();
    await expect(run(h, text)).rejects.toMatchObject({ code });
    expect([await h.recorded(), h.quarantine.count(), await spools(h)]).toEqual([[], 0, []]);
  });

  it('refuses a mapping to a kind that nobody published, before anything is appended', async () => {
    const h = await house();
    await expect(run(h, small, { kinds: { Call: 'contact.call' } })).rejects.toMatchObject({ code: 'KIND_UNKNOWN' });
    expect([await h.recorded(), await spools(h)]).toEqual([[], []]);
  });

  it('quarantines what the intake refuses', async () => {
    const h = await house();
    await h.packs.publish({
      pack: 'contacts',
      names: { en: 'Contacts' },
      kinds: [
        {
          id: 'contact.call',
          names: { en: 'Call' },
          traits: { closes: false, contact: true, customerVisible: true },
          attributes: { phone: { type: 'number' } },
        },
      ],
    });
    const result = await run(h, small, { kinds: { Call: 'contact.call' } });
    expect(result).toMatchObject({ sent: 4, taken: 1, known: 0, quarantined: 3 });
    expect(h.quarantine.count({ code: 'ATTRIBUTE_INVALID' })).toBe(2);
  });

  it('settles the kinds of several files of one type, whatever comes again', async () => {
    const h = await house();
    const numbers = xes(trace('N', event('Call', minute(1), '<int key="phone" value="1"/>')));
    await run(h, small);
    await run(h, numbers);
    const packs = async () => (await h.recorded()).filter((e) => e.type === 'PackPublished').length;
    const published = await packs();
    await run(h, small);
    await run(h, numbers);
    expect(await packs()).toBe(published);
    expect(h.packs.kind('repair:Call').attributes!['phone']).toEqual({ type: 'json' });
  });

  it('appends a historical load in the order in which it happened, recorded then', async () => {
    const h = await house();
    const shuffled = xes(
      trace('A', event('Done', minute(50)), event('Call', minute(10))),
      trace('B', event('Call', minute(30))),
    );
    await run(h, shuffled, { asHistory: true });
    const events = touchpoints(await h.recorded());
    expect(events.map((e) => e.recordedAt)).toEqual([minute(10), minute(30), minute(50)]);
    expect(events.every((e) => e.metadata.historical)).toBe(true);
    expect(events.map((e) => e.metadata.source!.sequence)).toEqual([1, 0, 0]);
  });
});

it.each([
  [false, 2],
  [true, 1],
])('decides a chunk while the log writes the one before, but not of history (%s)', async (asHistory, most) => {
  const h = await house();
  let [now, peak] = [0, 0];
  const take: ImporterParts['intake']['take'] = async (facts, options) => {
    peak = Math.max(peak, ++now);
    return h.intake.take(facts, options).finally(() => now--);
  };
  expect(await run({ ...h, intake: { take } }, many, { asHistory })).toMatchObject({ taken: 2_500 });
  expect(peak).toBe(most);
});

describe('an interrupted import', () => {
  it.each([
    ['before', 1, 0],
    ['before', 2, 1_000],
    ['after', 2, 1_000],
    ['after', 3, 2_000],
  ] as const)('killed %s the append of chunk %i goes on there', async (when, take, done) => {
    const whole = await house();
    await run(whole, many);
    const h = await house();
    await expect(run(failing(h, take, when), many)).rejects.toThrow('power cut');
    expect(await new FileImporter(h).interrupted()).toMatchObject([{ journeyType: 'repair', done, total: 2_500 }]);
    const result = await run(h, many);
    expect(result).toMatchObject({ resumed: true, sent: 2_500, quarantined: 0 });
    expect(result.taken + result.known).toBe(2_500);
    expect(result.known).toBe(when === 'after' ? Math.min(1_000, 2_500 - done) : 0);
    expect(essence(await h.recorded())).toEqual(essence(await whole.recorded()));
    expect(await spools(h)).toEqual([]);
  });

  it('is found again when the file can be read only once, and not by another file or with other options', async () => {
    const h = await house();
    await expect(run(failing(h, 2, 'before'), many)).rejects.toThrow('power cut');
    expect(await run(h, small)).toMatchObject({ resumed: false });
    expect(await run(h, many, { source: 'other' })).toMatchObject({ resumed: false, taken: 2_500 });
    expect((await new FileImporter(h).interrupted()).length).toBe(1);
    const once = await new FileImporter(h).run(fileOf(many, false), xesReading(OPTIONS));
    expect(once).toMatchObject({ resumed: true, sent: 2_500, taken: 2_500 });
    expect(await spools(h)).toEqual([]);
  });

  it('can be cancelled: while reading it leaves nothing, while appending it can go on', async () => {
    const h = await house();
    const stop = new AbortController();
    const cancelled = run(h, many, {}, { signal: AbortSignal.abort() });
    await expect(cancelled).rejects.toMatchObject({ code: 'IMPORT_CANCELLED' });
    expect([await h.recorded(), await spools(h)]).toEqual([[], []]);
    const onProgress = (p: { phase: string; done: number }) => p.phase === 'append' && p.done > 0 && stop.abort();
    await expect(run(h, many, {}, { signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: 'IMPORT_CANCELLED',
    });
    // The first chunk is told of while the second is under way.
    expect(touchpoints(await h.recorded()).length).toBe(2_000);
    expect(await run(h, many)).toMatchObject({ resumed: true, taken: 2_500, known: 0 });
  });

  it('is refused while the same one is still running', async () => {
    const h = await house();
    let proceed: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (proceed = resolve));
    let reached: () => void = () => undefined;
    const appending = new Promise<void>((resolve) => (reached = resolve));
    const importer = new FileImporter({
      ...h,
      intake: {
        take: async (facts, options) => {
          reached();
          await held;
          return h.intake.take(facts, options);
        },
      },
    });
    const first = importer.run(fileOf(many), xesReading(OPTIONS));
    await appending;
    for (const rereadable of [true, false]) {
      await expect(importer.run(fileOf(many, rereadable), xesReading(OPTIONS))).rejects.toMatchObject({
        code: 'IMPORT_RUNNING',
      });
    }
    proceed();
    expect(await first).toMatchObject({ resumed: false, taken: 2_500 });
    expect(await spools(h)).toEqual([]);
  });

  it('has nothing readable in its directory, and a damaged spool is refused', async () => {
    const h = await house();
    await expect(run(failing(h, 1, 'before'), small, { personal: ['phone'] })).rejects.toThrow('power cut');
    const [id] = await spools(h);
    const directory = join(h.directory, 'spool', id!);
    const bytes = await Promise.all(
      (await readdir(directory)).map((name) => readFile(join(directory, name), 'latin1')),
    );
    expect(bytes.length).toBeGreaterThan(1);
    expect(bytes.join()).toContain('XES_TIMESTAMP_WITHOUT_ZONE');
    expect(bytes.join()).not.toMatch(/13[89]00/);
    await writeFile(join(directory, 'chunks'), Buffer.alloc(4_096));
    await expect(run(h, small, { personal: ['phone'] })).rejects.toMatchObject({ code: 'SPOOL_UNREADABLE' });
  });

  it('is swept away when its time is over, as is what a killed reading left', async () => {
    const h = await house('2026-03-01T00:00:00Z');
    await expect(run(failing(h, 1, 'before'), small)).rejects.toThrow('power cut');
    await mkdir(join(h.directory, 'spool', newId()));
    const importer = new FileImporter(h);
    await importer.sweep();
    expect((await spools(h)).length).toBe(1);
    await new FileImporter({ ...h, clock: { now: () => new Date('2026-03-08T00:00:01Z') } }).sweep();
    expect(await spools(h)).toEqual([]);
  });
});

const bound = ({ sealer }: House) => ({
  ensureKeys: sealer.ensureKeys.bind(sealer),
  sealBytes: sealer.sealBytes.bind(sealer),
  openBytes: sealer.openBytes.bind(sealer),
  lookupHash: sealer.lookupHash.bind(sealer),
});

describe('an interrupted import of a person who is forgotten', () => {
  const person = (text: string) => ({ isTheirs: () => false, in: (record: string) => record.includes(text) });

  it('is given up, with its key; the file can be imported again', async () => {
    const h = await house();
    const whole = await house();
    await run(whole, small, { personal: ['phone'] });
    await expect(run(failing(h, 1, 'after'), small, { personal: ['phone'] })).rejects.toThrow('power cut');
    const [id] = await spools(h);
    const importer = new FileImporter(h);
    expect(await importer.forget(person('13700000000'))).toBe(0);
    expect(await spools(h)).toEqual([id]);
    expect(hasKey(h, id!)).toBe(true);
    expect(await importer.forget(person('13900139000'))).toBe(1);
    expect(await spools(h)).toEqual([]);
    expect(hasKey(h, id!)).toBe(false);
    expect(await run(h, small, { personal: ['phone'] })).toMatchObject({ sent: 4, taken: 0, known: 3, resumed: false });
    expect(essence(await h.recorded()).map(withoutPersonal)).toEqual(
      essence(await whole.recorded()).map(withoutPersonal),
    );
  });

  it('stays when it is being appended: whoever asks has to wait', async () => {
    const h = await house();
    await expect(run(failing(h, 2, 'before'), many)).rejects.toThrow('power cut');
    let left: number | undefined;
    const importer = new FileImporter({
      ...h,
      intake: {
        take: async (facts, options) => {
          left ??= await importer.forget(person('Call'));
          return h.intake.take(facts, options);
        },
      },
    });
    expect(await importer.run(fileOf(many), xesReading(OPTIONS))).toMatchObject({ resumed: true, sent: 2_500 });
    expect(left).toBe(0);
  });

  it('is given up when nobody can read it', async () => {
    const h = await house();
    await expect(run(failing(h, 2, 'before'), many)).rejects.toThrow('power cut');
    const [id] = await spools(h);
    await h.sealer.destroy(`spool:${id}`);
    expect(await new FileImporter(h).forget(person('nobody'))).toBe(1);
    expect(await spools(h)).toEqual([]);
  });
});

/** Ciphertexts differ each time. */
const withoutPersonal = (event: string) => event.replace(/enc:1:[\w-]+/g, 'sealed');

/** Whether the spool's key can still be used. */
function hasKey({ sealer }: House, id: string): boolean {
  try {
    sealer.sealBytes(`spool:${id}`, 'x', Buffer.from('x'));
    return true;
  } catch {
    return false;
  }
}
