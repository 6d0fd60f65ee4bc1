/** Random lives of customers, as logs: everything that care figures are made of, in any order. */
import fc from 'fast-check';
import type { RecordedEvent } from '@touchstone/eventing';
import { recorded, type ToRecord } from '@touchstone/readmodel/testing';

export const BEGIN = Date.parse('2024-02-26T00:00:00Z');
const HOUR = 3_600_000;
const uuid = (n: number) => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
export const customerId = (n: number): string => uuid(0xc0 + n);
export const journeyId = (n: number): string => uuid(0xf0 + n);
const iso = (hour: number) => new Date(BEGIN + hour * HOUR).toISOString();

/** Hours: many alike, many on either side of a window of 168. */
const hour = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 2, 23, 24, 25, 168, 169, 170, 192, 193, 336, 337, 504) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 900 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 400_000 }).map((n) => n / 500) },
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 4 });
const rarely = (oneIn: number) => fc.integer({ min: 1, max: oneIn }).map((n) => n === 1);
const JOURNEYS = 6;
const CUSTOMERS = 4;
const journey = fc.nat(JOURNEYS - 1);
const customer = fc.nat(CUSTOMERS - 1);
const target = fc.nat(60);
const person = fc.constantFrom('customer', 'qa', 'auditor', 'staff');

const content = fc.record({
  unit: maybe(fc.constantFrom('east', 'west', 'crew')),
  channel: maybe(fc.constantFrom('hotline', 'app', 'hall')),
  stage: maybe(fc.constantFrom('F1', 'F2')),
  staff: maybe(fc.constantFrom('s1', 's2')),
  closes: rarely(4),
  contact: rarely(2),
  visible: fc.boolean(),
  system: rarely(4),
  confirms: rarely(8),
  context: rarely(2),
  whose: maybe(customer),
});
type Content = typeof content extends fc.Arbitrary<infer V> ? V : never;

const op = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ op: fc.constant('touchpoint' as const), journey, hour, content, sequence: maybe(fc.nat(3)), source: maybe(fc.constantFrom('crm', 'tablet')), historical: rarely(5), late: fc.constantFrom(0, 0, 1, 30, 400), again: rarely(8) }), // prettier-ignore
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('correct' as const), target, hour, content }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('void' as const), target }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('owner' as const), journey, hour, unit: fc.constantFrom('east', 'west'), staff: maybe(fc.constantFrom('s1', 's2')), handover: fc.boolean(), noted: fc.boolean(), told: fc.boolean() }), // prettier-ignore
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constantFrom('JourneyClosed' as const, 'JourneyReopened' as const, 'JourneyPaused' as const, 'JourneyResumed' as const), journey, hour }), // prettier-ignore
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('moment' as const), target, hour, observer: person, code: fc.constantFrom('NEG-01', 'NEG-S3', 'POS-03', 'POS-07'), intensity: fc.integer({ min: 1, max: 3 }) }), // prettier-ignore
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('rule' as const), target, cause: fc.constantFrom('itself', 'owner', 'other'), other: target, code: fc.constantFrom('NEG-S2', 'NEG-S3', 'NEG-S5', 'POS-S2') }), // prettier-ignore
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('retract' as const), target, byRule: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('rate' as const), target, observer: person, gap: maybe(fc.integer({ min: -2, max: 2 })) }), // prettier-ignore
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('review' as const), target, observer: person }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('expect' as const), target, observer: person }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('merge' as const, 'unmerge' as const), customer, into: customer }) }, // prettier-ignore
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('profile' as const), customer, segment: maybe(fc.constantFrom('home', 'firm')), region: maybe(fc.constantFrom('north', 'south')), tier: maybe(fc.constantFrom('key', 'plain')) }), // prettier-ignore
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('forget' as const), customer }) },
);
type Op = typeof op extends fc.Arbitrary<infer V> ? V : never;

/** What the log of a random world holds, in the order in which it was recorded. */
export const worlds = (length: number): fc.Arbitrary<RecordedEvent[]> =>
  fc.array(op, { minLength: 15, maxLength: length, size: 'max' }).map((ops) => new World().play(ops));

const TYPES = ['fault', 'fault', 'fault', 'bill', 'bill', 'fault'];
/** Of the opening; the last but one is nobody's, and the last is known by its touchpoints at most. */
const OPENED_BY = [0, 1, 2, 0, undefined, undefined];

interface Known {
  readonly id: string;
  readonly journey: number;
  version: number;
  at: number;
  void: boolean;
}

class World {
  private readonly toRecord: { stream: string; event: ToRecord }[] = [];
  private readonly opened = new Set<number>();
  private readonly touchpoints: Known[] = [];
  private readonly moments: { id: string; journey: number; rule: boolean; gone: boolean }[] = [];
  private readonly owners: { id: string; journey: number }[] = [];
  private ids = 0x1000;
  /** Touchstone's clock. */
  private now = BEGIN + 1_000 * HOUR;

  play(ops: readonly Op[]): RecordedEvent[] {
    for (let n = 0; n < CUSTOMERS; n++) {
      const profile = n === 3 ? {} : { segment: n === 0 ? 'home' : 'firm', region: 'north' };
      this.add(`customer-${customerId(n)}`, {
        type: 'CustomerRegistered',
        data: { identifiers: 'enc:1:x', ...profile },
      });
    }
    for (const each of ops) this.take(each);
    let events: RecordedEvent[] = [];
    for (const { stream, event } of this.toRecord) events = recorded(stream, [event], events);
    return events;
  }

  private add(stream: string, event: ToRecord): void {
    this.now += 60_000;
    const recordedAt = event.recordedAt ?? new Date(this.now).toISOString();
    this.toRecord.push({ stream, event: { id: uuid(this.ids++), ...event, recordedAt } });
  }

  private live(n: number, event: ToRecord): void {
    const stream = `journey-${journeyId(n)}`;
    if (!this.opened.has(n) && n !== JOURNEYS - 1) {
      this.opened.add(n);
      const by = OPENED_BY[n];
      const data = { journeyType: TYPES[n]!, ...(by !== undefined && { customerId: customerId(by) }) };
      this.add(stream, { type: 'JourneyOpened', data, occurredAt: event.occurredAt });
    }
    this.add(stream, event);
  }

  private take(each: Op): void {
    switch (each.op) {
      case 'touchpoint':
        return this.touchpoint(each);
      case 'correct':
        return this.on(each.target, (known) => {
          known.at = BEGIN + each.hour * HOUR;
          const data = { ...contentOf(each.content), touchpointId: known.id, version: ++known.version, happenedAt: iso(each.hour), reason: 'r' }; // prettier-ignore
          this.live(known.journey, { type: 'TouchpointCorrected', data });
        });
      case 'void':
        return this.on(each.target, (known) => {
          known.void = true;
          this.live(known.journey, { type: 'TouchpointVoided', data: { touchpointId: known.id, reason: 'r' } });
        });
      case 'owner': {
        const id = uuid(this.ids++);
        const to = { unit: each.unit, ...(each.staff && { staff: each.staff }) };
        const handover = { from: {}, to, customerTold: each.told, ...(each.noted && { note: 'enc:1:x' }) };
        const occurredAt = iso(each.hour);
        this.owners.push({ id, journey: each.journey });
        if (each.handover) this.live(each.journey, { type: 'JourneyHandedOver', id, data: handover, occurredAt });
        else this.live(each.journey, { type: 'OwnerAssigned', id, data: to, occurredAt });
        return;
      }
      case 'JourneyClosed':
      case 'JourneyReopened':
      case 'JourneyPaused':
      case 'JourneyResumed':
        return this.live(each.journey, { type: each.op, data: { reason: 'r' }, occurredAt: iso(each.hour) });
      case 'moment':
        return this.on(each.target, (known) => {
          const { code, intensity, observer } = each;
          const data = { touchpointId: known.id, code, polarity: polarityOf(code), intensity, observer };
          this.moment(known.journey, false, { type: 'MomentObserved', data, occurredAt: iso(each.hour) });
        });
      case 'rule':
        return this.rule(each);
      case 'retract': {
        const held = this.moments.filter((moment) => !moment.gone);
        if (held.length === 0) return;
        const moment = held[each.target % held.length]!;
        moment.gone = true;
        const byRule = moment.rule && each.byRule && { byRule: true };
        const data = { momentId: moment.id, reason: 'r', ...byRule };
        return this.live(moment.journey, { type: 'MomentRetracted', data });
      }
      case 'rate':
        return this.on(each.target, ({ id, journey: n }) => {
          const data = { touchpointId: id, observer: each.observer, ...(each.gap !== undefined && { gap: each.gap }) };
          this.live(n, { type: 'ExperienceRated', data });
        });
      case 'review':
        return this.on(each.target, ({ id, journey: n }) =>
          this.live(n, { type: 'TouchpointReviewed', data: { touchpointId: id, observer: each.observer } }),
        );
      case 'expect':
        return this.on(each.target, ({ id, journey: n }) => {
          const data = { touchpointId: id, aspect: 'time', kind: 'explicit', observer: each.observer };
          this.live(n, { type: 'ExpectationRecorded', data });
        });
      case 'merge':
      case 'unmerge': {
        // Circles too: two processes may have closed one at once.
        if (each.customer === each.into) return;
        const type = each.op === 'merge' ? 'CustomersMerged' : 'CustomersUnmerged';
        const data = { survivorId: customerId(each.into), reason: 'r' };
        return this.add(`customer-${customerId(each.customer)}`, { type, data });
      }
      case 'profile': {
        const { op: _op, customer: n, ...groups } = each;
        const data = Object.fromEntries(Object.entries(groups).filter(([, value]) => value !== undefined));
        return this.add(`customer-${customerId(n)}`, { type: 'CustomerUpdated', data });
      }
      case 'forget':
        return this.add(`customer-${customerId(each.customer)}`, { type: 'CustomerForgotten', data: { reason: 'r' } });
    }
  }

  private touchpoint(each: Extract<Op, { op: 'touchpoint' }>): void {
    const id = uuid(this.ids++);
    const at = BEGIN + each.hour * HOUR;
    this.touchpoints.push({ id, journey: each.journey, version: 1, at, void: false });
    const source = (each.source ?? each.sequence) !== undefined && {
      source: { system: each.source ?? 'crm', ...(each.sequence !== undefined && { sequence: each.sequence }) },
    };
    const event: ToRecord = {
      type: 'TouchpointRecorded',
      id,
      data: contentOf(each.content),
      occurredAt: iso(each.hour),
      ...source,
      ...(each.historical && { metadata: { historical: true, ...source } }),
      ...(each.late > 0 && { recordedAt: new Date(at + each.late * 60_000).toISOString() }),
    };
    this.live(each.journey, event);
    // Some logs hand the same event out twice.
    if (each.again) this.live(each.journey, event);
  }

  private rule({ target: n, cause, other, code }: Extract<Op, { op: 'rule' }>): void {
    this.on(n, (known) => {
      const owners = this.owners.filter((owner) => owner.journey === known.journey);
      const own = this.touchpoints.filter((each) => each.journey === known.journey);
      const causes = { itself: known.id, owner: owners[other % owners.length]?.id, other: own[other % own.length]?.id };
      const data = {
        touchpointId: known.id,
        code,
        polarity: polarityOf(code),
        intensity: 1,
        observer: 'rule',
        rule: { version: 1, cause: causes[cause] ?? known.id },
      };
      const occurredAt = new Date(known.at).toISOString();
      this.moment(known.journey, true, { type: 'MomentObserved', data, occurredAt, policyVersion: `${code}@1` });
    });
  }

  private moment(n: number, rule: boolean, event: ToRecord): void {
    const id = uuid(this.ids++);
    this.moments.push({ id, journey: n, rule, gone: false });
    this.live(n, { ...event, id });
  }

  /** Also on one that was voided: people say what they say. */
  private on(n: number, then: (known: Known) => void): void {
    const known = this.touchpoints[n % Math.max(1, this.touchpoints.length)];
    if (known) then(known);
  }
}

const polarityOf = (code: string) => (code.startsWith('NEG') ? 'negative' : 'positive');

function contentOf(content: Content): Record<string, unknown> {
  const { unit, channel, stage, staff, closes, contact, visible, system, confirms, context, whose } = content;
  return {
    kind: confirms ? 'contact.resolution-confirmed' : contact ? 'contact.call-received' : 'work.accepted',
    kindVersion: 1,
    traits: {
      closes,
      contact: contact || confirms,
      customerVisible: visible,
      ...(system && { actor: 'system' }),
      ...(stage && { stage }),
    },
    ...(unit && { unit }),
    ...(channel && { channel }),
    ...(staff && { staff }),
    ...(whose !== undefined && { customerId: customerId(whose) }),
    ...(context && { attributes: { contextPassed: true } }),
  };
}
