import fc from 'fast-check';
import type { RecordedEvent } from '@touchstone/eventing';
import { fewer, recorded, type ToRecord } from '@touchstone/readmodel/testing';
import { readsOf, uuid } from './house.spec-kit.js';
import { NO_CONTACT } from './contact-marks.js';
import { NOTHING_OBSERVED, OBSERVATIONS_MAX } from './observation-rows.js';
import { TIMELINE_PARTS, timelineQuery, type TimelinePart, type TimelineRow } from './timeline.queries.js';

const START = Date.parse('2025-07-01T08:00:00Z');
const HOUR = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();
const WINDOW = 168 * HOUR;

const pack = (version: number, names: Record<string, string>, words: Record<string, string>): ToRecord => ({
  type: 'PackPublished',
  data: {
    pack: 'p',
    version,
    contentHash: `v${version}`,
    effectiveFrom: iso(START),
    body: {
      names: { en: 'P' },
      kinds: [],
      moments: Object.entries(names).map(([code, en]) => ({
        code,
        polarity: code.startsWith('NEG') ? 'negative' : 'positive',
        names: { en, zh: `${en}-zh` },
        ...(code === 'NEG-03' && { counter: 'POS-03' }),
      })),
      experience: {
        labels: Object.entries(words).map(([id, en]) => ({ id, names: { en, zh: `${en}-zh` }, from: 0, to: 0 })),
      },
    },
  },
});

describe('what was observed at a touchpoint', () => {
  const [journey, call, other] = [uuid(1), uuid(10), uuid(11)];
  const [kept, retracted, later] = [uuid(20), uuid(21), uuid(22)];
  const touchpoint = (id: string, hour: number): ToRecord => ({
    type: 'TouchpointRecorded',
    id,
    occurredAt: iso(START + hour * HOUR),
    data: { kind: 'call', kindVersion: 1, traits: { closes: false, contact: true, customerVisible: true } },
  });
  const moment = (id: string, code: string, more: object = {}): ToRecord => ({
    type: 'MomentObserved',
    id,
    occurredAt: iso(START + 2 * HOUR),
    subject: `journey:${journey}`,
    data: {
      touchpointId: call,
      code,
      polarity: code.startsWith('NEG') ? 'negative' : 'positive',
      intensity: 2,
      observer: 'qa',
      note: 'enc:note',
      ...more,
    },
  });
  let events: RecordedEvent[] = recorded('pack-p', [
    pack(1, { 'NEG-03': 'Flat refusal', 'POS-03': 'Refusal with an alternative' }, { satisfied: 'Satisfied' }),
  ]);
  const positionOf: Record<string, string> = {};
  const add = (name: string, event: ToRecord) => {
    events = recorded(name === 'renamed' ? 'pack-p' : `journey-${journey}`, [event], events);
    positionOf[name] = events.at(-1)!.position;
  };
  add('opened', { type: 'JourneyOpened', data: { journeyType: 'repair' } });
  add('call', touchpoint(call, 0));
  add('other', touchpoint(other, 1));
  add('kept', moment(kept, 'NEG-03'));
  add('retracted', moment(retracted, 'POS-03', { observer: 'customer' }));
  add('rule', {
    type: 'MomentObserved',
    id: later,
    occurredAt: iso(START),
    policyVersion: 'NEG-S3@1',
    metadata: { causationId: call },
    data: {
      touchpointId: call,
      code: 'NEG-S3',
      polarity: 'negative',
      intensity: 1,
      observer: 'rule',
      rule: { version: 1, cause: call },
    },
  });
  add('retraction', { type: 'MomentRetracted', data: { momentId: retracted, reason: 'wrong call' } });
  add('expectation', {
    type: 'ExpectationRecorded',
    subject: `journey:${journey}`,
    data: {
      touchpointId: call,
      aspect: 'time',
      kind: 'explicit',
      desired: { value: 30, unit: 'min' },
      observer: 'staff',
      statement: 'enc:statement',
    },
  });
  add('guided', {
    type: 'ExpectationGuided',
    data: { touchpointId: other, aspect: 'time', to: { value: 45, unit: 'min' }, accepted: true },
  });
  add('rated', {
    type: 'ExperienceRated',
    data: {
      touchpointId: call,
      aspect: 'time',
      observer: 'customer',
      experience: 0,
      expectation: 0,
      gap: 0,
      label: 'satisfied',
    },
  });
  add('reviewed', { type: 'TouchpointReviewed', data: { touchpointId: other, observer: 'auditor' } });
  add('renamed', pack(2, { 'NEG-03': 'Refusing outright' }, { satisfied: 'Content' }));

  const reads = readsOf(events);
  const rowsAt = async (name?: string): Promise<TimelineRow[]> => {
    const options = name === undefined ? {} : { asOf: { position: positionOf[name]! } };
    return (await reads.run(timelineQuery, { journeyId: journey, first: 10 }, options)).result;
  };

  it('stands beside it, with names, counterpart and who said so', async () => {
    const [at, next] = await rowsAt();
    expect(at!.moments).toMatchObject([
      {
        id: later,
        code: 'NEG-S3',
        nameEn: 'NEG-S3',
        nameZh: null,
        polarity: 'negative',
        intensity: 1,
        observer: 'rule',
      },
      { id: kept, code: 'NEG-03', nameEn: 'Refusing outright', polarity: 'negative', intensity: 2, observer: 'qa' },
    ]);
    expect(at!.moments.map(({ rule, cause, counterpart }) => [rule, cause, counterpart])).toEqual([
      [{ id: 'NEG-S3', version: 1 }, call, null],
      // Its pack does not have POS-03 any more: it is called as it was last.
      [null, null, { id: 'POS-03', nameEn: 'Refusal with an alternative', nameZh: 'Refusal with an alternative-zh' }],
    ]);
    expect(at!.retractedMoments).toMatchObject([
      { id: retracted, retracted: { reason: 'wrong call', byRule: false, position: positionOf['retraction'] } },
    ]);
    expect(at!.experience).toMatchObject([
      {
        aspect: 'time',
        gap: 0,
        observer: 'customer',
        label: { id: 'satisfied', nameEn: 'Content', nameZh: 'Content-zh' },
      },
    ]);
    expect(at!.expectations).toMatchObject([
      {
        observer: 'staff',
        body: { kind: 'explicit', desired: { value: 30, unit: 'min' }, statement: 'enc:statement' },
      },
    ]);
    expect(next).toMatchObject({
      moments: [],
      guidances: [{ body: { accepted: true } }],
      reviews: [{ observer: 'auditor' }],
    });
  });

  it('reads as it did then: what was taken back later held, and was called as it was called', async () => {
    const [before] = await rowsAt('retracted');
    expect(
      before!.moments.map(({ id, nameEn, retracted: by, retractedSince }) => [id, nameEn, by, retractedSince?.reason]),
    ).toEqual([
      [kept, 'Flat refusal', null, undefined],
      [retracted, 'Refusal with an alternative', null, 'wrong call'],
    ]);
    expect(before!.moments[0]!.counterpart).toEqual({
      id: 'POS-03',
      nameEn: 'Refusal with an alternative',
      nameZh: 'Refusal with an alternative-zh',
    });
    expect([before!.retractedMoments, before!.experience, before!.expectations]).toEqual([[], [], []]);
    const [nothing] = await rowsAt('other');
    expect(nothing!.moments).toEqual([]);
    const [rated] = await rowsAt('rated');
    expect(rated!.experience[0]!.label!.nameEn).toBe('Satisfied');
  });

  it('is looked for only where it is asked for, and the rest of the entry stays as it is', async () => {
    const correction = { ...touchpoint(call, 0).data!, touchpointId: call, version: 2, reason: 'by the recording' };
    const corrected = recorded(`journey-${journey}`, [{ type: 'TouchpointCorrected', data: correction }], events);
    const run = async (parts?: TimelinePart[]) =>
      (await readsOf(corrected).run(timelineQuery, { journeyId: journey, first: 10, parts })).result;
    const whole = await run();
    expect(whole[0]).toMatchObject({ body: { reason: 'by the recording' }, earlier: [{ version: 1 }] });
    expect(whole[0]!.moments).not.toEqual([]);
    const without = {
      content: { body: {} },
      observed: NOTHING_OBSERVED,
      marks: NO_CONTACT,
      versions: { correctedSince: [], earlier: [] },
    };
    for (const parts of TIMELINE_PARTS.map((left) => TIMELINE_PARTS.filter((part) => part !== left))) {
      const left = TIMELINE_PARTS.find((part) => !parts.includes(part))!;
      const bare = (row: TimelineRow) => ({ ...row, ...without[left] });
      const expected = whole.map((row) => ({
        ...bare(row),
        ...(left === 'content' && { earlier: row.earlier.map((version) => ({ ...version, body: {} })) }),
      }));
      expect(await run(parts)).toEqual(expected);
    }
  });

  it('is shown up to a bound, the first ones', async () => {
    let many = recorded(`journey-${journey}`, [
      { type: 'JourneyOpened', data: { journeyType: 'x' } },
      touchpoint(call, 0),
    ]);
    const extra = Array.from({ length: OBSERVATIONS_MAX + 3 }, (_, i) => moment(uuid(100 + i), 'NEG-03'));
    many = recorded(`journey-${journey}`, extra, many);
    const { result } = await readsOf(many).run(timelineQuery, { journeyId: journey, first: 10 });
    expect(result[0]!.moments.map((m) => m.id)).toEqual(extra.slice(0, OBSERVATIONS_MAX).map((m) => m.id));
  });
});

describe('contacts in a timeline', () => {
  interface Planned {
    readonly journey: number;
    readonly hour: number;
    readonly channel: string | undefined;
    readonly contact: boolean;
    readonly context: boolean;
  }
  const planned = fc.record({
    // Often the same, so that contacts have neighbours.
    journey: fc.constantFrom(1, 1, 1, 2, 3, 4, 5, 6),
    hour: fc.integer({ min: 0, max: 600 }),
    channel: fc.constantFrom('hotline', 'app', undefined),
    contact: fc.constantFrom(true, true, false),
    context: fc.boolean(),
  });
  /** Journeys 1 to 4 belong to customers 1 to 4, the fifth to customer 1, the sixth to nobody; types by parity. */
  const customerOf = (journey: number) => (journey === 5 ? 1 : journey === 6 ? null : journey);
  const typeOf = (journey: number) => (journey % 2 === 0 ? 'even' : 'odd');

  function worldOf(touchpoints: readonly Planned[], merges: readonly (readonly [number, number])[]) {
    let events: RecordedEvent[] = [];
    for (let c = 1; c <= 4; c++) {
      events = recorded(`customer-${uuid(c)}`, [{ type: 'CustomerRegistered', data: { identifiers: 'enc' } }], events);
    }
    for (let j = 1; j <= 6; j++) {
      const customer = customerOf(j);
      const data = { journeyType: typeOf(j), ...(customer !== null && { customerId: uuid(customer) }) };
      events = recorded(`journey-${uuid(100 + j)}`, [{ type: 'JourneyOpened', data }], events);
    }
    touchpoints.forEach((t, i) => {
      const data = {
        kind: 'k',
        kindVersion: 1,
        traits: { closes: false, contact: t.contact, customerVisible: true },
        ...(t.channel !== undefined && { channel: t.channel }),
        ...(t.context && { attributes: { contextPassed: true } }),
      };
      const event = { type: 'TouchpointRecorded', id: uuid(1_000 + i), occurredAt: iso(START + t.hour * HOUR), data };
      events = recorded(`journey-${uuid(100 + t.journey)}`, [event], events);
    });
    for (const [who, into] of merges) {
      const data = { survivorId: uuid(into), reason: 'r' };
      events = recorded(`customer-${uuid(who)}`, [{ type: 'CustomersMerged', data }], events);
    }
    return events;
  }

  /** What the definitions say, touchpoint by touchpoint, without any product code. */
  function plainly(touchpoints: readonly Planned[], rootOf: (customer: number) => number) {
    const all = touchpoints
      .map((t, i) => ({ ...t, id: uuid(1_000 + i), at: t.hour * HOUR }))
      .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
    const contacts = all.filter((t) => {
      const own = all.filter((o) => o.journey === t.journey);
      return t.contact || (own[0] === t && own.every((o) => !o.contact));
    });
    const matterOf = (t: Planned) => {
      const customer = customerOf(t.journey);
      return customer === null ? null : `${rootOf(customer)} ${typeOf(t.journey)}`;
    };
    return new Map(
      all.map((t) => {
        const place = contacts.indexOf(t);
        const matter = matterOf(t);
        const earlier = contacts.slice(0, Math.max(0, place));
        const before = earlier.filter((o) => matterOf(o) === matter && matter !== null).at(-1);
        const repeat = before !== undefined && t.at - before.at <= WINDOW;
        const last = earlier.filter((o) => o.journey === t.journey).at(-1);
        const changed =
          place >= 0 && last?.channel !== undefined && t.channel !== undefined && last.channel !== t.channel;
        return [
          t.id,
          {
            repeatOf: place >= 0 && repeat ? before.id : null,
            firstContact: place < 0 || matter === null ? null : !repeat,
            channelChange: changed ? { from: last.channel, to: t.channel, inContext: t.context } : null,
          },
        ];
      }),
    );
  }

  const marksIn = (rows: readonly TimelineRow[]) =>
    new Map(
      rows.map((r) => [
        r.entryId,
        { repeatOf: r.repeatOf, firstContact: r.firstContact, channelChange: r.channelChange },
      ]),
    );

  it('are repeats, first contacts and changes of channel as the definitions say; and as of any moment, as a replay says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(planned, { minLength: 1, maxLength: 25 }), fc.nat(40), async (touchpoints, cut) => {
        const merges = [[2, 4]] as const;
        const events = worldOf(touchpoints, merges);
        const reads = readsOf(events);
        const expected = plainly(touchpoints, (customer) => (customer === 2 ? 4 : customer));
        for (let j = 1; j <= 6; j++) {
          const own = touchpoints.flatMap((t, i) => (t.journey === j ? [uuid(1_000 + i)] : []));
          const params = { journeyId: uuid(100 + j), first: 100 };
          const marks = marksIn((await reads.run(timelineQuery, params)).result);
          expect(marks).toEqual(new Map(own.map((id) => [id, expected.get(id)!])));
        }
        // One page is as good as many.
        const customer = { customerId: uuid(4) };
        const { result } = await reads.run(timelineQuery, { ...customer, first: 100 });
        const paged: TimelineRow[] = [];
        for (let page = 0; page * 2 < result.length; page++) {
          const after = paged.at(-1)?.cursor;
          paged.push(...(await reads.run(timelineQuery, { ...customer, after, first: 2 })).result);
        }
        expect(paged).toEqual(result);
        // Then, it was as a log that ends there tells it.
        const events2 = events.slice(0, 10 + (cut % (events.length - 9)));
        const asOf = { asOf: { position: events2.at(-1)!.position } };
        const then = (await reads.run(timelineQuery, { ...customer, first: 100 }, asOf)).result;
        const replayed = (await readsOf(events2).run(timelineQuery, { ...customer, first: 100 })).result;
        expect(then).toEqual(replayed);
      }),
      { numRuns: fewer(30) },
    );
  });
});
