import { seeded } from '@touchstone/readmodel/testing';

const ACTIVITIES = ['Reported', 'Accepted', 'Dispatched', 'Arrived', 'Called again', 'Waiting', 'Repaired', 'Closed'];
const TRACE = 10;
const FOOT = '</log>\n';
const ZONES = ['+08:00', 'Z', '-03:30'];

export interface SyntheticLog {
  readonly traces: number;
  /** Events without a zone: they go to quarantine. */
  readonly unreadable: number;
  readonly customers: number;
  readonly bytes: number;
  /** The file in pieces of some 64 KiB, so that it is read while it is sent. */
  pieces(): Iterable<string>;
}

/**
 * An XES log of so many events, ten to a trace; the same seed gives the same bytes. Of the later half of each trace, that
 * share says no zone.
 */
export function syntheticLog(seed: number, events: number, unzoned = 0.002): SyntheticLog {
  const random = seeded(seed);
  const traces = events / TRACE;
  const customers = new Set<number>();
  let unreadable = 0;
  const texts = Array.from({ length: traces }, (_, n) => {
    const customer = Math.floor(random() ** 2 * (traces / 2));
    customers.add(customer);
    const lines = Array.from({ length: TRACE }, (_, place) => {
      // Every trace keeps its first ones.
      const zone = place > 4 && random() < unzoned ? '' : ZONES[Math.floor(random() * ZONES.length)]!;
      if (zone === '') unreadable++;
      return event(random, place, zone);
    });
    // Events that are the same in everything follow upon each other now and then.
    if (random() < 0.1) lines[3] = lines[2]!;
    return `<trace><string key="concept:name" value="case ${n}"/><string key="customer" value="customer ${customer}"/>\n${lines.join('\n')}\n</trace>\n`;
  });
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="1.0">\n';
  const bytes = Buffer.byteLength(`${head}${texts.join('')}${FOOT}`);
  return {
    traces,
    bytes,
    unreadable,
    customers: customers.size,
    *pieces() {
      let piece = head;
      for (const text of texts) {
        piece += text;
        if (piece.length < 65_536) continue;
        yield piece;
        piece = '';
      }
      yield piece + FOOT;
    },
  };
}

function event(random: () => number, place: number, zone: string): string {
  const activity = place === TRACE - 1 ? 'Closed' : ACTIVITIES[Math.floor(random() * (ACTIVITIES.length - 1))]!;
  const ms = Date.parse('2025-03-01T00:00:00Z') + place * 3_600_000 + Math.floor(random() * 6e6);
  const time = new Date(ms).toISOString().replace('Z', zone);
  return [
    '<event>',
    `<string key="concept:name" value="${activity}"/>`,
    `<date key="time:timestamp" value="${time}"/>`,
    `<string key="org:group" value="group ${Math.floor(random() * 7)}"/>`,
    `<string key="caller" value="张三 ${Math.floor(random() * 500)}"/>`,
    `<int key="cost" value="${Math.floor(random() * 900)}"/>`,
    '</event>',
  ].join('');
}
