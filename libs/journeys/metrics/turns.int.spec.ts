import type { RecordedEvent } from '@touchstone/eventing';
import { recorded, type ToRecord } from '@touchstone/readmodel/testing';
import { uuid } from '../house.spec-kit.js';
import { metricReads, START } from './metric.spec-kit.js';
import { metricQuery } from './metric.queries.js';

const day = (n: number) => new Date(START + n * 86_400_000).toISOString();
const [OWN, OTHER] = [`journey-${uuid(501)}`, `journey-${uuid(502)}`];
const [VISIT, CALL, AGAIN] = [uuid(1001), uuid(1002), uuid(1003)];

/** A log of one customer; a thing that changes nothing comes last. */
class Life {
  private events: RecordedEvent[] = [];
  private readonly opened = new Set<string>();

  add(stream: string, event: ToRecord): this {
    if (!this.opened.has(stream)) {
      this.opened.add(stream);
      const data = { journeyType: 'x', customerId: uuid(1) };
      this.events = recorded(stream, [{ type: 'JourneyOpened', data, occurredAt: event.occurredAt }], this.events);
    }
    this.events = recorded(stream, [event], this.events);
    return this;
  }
  touchpoint(id: string, at: number, { stream = OWN, contact = true, kind = 'step' } = {}): this {
    const data = { kind, kindVersion: 1, traits: { closes: false, contact, customerVisible: true } };
    return this.add(stream, { type: 'TouchpointRecorded', id, data, occurredAt: day(at) });
  }
  moment(touchpointId: string, code: string, at: number, data: object = {}): this {
    const polarity = code.startsWith('NEG') ? 'negative' : 'positive';
    const moment = { touchpointId, code, polarity, intensity: 1, observer: 'qa', ...data };
    return this.add(OWN, { type: 'MomentObserved', data: moment, occurredAt: day(at) });
  }
  /** What M-NPM says at the end of a day: of now from rows, of the moment before from journeys. */
  async at(end: number) {
    const events = recorded(
      `customer-${uuid(2)}`,
      [{ type: 'CustomerRegistered', data: { identifiers: 'enc:1:x' } }],
      this.events,
    );
    const reads = metricReads(events, 'UTC', day(end));
    const params = { metric: 'M-NPM', total: true };
    const now = (await reads.run(metricQuery, params)).result.total!;
    const asOf = { position: this.events.at(-1)!.position, instant: day(end) };
    expect((await reads.run(metricQuery, params, { asOf })).result.total).toEqual(now);
    return { turned: now.numerator, of: now.denominator, open: now.provisional };
  }
}

/** The crew did not come, then the customer called: nobody knows yet whether the call was enough. */
const waiting = () =>
  new Life().touchpoint(VISIT, 1, { contact: false }).moment(VISIT, 'NEG-01', 1).touchpoint(CALL, 2);

describe('a negative moment that time alone may turn', () => {
  it('is undecided until the window of the contact after it has passed', async () => {
    expect(await waiting().at(3)).toEqual({ turned: 0, of: 1, open: 1 });
    expect(await waiting().at(8.99)).toEqual({ turned: 0, of: 1, open: 1 });
    expect(await waiting().at(9)).toEqual({ turned: 0, of: 1, open: 0 });
  });

  it('is decided once a positive moment follows, whoever observed it', async () => {
    expect(await waiting().moment(CALL, 'POS-05', 2).at(3)).toEqual({ turned: 1, of: 1, open: 0 });
    const rule = { observer: 'rule', rule: { version: 1, cause: CALL } };
    expect(await waiting().moment(CALL, 'POS-S2', 2, rule).at(3)).toEqual({ turned: 1, of: 1, open: 0 });
  });

  it('waits for nothing where the rule has nothing to say', async () => {
    // A repeat of a contact that lies before every open window, in another journey.
    const repeat = waiting().touchpoint(AGAIN, -4.9, { stream: OTHER });
    expect(await repeat.at(8.9)).toEqual({ turned: 0, of: 1, open: 0 });
    const followed = waiting().touchpoint(AGAIN, 4, { stream: OTHER });
    expect(await followed.at(5)).toEqual({ turned: 0, of: 1, open: 0 });
    const confirmed = waiting().touchpoint(AGAIN, 3, { contact: false, kind: 'contact.resolution-confirmed' });
    expect(await confirmed.at(4)).toEqual({ turned: 0, of: 1, open: 0 });
  });

  it('waits for no contact before it, and for one at the same touchpoint only if that was lived later', async () => {
    const before = new Life().touchpoint(CALL, 1).touchpoint(VISIT, 2, { contact: false }).moment(VISIT, 'NEG-01', 2);
    expect(await before.at(3)).toEqual({ turned: 0, of: 1, open: 0 });
    const at = (lived: number) => new Life().touchpoint(CALL, 2).moment(CALL, 'NEG-01', lived).at(3);
    expect((await at(2)).open).toBe(0);
    expect((await at(1.9)).open).toBe(1);
  });

  it('is one journey, however many contacts wait', async () => {
    const two = waiting().touchpoint(AGAIN, 9.5);
    expect(await two.at(10)).toEqual({ turned: 0, of: 1, open: 1 });
    expect(await two.at(16.5)).toEqual({ turned: 0, of: 1, open: 0 });
  });
});
