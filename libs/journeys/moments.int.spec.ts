import fc from 'fast-check';
import type { RecordedEvent } from '@touchstone/eventing';
import { fewer, onSqlite, recorded, type ToRecord } from '@touchstone/readmodel/testing';
import type { ReadQuery } from '@touchstone/readmodel';
import { readsOf, uuid } from './house.spec-kit.js';
import {
  ledgerPage,
  momentLedgerQuery,
  momentsByIdQuery,
  type MomentFilter,
  type MomentInLedger,
} from './moments.queries.js';

const START = Date.parse('2025-07-01T08:00:00Z');
const MINUTE = 60_000;
const iso = (ms: number) => new Date(ms).toISOString();
const OBSERVERS = ['customer', 'qa', 'auditor', 'staff'] as const;
const CODES = ['NEG-01', 'NEG-02', 'POS-01'] as const;

interface Planned {
  readonly journey: number;
  readonly minute: number;
  readonly code: (typeof CODES)[number];
  readonly observer: (typeof OBSERVERS)[number];
  readonly fate: 'held' | 'retracted' | 'touchpoint voided';
}
const world = fc.array(
  fc.record({
    journey: fc.integer({ min: 1, max: 4 }),
    minute: fc.integer({ min: 0, max: 20 }),
    code: fc.constantFrom(...CODES),
    observer: fc.constantFrom(...OBSERVERS),
    fate: fc.constantFrom('held' as const, 'held' as const, 'retracted' as const, 'touchpoint voided' as const),
  }),
  { minLength: 1, maxLength: 20 },
);

const customerOf = (journey: number) => Math.min(journey, 3);
const typeOf = (journey: number) => (journey % 2 === 0 ? 'even' : 'odd');
const unitOf = (i: number) => (i % 2 === 0 ? 'u1' : 'u2');
const idOf = (i: number) => uuid(2_000 + i);

/** Each moment has a touchpoint of its own; customer 2 is merged into 1 at the end. */
function eventsOf(planned: readonly Planned[]): RecordedEvent[] {
  let events: RecordedEvent[] = [];
  const add = (stream: string, event: ToRecord) => (events = recorded(stream, [event], events));
  for (const c of [1, 2, 3]) add(`customer-${uuid(c)}`, { type: 'CustomerRegistered', data: { identifiers: 'enc' } });
  for (const j of [1, 2, 3, 4]) {
    const data = { journeyType: typeOf(j), customerId: uuid(customerOf(j)) };
    add(`journey-${uuid(100 + j)}`, { type: 'JourneyOpened', data });
  }
  planned.forEach((p, i) => {
    const stream = `journey-${uuid(100 + p.journey)}`;
    const traits = { closes: false, contact: true, customerVisible: true };
    const data = { kind: 'call', kindVersion: 1, traits, unit: unitOf(i), channel: 'hotline', staff: 's' };
    add(stream, { type: 'TouchpointRecorded', id: uuid(1_000 + i), occurredAt: iso(START), data });
    add(stream, {
      type: 'MomentObserved',
      id: idOf(i),
      occurredAt: iso(START + p.minute * MINUTE),
      data: {
        touchpointId: uuid(1_000 + i),
        code: p.code,
        polarity: p.code.startsWith('NEG') ? 'negative' : 'positive',
        intensity: 1 + (i % 3),
        observer: p.observer,
      },
    });
  });
  planned.forEach((p, i) => {
    const stream = `journey-${uuid(100 + p.journey)}`;
    if (p.fate === 'retracted') add(stream, { type: 'MomentRetracted', data: { momentId: idOf(i), reason: 'r' } });
    if (p.fate === 'touchpoint voided')
      add(stream, { type: 'TouchpointVoided', data: { touchpointId: uuid(1_000 + i), reason: 'v' } });
  });
  add(`customer-${uuid(2)}`, { type: 'CustomersMerged', data: { survivorId: uuid(1), reason: 'r' } });
  return events;
}

/** Which moments a filter chooses, from the plan alone. */
function chosen(planned: readonly Planned[], filter: MomentFilter): string[] {
  const rootOf = (customer: number) => (customer === 2 ? 1 : customer);
  return planned
    .map((p, i) => ({ ...p, i, id: idOf(i), at: START + p.minute * MINUTE }))
    .filter((p) => filter.includeRetracted || p.fate === 'held')
    .filter((p) => filter.code === undefined || p.code === filter.code)
    .filter((p) => filter.polarity === undefined || p.code.startsWith(filter.polarity === 'negative' ? 'NEG' : 'POS'))
    .filter((p) => filter.observer === undefined || p.observer === filter.observer)
    .filter((p) => filter.journeyType === undefined || typeOf(p.journey) === filter.journeyType)
    .filter((p) => filter.unit === undefined || (unitOf(p.i) === filter.unit && p.fate !== 'touchpoint voided'))
    .filter((p) => filter.from === undefined || p.at >= Date.parse(filter.from))
    .filter((p) => filter.to === undefined || p.at < Date.parse(filter.to))
    .filter(
      (p) =>
        filter.customerId === undefined ||
        rootOf(customerOf(p.journey)) === rootOf(Number.parseInt(filter.customerId.slice(-4), 16)),
    )
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
    .map((p) => p.id);
}

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });
const filters: fc.Arbitrary<MomentFilter> = fc.record({
  code: optional(fc.constantFrom(...CODES)),
  polarity: optional(fc.constantFrom('negative' as const, 'positive' as const)),
  observer: optional(fc.constantFrom(...OBSERVERS)),
  journeyType: optional(fc.constantFrom('odd', 'even')),
  customerId: optional(fc.constantFrom(uuid(1), uuid(2), uuid(3))),
  unit: optional(fc.constantFrom('u1', 'u2')),
  from: optional(fc.integer({ min: 0, max: 12 }).map((minute) => iso(START + minute * MINUTE))),
  to: optional(fc.integer({ min: 13, max: 20 }).map((minute) => iso(START + minute * MINUTE))),
  includeRetracted: fc.boolean(),
});

describe('the ledger of moments', () => {
  it('has what a filter chooses, page by page, in the order in which it happened', async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.array(filters, { minLength: 4, maxLength: 4 }), async (planned, asked) => {
        const reads = readsOf(eventsOf(planned));
        for (const filter of [{}, { includeRetracted: true }, ...asked]) {
          const found: MomentInLedger[] = [];
          for (;;) {
            const params = { filter, after: found.at(-1)?.cursor, first: 3 };
            const { result } = await reads.run(momentLedgerQuery, params);
            found.push(...result);
            if (result.length < 3) break;
          }
          // A code or a name that was never used chooses nothing, and so does the plan.
          expect([filter, found.map((m) => m.id)]).toEqual([filter, chosen(planned, filter)]);
          for (const moment of found) {
            const i = Number.parseInt(moment.id.slice(-4), 16) - 2_000;
            const p = planned[i]!;
            expect(moment).toMatchObject({
              code: p.code,
              observer: p.observer,
              intensity: 1 + (i % 3),
              journeyId: uuid(100 + p.journey),
              journeyType: typeOf(p.journey),
              customerId: uuid(customerOf(p.journey)),
            });
            expect([moment.retracted !== null, moment.touchpoint === null]).toEqual([
              p.fate === 'retracted',
              p.fate === 'touchpoint voided',
            ]);
            if (moment.touchpoint)
              expect(moment.touchpoint).toMatchObject({ unit: unitOf(i), staff: 's', kind: 'call' });
          }
        }
      }),
      { numRuns: fewer(40) },
    );
  });

  it('reads as of any moment as a log that ends there tells it', async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.nat(60), fc.boolean(), async (planned, cut, includeRetracted) => {
        const events = eventsOf(planned);
        const until = events.slice(0, 1 + (cut % events.length));
        const params = { filter: { includeRetracted, customerId: uuid(1) }, first: 100 };
        const asOf = { asOf: { position: until.at(-1)!.position } };
        const then = (await readsOf(events).run(momentLedgerQuery, params, asOf)).result;
        const replayed = (await readsOf(until).run(momentLedgerQuery, params)).result;
        expect(then.map(({ retractedSince: _since, ...moment }) => moment)).toEqual(
          replayed.map(({ retractedSince: _none, ...moment }) => moment),
        );
      }),
      { numRuns: fewer(40) },
    );
  });

  it('finds single moments, taken back or not, and says which are unknown', async () => {
    const events = eventsOf([
      { journey: 1, minute: 0, code: 'NEG-01', observer: 'qa', fate: 'retracted' },
      { journey: 1, minute: 1, code: 'POS-01', observer: 'qa', fate: 'held' },
    ]);
    const reads = readsOf(events);
    const ids = [idOf(1), uuid(9), idOf(0)];
    const { result } = await reads.run(momentsByIdQuery, { ids });
    expect(result.map((moment) => moment && [moment.id, moment.retracted?.reason])).toEqual([
      [idOf(1), undefined],
      null,
      [idOf(0), 'r'],
    ]);
    const before = { asOf: { position: events[6]!.position } };
    expect((await reads.run(momentsByIdQuery, { ids }, before)).result).toEqual([null, null, null]);
    const upsideDown = { from: iso(START), to: iso(START) };
    await expect(reads.run(momentLedgerQuery, { filter: upsideDown, first: 1 })).rejects.toMatchObject({
      code: 'INVALID_WINDOW',
    });
  });

  onSqlite()('walks an index in its order; of one person, it goes by their journeys', async () => {
    const planOf: ReadQuery<MomentFilter, string> = {
      name: 'plan',
      group: 'journeys',
      run: async (read, filter) => {
        const page = await ledgerPage(read, { filter, after: [START, uuid(1)], first: 10 });
        const { sql: text, parameters } = page!.compile();
        const explain = { ...page!.compile(), sql: `explain query plan ${text}`, parameters };
        const { rows } = await read.db.executeQuery<{ detail: string }>(explain as never);
        return rows.map((row) => row.detail).join('\n');
      },
    };
    const reads = readsOf(eventsOf([{ journey: 1, minute: 0, code: 'NEG-01', observer: 'qa', fate: 'held' }]));
    const plan = async (filter: MomentFilter) => (await reads.run(planOf, filter)).result;
    for (const filter of [{}, { journeyType: 'odd' }, { unit: 'u1' }, { includeRetracted: true }]) {
      expect(await plan(filter)).toMatch(/^SEARCH observation USING INDEX \S+ \(form=\? AND \(occurred_ms,entry_id\)>/);
      expect(await plan(filter)).not.toMatch(/TEMP B-TREE FOR ORDER BY/);
    }
    expect(await plan({ code: 'NEG-01' })).toMatch(/^SEARCH observation USING INDEX \S+ \(form=\? AND code=\? AND /);
    expect(await plan({ customerId: uuid(1) })).toMatch(
      /SEARCH observation USING INDEX \S+ \(journey=\? AND form=\?\)/,
    );
  });
});
