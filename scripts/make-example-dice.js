/** Seeded dice (mulberry32), lengths of time in ms, and the clock on the wall of the made-up utility. */
export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Whole seconds, in ms. */
export const seconds = (ms) => Math.round(ms / SECOND) * SECOND;
export const local = (at) => `${new Date(at + 8 * HOUR).toISOString().slice(0, 19)}+08:00`;

export function dice(seed) {
  let state = seed;
  function random() {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
  const chance = (p) => random() < p;
  const pick = (list) => list[Math.floor(random() * list.length)];
  function weighted(pairs) {
    let left = random() * pairs.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [value, weight] of pairs) if ((left -= weight) < 0) return value;
    return pairs.at(-1)[0];
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const lognormal = (median, sigma) => seconds(median * Math.exp(sigma * normal()));
  const between = (from, to) => seconds(from + random() * (to - from));
  return { random, chance, pick, weighted, normal, lognormal, between };
}
