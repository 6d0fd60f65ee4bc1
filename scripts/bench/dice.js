/** Seeded dice: the same seed throws the same numbers on every machine. */
export function diceOf(seed) {
  let state = seed | 0;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    random,
    chance: (p) => random() < p,
    /** A whole number from 0 to n - 1. */
    upTo: (n) => Math.floor(random() * n),
    pick: (list) => list[Math.floor(random() * list.length)],
    /** Small ones come far more often than large ones. */
    skewed: (n) => Math.floor(random() ** 2 * n),
    /** Lognormal, whole ms. */
    takes: (median, sigma) => {
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      return Math.round(median * Math.exp(sigma * normal));
    },
  };
}

/** Makes ids as Touchstone's own (UUIDv7) from a time and the dice, so that they sort and are the same each time. */
export function idsOf({ random }) {
  let last = 0;
  return (ms) => {
    last = (last + 1) & 0xfff;
    const time = Math.floor(ms).toString(16).padStart(12, '0');
    const high = Math.floor(random() * 2 ** 24)
      .toString(16)
      .padStart(6, '0');
    const low = Math.floor(random() * 2 ** 36)
      .toString(16)
      .padStart(9, '0');
    const tail = `8${low.slice(0, 3)}-${low.slice(3)}${high}`;
    return `${time.slice(0, 8)}-${time.slice(8)}-7${last.toString(16).padStart(3, '0')}-${tail}`;
  };
}

/** A heap of things with `at`; equal ones leave in the order in which they came. */
export class Agenda {
  #heap = [];
  #count = 0;

  get size() {
    return this.#heap.length;
  }

  get next() {
    return this.#heap[0]?.at ?? Infinity;
  }

  add(thing) {
    thing.order = this.#count++;
    const heap = this.#heap;
    let i = heap.push(thing) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (before(heap[parent], thing)) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = thing;
  }

  take() {
    const heap = this.#heap;
    const first = heap[0];
    const thing = heap.pop();
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (before(thing, heap[child])) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = thing;
    return first;
  }
}

const before = (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order);
