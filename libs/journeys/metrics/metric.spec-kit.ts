/** For tests of metrics: random worlds of journeys, with everything that a metric counts, and reads over them. */
import fc from 'fast-check';
import type { RecordedEvent } from '@touchstone/eventing';
import { packProjections } from '@touchstone/packs';
import { inGroup, type ProjectionGroup } from '@touchstone/readmodel';
import { InlineReads, projectAll, recorded, type ToRecord } from '@touchstone/readmodel/testing';
import { uuid } from '../house.spec-kit.js';
import { journeyDerivations, journeyProjections } from '../read.js';

export const START = Date.parse('2024-03-01T00:00:00Z');
const MINUTE = 60_000;
const at = (minute: number): string => new Date(START + minute * MINUTE).toISOString();

const group = (timeZone: string): ProjectionGroup => ({
  name: 'journeys',
  projections: [...packProjections, ...journeyProjections],
  derivations: journeyDerivations(timeZone),
});

/** Makes every surrogate another one than it would be without it. */
const shifting = inGroup<null>({
  name: 'shifting',
  version: 1,
  tables: [],
  handles: ['TouchpointRecorded', 'JourneyOpened', 'MomentObserved', 'CustomerRegistered'],
  unit: ({ id }) => ['shifting', id],
  names: () => [],
  loads: [],
  restore: () => null,
  apply: () => {},
  changes: () => [],
});

/**
 * Reads over the events, the present judged at `now` (ISO 8601 UTC). `shifted`: of a read model that was made by other
 * projections, so that it has other surrogates.
 */
export function metricReads(
  events: readonly RecordedEvent[],
  timeZone: string,
  now: string,
  { shifted = false } = {},
): InlineReads {
  const { projections, ...rest } = group(timeZone);
  const made = shifted ? { ...rest, projections: [shifting, ...projections] } : { ...rest, projections };
  const log = {
    comparePositions: (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0),
    async *readAll({ after = '' }: { after?: string } = {}) {
      const rest = events.filter((event) => event.position > after);
      if (rest.length > 0) yield rest;
      await Promise.resolve();
    },
  };
  return new InlineReads(projectAll(made, events), { log: log as never, now: () => now });
}

/** Minutes of eleven days, so that some windows of 168 h pass and some do not. */
const minute = fc.oneof(fc.integer({ min: 0, max: 16_000 }), fc.constantFrom(0, 960, 1_440, 2_400, 10_080));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constant('touchpoint' as const), journey: fc.nat(5), minute, unit: maybe(fc.constantFrom('u1', 'u2', 'u3')), channel: maybe(fc.constantFrom('phone', 'app')), stage: maybe(fc.constantFrom('ask', 'do')), closes: fc.boolean(), contact: fc.boolean(), visible: fc.boolean(), system: fc.boolean(), context: fc.boolean(), confirms: fc.integer({ min: 0, max: 5 }).map((n) => n === 0), source: maybe(fc.constantFrom('crm', 'acd')), historical: fc.integer({ min: 0, max: 3 }).map((n) => n === 0) }) }, // prettier-ignore
  { weight: 4, arbitrary: fc.record({ what: fc.constant('moment' as const), target: fc.nat(40), code: fc.constantFrom('NEG-01', 'NEG-07', 'POS-05', 'NEG-S3', 'POS-S2'), intensity: fc.integer({ min: 1, max: 3 }), observer: fc.constantFrom('customer', 'qa', 'auditor', 'staff', 'rule') }) }, // prettier-ignore
  { weight: 2, arbitrary: fc.record({ what: fc.constant('rating' as const), target: fc.nat(40), gap: maybe(fc.integer({ min: -2, max: 2 })), observer: fc.constantFrom('customer', 'qa') }) }, // prettier-ignore
  { weight: 1, arbitrary: fc.record({ what: fc.constant('review' as const), target: fc.nat(40), observer: fc.constantFrom('qa', 'staff') }) }, // prettier-ignore
  { weight: 2, arbitrary: fc.record({ what: fc.constant('owner' as const), journey: fc.nat(5), minute, unit: fc.constantFrom('u1', 'u2'), handover: fc.boolean(), note: fc.boolean(), told: fc.boolean() }) }, // prettier-ignore
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('JourneyPaused' as const, 'JourneyResumed' as const, 'JourneyClosed' as const, 'JourneyReopened' as const), journey: fc.nat(5), minute }) }, // prettier-ignore
  { weight: 1, arbitrary: fc.record({ what: fc.constant('correct' as const), target: fc.nat(40), minute, unit: fc.constantFrom('u1', 'u9') }) }, // prettier-ignore
  { weight: 1, arbitrary: fc.record({ what: fc.constant('void' as const), target: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('hope' as const), minute }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('merge' as const, 'unmerge' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer V> ? V : never;

/** A world as its log: seven journeys of four customers and of nobody; its last event changes no figure. */
export const world: fc.Arbitrary<RecordedEvent[]> = fc
  .array(step, { minLength: 10, maxLength: 70, size: 'max' })
  .map((steps) => new World().play(steps));

const CUSTOMERS = [1, 1, 2, 3, 3, 0, 5];
const TYPES = ['x', 'x', 'x', 'x', 'y', 'y', 'x'];
/** Of a customer who is seldom there. */
const HOPED = 6;

class World {
  private events: RecordedEvent[] = [];
  private readonly opened = new Set<number>();
  private readonly touchpoints: { id: string; journey: number; version: number; data: Record<string, unknown>; gone: boolean }[] = []; // prettier-ignore
  private readonly moments: { id: string; journey: number; gone: boolean }[] = [];
  private merged = false;
  private ids = 1000;

  play(steps: readonly Step[]): RecordedEvent[] {
    for (const customer of [1, 2, 3, 5]) {
      const profile = {
        segment: customer === 1 ? 'home' : 'firm',
        region: 'r',
        ...(customer === 3 && { tier: 'vip' }),
      };
      this.add(`customer-${uuid(customer)}`, {
        type: 'CustomerRegistered',
        data: { ...profile, identifiers: 'enc:1:x' },
      });
    }
    for (const each of steps) this.take(each);
    // Nothing counts a customer without journeys: as of the event before, a read of the past must say what now says.
    this.add(`customer-${uuid(4)}`, { type: 'CustomerRegistered', data: { identifiers: 'enc:1:x' } });
    return this.events;
  }

  private add(stream: string, event: ToRecord): void {
    this.events = recorded(stream, [event], this.events);
  }

  private journey(n: number, event: ToRecord): void {
    const stream = `journey-${uuid(500 + n)}`;
    if (!this.opened.has(n)) {
      this.opened.add(n);
      const customer = CUSTOMERS[n]!;
      const data = { journeyType: TYPES[n]!, ...(customer > 0 && { customerId: uuid(customer) }) };
      this.add(stream, { type: 'JourneyOpened', data, occurredAt: event.occurredAt ?? at(0) });
    }
    this.add(stream, event);
  }

  private take(s: Step): void {
    switch (s.what) {
      case 'touchpoint': {
        const id = uuid(this.ids++);
        const data = {
          kind: s.confirms ? 'contact.resolution-confirmed' : s.closes ? 'done' : 'step',
          kindVersion: 1,
          traits: { closes: s.closes, contact: s.contact, customerVisible: s.visible, ...(s.system && { actor: 'system' }), ...(s.stage && { stage: s.stage }) }, // prettier-ignore
          ...(s.unit && { unit: s.unit }),
          ...(s.channel && { channel: s.channel }),
          ...(s.context && { attributes: { contextPassed: true } }),
        };
        this.touchpoints.push({ id, journey: s.journey, version: 1, data, gone: false });
        const source = s.source && { source: { system: s.source } };
        this.journey(s.journey, { type: 'TouchpointRecorded', id, data, occurredAt: at(s.minute), ...source, ...(s.historical && { metadata: { historical: true, ...source } }) }); // prettier-ignore
        return;
      }
      case 'hope': {
        // Something went wrong, then the customer called: nobody knows yet whether the call was enough.
        const { minute: began } = s;
        const data = (contact: boolean) => ({ kind: 'step', kindVersion: 1, traits: { closes: false, contact, customerVisible: true }, unit: 'u1' }); // prettier-ignore
        const [went, called] = [uuid(this.ids++), uuid(this.ids++)];
        const moment = { touchpointId: went, code: 'NEG-01', polarity: 'negative', intensity: 1, observer: 'qa' };
        this.journey(HOPED, { type: 'TouchpointRecorded', id: went, data: data(false), occurredAt: at(began) });
        this.journey(HOPED, { type: 'MomentObserved', id: uuid(this.ids++), data: moment, occurredAt: at(began) });
        return this.journey(HOPED, { type: 'TouchpointRecorded', id: called, data: data(true), occurredAt: at(began + 60) }); // prettier-ignore
      }
      case 'correct':
        return this.onTarget(s.target, (t) => {
          const data = { ...t.data, unit: s.unit, touchpointId: t.id, version: ++t.version, happenedAt: at(s.minute), reason: 'r' }; // prettier-ignore
          this.journey(t.journey, { type: 'TouchpointCorrected', data, occurredAt: at(20_000) });
        });
      case 'void':
        return this.onTarget(s.target, (t) => {
          t.gone = true;
          this.journey(t.journey, { type: 'TouchpointVoided', data: { touchpointId: t.id, reason: 'r' } });
        });
      case 'moment':
        return this.onTarget(s.target, (t) => {
          const id = uuid(this.ids++);
          const polarity = s.code.startsWith('NEG') ? 'negative' : 'positive';
          const rule = s.observer === 'rule' && { rule: { version: 1, cause: t.id } };
          const data = {
            touchpointId: t.id,
            code: s.code,
            polarity,
            intensity: s.intensity,
            observer: s.observer,
            ...rule,
          };
          this.moments.push({ id, journey: t.journey, gone: false });
          this.journey(t.journey, { type: 'MomentObserved', id, data, occurredAt: at(15_000 + this.ids) });
          const last = this.moments.at(-4);
          if (!last || last.gone) return;
          last.gone = true;
          this.journey(last.journey, { type: 'MomentRetracted', data: { momentId: last.id, reason: 'r' } });
        });
      case 'rating':
        return this.onTarget(s.target, (t) => {
          const data = { touchpointId: t.id, observer: s.observer, ...(s.gap !== undefined && { gap: s.gap }) };
          this.journey(t.journey, { type: 'ExperienceRated', data, occurredAt: at(15_000) });
        });
      case 'review':
        return this.onTarget(s.target, (t) => {
          const data = { touchpointId: t.id, observer: s.observer };
          this.journey(t.journey, { type: 'TouchpointReviewed', data, occurredAt: at(15_000) });
        });
      case 'owner': {
        const to = { unit: s.unit };
        const data = { from: {}, to, customerTold: s.told, ...(s.note && { note: 'enc:1:x' }) };
        const occurredAt = at(s.minute);
        if (s.handover) this.journey(s.journey, { type: 'JourneyHandedOver', data, occurredAt });
        else this.journey(s.journey, { type: 'OwnerAssigned', data: to, occurredAt });
        return;
      }
      case 'merge':
      case 'unmerge': {
        if (this.merged === (s.what === 'merge')) return;
        this.merged = !this.merged;
        const type = this.merged ? 'CustomersMerged' : 'CustomersUnmerged';
        return this.add(`customer-${uuid(2)}`, { type, data: { survivorId: uuid(1), reason: 'r' } });
      }
      case 'JourneyPaused':
      case 'JourneyResumed':
      case 'JourneyClosed':
      case 'JourneyReopened':
        return this.journey(s.journey, { type: s.what, data: { reason: 'r' }, occurredAt: at(s.minute) });
    }
  }

  private onTarget(n: number, then: (t: World['touchpoints'][number]) => void): void {
    const held = this.touchpoints.filter(({ gone }) => !gone);
    if (held.length > 0) then(held[n % held.length]!);
  }
}
