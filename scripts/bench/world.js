/**
 * A made-up year of a service organisation: 20 units, 5 channels, 3 journey types, 5 stages, customers with several
 * journeys each, three contacts in ten touchpoints, owners and handovers, a few per cent of corrections, and moments of
 * people and of rules about as the product would record them. Seeded, without a clock: the same events each time.
 */
import { Agenda, diceOf, idsOf } from './dice.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 168 * HOUR;
export const BEGIN = Date.UTC(2024, 0, 1);
export const YEAR = 365 * DAY;
/** Everything has happened by then, and every window of the rules has passed. */
export const END = BEGIN + YEAR + 60 * DAY;

const TOUCHPOINTS_PER_JOURNEY = 9.6;
const JOURNEYS_PER_CUSTOMER = 3;
export const UNITS = Array.from({ length: 20 }, (_, i) => `unit-${String(i + 1).padStart(2, '0')}`);
export const CHANNELS = ['hotline', 'app', 'hall', 'crew', 'mail'];
export const TYPES = ['fault-repair', 'billing', 'connection'];
export const SEGMENTS = ['resident', 'business', 'industrial'];
const REGIONS = ['north', 'east', 'south', 'west', 'centre'];
const TIERS = ['standard', 'key'];
const CODES = Array.from({ length: 9 }, (_, i) => [`NEG-0${i + 1}`, `POS-0${i + 1}`]).flat();
const OBSERVERS = ['customer', 'qa', 'auditor', 'staff'];
const ASPECTS = ['time', 'result', 'cost', 'attitude', 'information'];
/** As long as a real one; its keys exist nowhere, so whoever opens it is told so. */
const CIPHERTEXT = `enc:1:${'A7f_k2Lq'.repeat(11)}`;

const kind = (id, traits = {}) => ({ id, traits: { closes: false, contact: false, customerVisible: true, ...traits } });
const KINDS = {
  call: kind('contact.call-received', { contact: true, actor: 'customer' }),
  message: kind('contact.message-received', { contact: true, actor: 'customer' }),
  confirmed: kind('contact.resolution-confirmed', { contact: true, actor: 'customer', closes: true }),
  notice: kind('notice.sent', { actor: 'system' }),
  delay: kind('notice.delay', { actor: 'staff' }),
  accepted: kind('work.accepted', { customerVisible: false, actor: 'staff', stage: 'F1' }),
  dispatched: kind('work.dispatched', { customerVisible: false, actor: 'staff', stage: 'F1' }),
  arrived: kind('crew.arrived', { contact: true, actor: 'staff', stage: 'F2' }),
  inspected: kind('crew.inspected', { actor: 'staff', stage: 'F3' }),
  repaired: kind('crew.repaired', { actor: 'staff', stage: 'F4' }),
  restored: kind('supply.restored', { actor: 'system', stage: 'F5', closes: true }),
  callBack: kind('contact.call-back', { contact: true, actor: 'staff', stage: 'F5', closes: true }),
};

/** How many journeys it takes to have about so many touchpoints. */
export const journeysOf = (touchpoints) => Math.max(1, Math.round(touchpoints / TOUCHPOINTS_PER_JOURNEY));

/** Yields {stream, event} in the order in which they were recorded; `event` is whole, as a log takes it. */
export function* worldOf({ touchpoints, seed }) {
  const world = new World(journeysOf(touchpoints), seed);
  yield* world.events();
}

class World {
  #agenda = new Agenda();
  /** By root customer and journey type: the latest contact. */
  #matters = new Map();
  #into = new Map();

  constructor(journeys, seed) {
    this.journeys = journeys;
    this.dice = diceOf(seed);
    this.newId = idsOf(this.dice);
    this.customers = Array.from({ length: Math.max(1, Math.round(journeys / JOURNEYS_PER_CUSTOMER)) }, () => ({
      id: this.newId(BEGIN),
      known: false,
    }));
  }

  *events() {
    const step = YEAR / this.journeys;
    for (let i = 0; i < this.journeys; i++) {
      const start = Math.round(BEGIN + (i + this.dice.random()) * step);
      yield* this.until(start);
      this.live(start, i);
    }
    yield* this.until(Infinity);
  }

  *until(time) {
    while (this.#agenda.size > 0 && this.#agenda.next <= time) {
      const { stream, event, then } = this.#agenda.take();
      if (event) yield { stream, event };
      then?.();
    }
  }

  /** Plans an event to be recorded at a time; `then` runs once it is. */
  plan(at, stream, type, data, about = {}, then) {
    const { occurredAt = at, id = this.newId(at), ...metadata } = about;
    const recordedAt = new Date(at).toISOString();
    const event = {
      id,
      type,
      schemaVersion: 1,
      occurredAt: occurredAt === at ? recordedAt : new Date(occurredAt).toISOString(),
      recordedAt,
      data,
      metadata: { correlationId: id, actor: { id: 'bench', role: 'generator' }, ...metadata },
    };
    this.#agenda.add({ at, stream, event, then });
    return id;
  }

  live(start, number) {
    const { dice } = this;
    const customer = this.customers[dice.skewed(this.customers.length)];
    const journey = new Journey(this, start, number, customer, dice.pick(TYPES));
    if (!customer.known) this.meet(customer, start);
    journey.open();
    journey.plan();
  }

  meet(customer, at) {
    const { dice } = this;
    customer.known = true;
    const stream = `customer-${customer.id}`;
    const groups = { segment: dice.pick(SEGMENTS), region: dice.pick(REGIONS), tier: dice.pick(TIERS) };
    const subject = `customer:${customer.id}`;
    this.plan(at, stream, 'CustomerRegistered', { identifiers: CIPHERTEXT, name: CIPHERTEXT, ...groups }, { subject });
    const hash = (customer.id.replaceAll('-', '') + customer.id.replaceAll('-', '')).slice(0, 64);
    this.plan(at, `key-${hash}`, 'KeyBound', { keyType: 'account', customerId: customer.id });
    if (!dice.chance(0.01)) return;
    const survivor = dice.pick(this.customers);
    if (!survivor.known || this.rootOf(survivor) === customer) return;
    const told = at + dice.takes(20 * DAY, 0.5);
    const link = { survivorId: survivor.id, reason: 'One person, two accounts.' };
    this.plan(told, stream, 'CustomersMerged', link, {}, () => {
      if (this.rootOf(survivor) !== this.rootOf(customer)) this.#into.set(customer, survivor);
    });
    if (!dice.chance(0.1)) return;
    this.plan(told + DAY, stream, 'CustomersUnmerged', { ...link, reason: 'Two after all.' }, {}, () =>
      this.#into.delete(customer),
    );
  }

  rootOf(customer) {
    for (;;) {
      const into = this.#into.get(customer);
      if (!into) return customer;
      customer = into;
    }
  }

  /** What the rules make of a contact that was just recorded. */
  contacted(journey, touchpoint) {
    const matter = `${this.rootOf(journey.customer).id} ${journey.type}`;
    const before = this.#matters.get(matter);
    const own = { at: touchpoint.at, followed: false };
    if (!before || before.at <= own.at) this.#matters.set(matter, own);
    if (before && before.at <= own.at && own.at - before.at <= WEEK) {
      before.followed = true;
      journey.ruled(touchpoint.recorded + 2_000, 'NEG-S3', touchpoint, touchpoint.id);
      return;
    }
    this.#agenda.add({
      at: touchpoint.at + WEEK + 5_000,
      then: () => {
        if (!own.followed && !journey.reopened)
          journey.ruled(own.at + WEEK + 6_000, 'POS-S2', touchpoint, touchpoint.id);
      },
    });
  }
}

class Journey {
  constructor(world, start, number, customer, type) {
    this.world = world;
    this.dice = world.dice;
    this.customer = customer;
    this.type = type;
    this.at = start;
    this.number = number;
    this.id = world.newId(start);
    this.stream = `journey-${this.id}`;
    this.desk = this.dice.pick(UNITS.slice(0, 6));
    this.crew = this.dice.pick(UNITS.slice(6));
    this.touchpoints = [];
    this.reopened = false;
  }

  open() {
    const data = { journeyType: this.type, key: `J-${this.number}`, customerId: this.customer.id };
    this.world.plan(this.at, this.stream, 'JourneyOpened', data, { source: { system: 'desk' } });
  }

  /** Everything that happens, from the call to the last word. */
  plan() {
    const { dice } = this;
    const asked = dice.pick(['hotline', 'app', 'hall', 'mail', 'hotline']);
    this.add(KINDS.call, asked, this.desk, 0);
    this.repairs();
    if (dice.chance(0.5)) this.add(KINDS.callBack, dice.pick(['hotline', 'app']), this.desk, DAY);
    if (dice.chance(0.15)) this.add(KINDS.confirmed, 'app', this.desk, 2 * HOUR);
    if (dice.chance(0.06)) {
      this.reopened = true;
      const again = this.add(KINDS.call, dice.pick(CHANNELS), this.desk, 3 * DAY);
      this.ruled(again.recorded + 1_000, 'NEG-S5', again, again.id);
      this.add(KINDS.accepted, 'hotline', this.desk, 4 * MINUTE);
      this.add(KINDS.repaired, 'crew', this.crew, 6 * HOUR);
      this.add(KINDS.restored, 'crew', this.crew, 5 * MINUTE);
    }
    this.owners();
    if (dice.chance(0.04)) this.pauses();
    for (const touchpoint of this.touchpoints) this.observed(touchpoint);
  }

  repairs() {
    const { dice } = this;
    this.add(KINDS.accepted, 'hotline', this.desk, 3 * MINUTE);
    this.add(KINDS.dispatched, 'hotline', this.desk, 10 * MINUTE);
    if (dice.chance(0.6)) this.add(KINDS.notice, 'app', this.desk, 2 * MINUTE);
    if (dice.chance(0.25)) this.add(KINDS.message, dice.pick(['app', 'mail']), this.desk, 5 * HOUR);
    this.add(KINDS.arrived, 'crew', this.crew, 20 * HOUR);
    this.add(KINDS.inspected, 'crew', this.crew, 15 * MINUTE);
    if (dice.chance(0.2)) this.add(KINDS.delay, 'hotline', this.desk, 30 * MINUTE);
    this.add(KINDS.repaired, 'crew', this.crew, 3 * HOUR);
    if (dice.chance(0.6)) this.add(KINDS.notice, 'app', this.desk, 2 * MINUTE);
    this.add(KINDS.restored, 'crew', this.crew, 4 * MINUTE);
  }

  /** A touchpoint some time after the one before it. */
  add({ id: kindId, traits }, channel, unit, after) {
    const { world, dice } = this;
    const at = (this.at += after === 0 ? 0 : dice.takes(after, 0.8) + 1_000);
    // Two in a hundred are told of late, when the tablet is back on the net.
    const recorded = at + (dice.chance(0.02) ? dice.takes(HOUR, 0.7) : 500 + dice.upTo(3_000));
    const touchpoint = { id: world.newId(recorded), at, recorded, contact: traits.contact };
    this.touchpoints.push(touchpoint);
    touchpoint.data = {
      kind: kindId,
      kindVersion: 1,
      traits,
      channel,
      unit,
      staff: `${unit}-${1 + dice.upTo(12)}`,
      customerId: this.customer.id,
      attributes: { waitedSeconds: dice.upTo(600), ...(traits.contact && dice.chance(0.4) && { contextPassed: true }) },
      objects: [{ type: 'work-order', id: `WO-${this.number}` }],
    };
    const about = {
      id: touchpoint.id,
      occurredAt: at,
      source: { system: channel === 'crew' ? 'tablet' : 'desk', recordId: `${this.number}-${this.touchpoints.length}` },
      subject: `customer:${this.customer.id}`,
    };
    const then = traits.contact ? () => world.contacted(this, touchpoint) : undefined;
    world.plan(recorded, this.stream, 'TouchpointRecorded', touchpoint.data, about, then);
    if (dice.chance(0.02)) this.corrected(touchpoint);
    else if (dice.chance(0.004)) this.voided(touchpoint);
    return touchpoint;
  }

  corrected({ id, at, recorded, data }) {
    const { dice, world } = this;
    const correction = {
      ...data,
      touchpointId: id,
      version: 2,
      happenedAt: new Date(at - dice.upTo(10 * MINUTE)).toISOString(),
      unit: dice.chance(0.3) ? dice.pick(UNITS) : data.unit,
      reason: 'The tablet stamped it late.',
    };
    world.plan(recorded + dice.takes(5 * HOUR, 0.5), this.stream, 'TouchpointCorrected', correction);
  }

  voided({ id, recorded }) {
    const data = { touchpointId: id, reason: 'Recorded for the wrong work order.' };
    this.world.plan(recorded + this.dice.takes(HOUR, 0.5), this.stream, 'TouchpointVoided', data);
  }

  owners() {
    const { dice, world } = this;
    if (!dice.chance(0.9)) return;
    const [first] = this.touchpoints;
    let owner = { unit: this.desk, staff: `${this.desk}-${1 + dice.upTo(12)}` };
    world.plan(first.recorded + MINUTE, this.stream, 'OwnerAssigned', owner);
    const changes = dice.chance(0.15) ? 1 + (dice.chance(0.2) ? 1 : 0) : 0;
    for (let i = 0; i < changes; i++) {
      const last = this.touchpoints[Math.min(3 + 3 * i, this.touchpoints.length - 1)];
      const at = last.recorded + MINUTE;
      const to = { unit: dice.pick(UNITS), staff: `staff-${dice.upTo(240)}` };
      const noted = dice.chance(0.7);
      const data = { from: owner, to, ...(noted && { note: CIPHERTEXT }), customerTold: dice.chance(0.8) };
      const subject = `customer:${this.customer.id}`;
      const change = world.plan(at, this.stream, 'JourneyHandedOver', data, { subject });
      if (!noted || i > 0) this.ruled(at + 1_000, 'NEG-S2', last, change);
      owner = to;
    }
  }

  pauses() {
    const { dice, world } = this;
    const from = this.touchpoints[2].recorded + MINUTE;
    world.plan(from, this.stream, 'JourneyPaused', { reason: 'customer-away' });
    world.plan(from + dice.takes(4 * HOUR, 0.5), this.stream, 'JourneyResumed', {});
  }

  ruled(at, code, touchpoint, cause) {
    const positive = code.startsWith('POS');
    const data = {
      touchpointId: touchpoint.id,
      code,
      polarity: positive ? 'positive' : 'negative',
      intensity: 1,
      observer: 'rule',
      rule: { version: 1, cause },
    };
    const about = { occurredAt: touchpoint.at, causationId: cause, policyVersion: `${code}@1` };
    this.world.plan(at, this.stream, 'MomentObserved', data, about);
  }

  /** What people note of a touchpoint. */
  observed({ id, recorded, at }) {
    const { dice, world } = this;
    const subject = `customer:${this.customer.id}`;
    const noted = recorded + dice.takes(8 * HOUR, 1);
    const observer = dice.pick(OBSERVERS);
    if (dice.chance(0.015)) {
      const code = dice.pick(CODES);
      const polarity = code.startsWith('NEG') ? 'negative' : 'positive';
      const data = { touchpointId: id, code, polarity, intensity: 1 + dice.upTo(3), observer, note: CIPHERTEXT };
      const momentId = world.plan(noted, this.stream, 'MomentObserved', data, { occurredAt: at, subject });
      if (dice.chance(0.05)) {
        world.plan(noted + HOUR, this.stream, 'MomentRetracted', { momentId, reason: 'Heard the recording again.' });
      }
    }
    if (dice.chance(0.02)) {
      const gap = dice.upTo(5) - 2;
      const data = { touchpointId: id, aspect: dice.pick(ASPECTS), observer, gap };
      world.plan(noted + MINUTE, this.stream, 'ExperienceRated', data, { occurredAt: at });
    }
    if (dice.chance(0.02)) {
      world.plan(noted + 2 * MINUTE, this.stream, 'TouchpointReviewed', { touchpointId: id, observer });
    }
    if (dice.chance(0.005)) {
      world.plan(noted + 3 * MINUTE, this.stream, 'NoteAdded', { text: CIPHERTEXT }, { subject });
    }
  }
}
