/**
 * What the writers of a killed house do, the same for the same seed: single commands on journeys of their own and on
 * shared ones, corrections, closings, bulk facts in chunks, customers with identifiers; now and then something twice.
 */

/**
 * Numbers in [0, 1) that are the same for the same seed (sfc32). Its state is wide: with a narrow one, writers of two
 * seeds sooner or later walk the same path and give one id to two things.
 */
export function seeded(seed) {
  let [a, b, c, counter] = [seed | 0, 0x9e3779b9 | 0, 0x243f6a88 | 0, 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}

/** One kind of work each; every writer is a sequence of orders. */
const WRITERS = [owner, owner, sharer, sharer, bulk, registrar];
const SHARED_JOURNEYS = 6;
const IDENTIFIERS = 400;
const START = Date.parse('2026-01-05T08:00:00Z');
const KINDS = ['contact.call-received', 'work.dispatched', 'crew.arrived', 'supply.restored'];

/** The writers of a round: `{ seed, pauseMs, each() }`; `each` yields so many orders `{ key, works }`. */
export const writersOf = ({ seed, round, orders }) =>
  WRITERS.map((work, n) => {
    const own = (seed ^ Math.imul(round * WRITERS.length + n + 1, 0x9e3779b1)) >>> 0;
    const each = () => limited(work(seeded(own), { seed, round, writer: n }), orders);
    // Chunks less often, so that a log of many rounds stays small enough to be rebuilt in each of them.
    return { seed: own, pauseMs: work === bulk ? 90 : 14, each };
  });

function* limited(orders, most) {
  for (let n = 0; n < most; n++) yield orders.next().value;
}

/** Journeys of its own, each with a life: touchpoints, a correction, a note, an owner, a closing, a reopening. */
function* owner(random, where) {
  const key = keysOf(where);
  for (;;) {
    const journeyId = uuid(random);
    const first = touchpoint(random, journeyId, { open: true });
    yield key(first);
    yield key(touchpoint(random, journeyId));
    if (random() < 0.3) yield key(first);
    yield key(on('journey', 'AssignOwner', { journeyId, unit: `unit-${Math.floor(random() * 4)}` }));
    yield key(correction(random, journeyId, first.payload));
    yield key(note(random, journeyId));
    if (random() < 0.5) {
      const to = { unit: `unit-${4 + Math.floor(random() * 4)}` };
      yield key(on('journey', 'HandOverJourney', { journeyId, to, note: words(random), customerTold: true }));
    }
    yield key(on('journey', 'CloseJourney', { journeyId, reason: 'done', occurredAt: at(START + 30 * DAY) }));
    if (random() < 0.5) {
      yield key(on('journey', 'ReopenJourney', { journeyId, reason: 'not done', occurredAt: at(START + 31 * DAY) }));
    }
    if (random() < 0.3) {
      const { touchpointId } = first.payload;
      yield key(on('journey', 'VoidTouchpoint', { journeyId, touchpointId, reason: 'never happened' }));
    }
  }
}

/** Journeys that several writers and all rounds share: they meet in the same streams. */
function* sharer(random, where) {
  const key = keysOf(where);
  for (;;) {
    const journeyId = uuid(seeded(where.seed + Math.floor(random() * SHARED_JOURNEYS)));
    yield key(touchpoint(random, journeyId, { open: true }));
    if (random() < 0.5) yield key(note(random, journeyId));
  }
}

/** Facts in chunks, several to a journey, as an import appends them. */
function* bulk(random, where) {
  const key = keysOf(where);
  for (;;) {
    const works = [];
    for (let journey = 1 + Math.floor(random() * 6); journey > 0; journey--) {
      const journeyId = uuid(random);
      for (let sequence = 0; sequence < 1 + random() * 6; sequence++) {
        works.push(touchpoint(random, journeyId, { open: true, sequence }));
      }
    }
    yield key(...works);
  }
}

/** Customers by an identifier that others may have claimed before: claim, registration, a change. */
function* registrar(random, where) {
  const key = keysOf(where);
  for (;;) {
    const customerId = uuid(random);
    const identifier = {
      type: 'phone',
      value: `+86 138 0000 ${String(Math.floor(random() * IDENTIFIERS)).padStart(4, '0')}`,
    };
    yield key(on('key', 'BindKey', { identifier, keyType: identifier.type, customerId }));
    yield key(
      on('customer', 'RegisterCustomer', {
        customerId,
        identifiers: [identifier],
        name: words(random),
        segment: 'resident',
      }),
    );
    if (random() < 0.5)
      yield key(on('customer', 'UpdateCustomer', { customerId, phone: identifier.value, tier: 'gold' }));
    yield key(touchpoint(random, uuid(random), { open: true, customerId }));
  }
}

const DAY = 86_400_000;
const on = (decider, command, payload) => ({ decider, command, payload });
const at = (ms) => new Date(ms).toISOString();

function keysOf({ round, writer }) {
  let n = 0;
  return (...works) => ({ key: `${round}/${writer}/${n++}`, works });
}

function touchpoint(random, journeyId, { open = false, sequence, customerId } = {}) {
  const source = {
    system: 'chaos',
    recordId: `r${Math.floor(random() * 1e9)}`,
    ...(sequence !== undefined && { sequence }),
  };
  return on('journey', 'RecordTouchpoint', {
    journeyId,
    touchpointId: uuid(random),
    occurredAt: at(START + Math.floor(random() * 20 * DAY)),
    source,
    ...(open && {
      open: { journeyType: 'chaos', key: `k-${journeyId.slice(0, 8)}`, ...(customerId && { customerId }) },
    }),
    content: { ...content(random), ...(customerId && { customerId }) },
  });
}

const correction = (random, journeyId, { touchpointId }) =>
  on('journey', 'CorrectTouchpoint', {
    journeyId,
    touchpointId,
    happenedAt: at(START + Math.floor(random() * 20 * DAY)),
    reason: 'wrong time',
    content: content(random),
  });

const note = (random, journeyId) =>
  on('journey', 'AddNote', { journeyId, noteId: uuid(random), text: `${words(random)} 备注 ${words(random)}` });

function content(random) {
  const kind = KINDS[Math.floor(random() * KINDS.length)];
  return {
    kind,
    kindVersion: 1,
    traits: { closes: kind === 'supply.restored', contact: random() < 0.5, customerVisible: true },
    channel: random() < 0.5 ? 'hotline' : 'app',
    unit: `unit-${Math.floor(random() * 8)}`,
    attributes: { ticket: Math.floor(random() * 1e6), text: words(random) },
    ...(random() < 0.6 && { personal: { caller: words(random), phone: `+86 ${Math.floor(random() * 1e9)}` } }),
  };
}

const WORDS = 'power cut line crew meter late again called nobody came 停电 抢修 电表 催办'.split(' ');
const words = (random) => Array.from({ length: 3 }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ');

/** A well-formed UUIDv7 out of the seed. */
function uuid(random) {
  const hex = (digits) =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0');
  return `0197${hex(4)}-${hex(4)}-7${hex(3)}-a${hex(3)}-${hex(6)}${hex(6)}`;
}
