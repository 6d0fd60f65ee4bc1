/** Events as field systems send them over HTTP: CloudEvents, one a line, many journeys in turns. */
import { request } from 'node:http';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const KINDS = [
  'contact.call-received',
  'work.accepted',
  'work.dispatched',
  'crew.arrived',
  'crew.inspected',
  'crew.repaired',
];
const BEGIN = Date.UTC(2024, 0, 1);

/**
 * Events without end; so many journeys are under way at the same time. Some are of a known customer, some have personal
 * content. `name` keeps the events of one sender apart from those of another. `evenly`: at any time journeys stand at
 * every step, so that one event in six begins one; otherwise all of them take a step before any takes the next.
 */
export function* cloudEvents({ underWay = 2_000, name = 'oms', begin = BEGIN, evenly = false } = {}) {
  let n = 0;
  for (const [journey, step] of evenly ? inTurns(underWay) : inBlocks(underWay)) {
    const at = new Date(begin + journey * 60_000 + step * 1_200_000);
    yield {
      specversion: '1.0',
      id: `e-${n}`,
      source: `/field/${name}`,
      type: 'touchpoint.recorded',
      time: at.toISOString().replace('Z', '+00:00'),
      sequence: String(step),
      data: {
        journey: { type: 'fault-repair', key: `${name}-${journey}` },
        kind: KINDS[step],
        channel: step === 0 ? 'hotline' : 'crew',
        unit: `district-${journey % 20}`,
        ...(step === 0 && { customer: { type: 'phone', value: String(13_800_000_000 + (journey % 50_000)) } }),
        ...(step === 5 && journey % 4 === 0 && { personal: { note: `Spoke with the customer of ${journey}.` } }),
        attributes: { eta: 30 + (n % 90), cause: 'cable', severity: n % 3 },
        objects: [{ type: 'work-order', id: `W-${journey}` }],
      },
    };
    n++;
  }
}

function* inBlocks(underWay) {
  for (let first = 0; ; first += underWay) {
    for (let step = 0; step < KINDS.length; step++) {
      for (let journey = first; journey < first + underWay; journey++) yield [journey, step];
    }
  }
}

/** Each journey takes its next step when a sixth of those under way have begun after it. */
function* inTurns(underWay) {
  const apart = Math.ceil(underWay / KINDS.length);
  // As if it had gone on for ever: the first ones are met in the middle of their way.
  for (let newest = (KINDS.length - 1) * apart; ; newest++) {
    for (let step = 0; step < KINDS.length; step++) yield [newest - step * apart, step];
  }
}

/** One request to `POST /events` that stays open. Answers come to `heard`, in the order of the lines. */
export class FieldStream {
  #outgoing;
  #done;
  bytes = 0;

  constructor(url, heard) {
    this.#outgoing = request(new URL('/events', url), {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
    });
    this.#done = once(this.#outgoing, 'response').then(async ([response]) => {
      for await (const line of createInterface({ input: response })) {
        const answer = JSON.parse(line);
        if (answer.error) throw new Error(`${answer.error.code}: ${answer.error.message}`);
        heard(answer);
      }
    });
    this.#done.catch(() => undefined);
  }

  /** Resolves once there is room for more: the server sets the pace. */
  async send(events) {
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    this.bytes += text.length;
    if (!this.#outgoing.write(text)) await Promise.race([once(this.#outgoing, 'drain'), this.#done]);
  }

  /** Resolves when everything has been answered. */
  end() {
    this.#outgoing.end();
    return this.#done;
  }
}

/** Calls `tick(n)` every `everyMs`; what is late is made up for, so that the rate holds. */
export async function paced(everyMs, times, tick) {
  const started = performance.now();
  for (let n = 0; n < times; n++) {
    const wait = started + n * everyMs - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    await tick(n);
  }
}
