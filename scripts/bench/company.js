/** Who is there beside the senders: people who ask, subscribers who follow, and one who has stopped reading. */
import { request } from 'node:http';
import { once } from 'node:events';

const QUESTIONS = [
  ['timeline', 'query ($id: ID!) { timeline(of: { journeyId: $id }, first: 20) { edges { node { entryId kind } } } }'],
  ['journey', 'query ($id: ID!) { journey(id: $id) { id status touchpointCount customer { id } } }'],
  ['journeys', '{ journeys(first: 50, filter: { journeyType: "fault-repair" }) { edges { node { id } } } }'],
  [
    'metric',
    '{ metric(id: "M-HND", groupBy: [UNIT], first: 50) { groups { edges { node { figure { n value } } } } } }',
  ],
];
const PAUSE_MS = 100;

/** Asks one question after the other, with a pause, about journeys of `known`. */
export class Asking {
  #ended = false;
  #times = [];
  #done;

  constructor(server, known) {
    this.#done = this.#ask(server, known);
    this.#done.catch(() => undefined);
  }

  async #ask(server, known) {
    for (let n = 0; !this.#ended; n++) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (known.length === 0) continue;
      const [, query] = QUESTIONS[n % QUESTIONS.length];
      const id = known[(n * 7_919) % known.length];
      try {
        const { ms } = await server.ask(query, { id });
        this.#times.push(ms);
      } catch (error) {
        // A journey that is durable may not be projected yet.
        if (!/JOURNEY_UNKNOWN/.test(String(error))) throw error;
      }
    }
    return this.#times;
  }

  /** How long each answer took, in ms. */
  end() {
    this.#ended = true;
    return this.#done;
  }
}

/** What a frame of an event begins with: its place, then the members of the CloudEvent that come first. */
const FRAME = /^id: ([0-9a-f]+)\ndata: \{"specversion":"1\.0","id":"[^"]*","source":"[^"]*","type":"(\w+)"/;
/** Every so many frames one is read as a whole: that it is JSON, and says the same place. */
const READ_WHOLE = 100;

/**
 * Follows the feed from its beginning and takes it up again where it was cut off. Of each event it sees the place and the
 * type and no more: this process shares the machine with the server, and what is tried is the server.
 */
export class Follower {
  #url;
  #after = 'beginning';
  #touchpoints = 0;
  #events = 0;
  #fault = null;
  #wanted = Infinity;
  #cuts = 0;
  #answer = null;
  #done;

  constructor(url) {
    this.#url = url;
    this.#done = this.#follow();
    this.#done.catch(() => undefined);
  }

  async #follow() {
    while (this.#touchpoints < this.#wanted && !this.#fault) {
      const asked = request(new URL(`/feed?after=${this.#after}`, this.#url), {
        headers: { accept: 'text/event-stream' },
        agent: false,
      }).end();
      const [answer] = await once(asked, 'response');
      this.#answer = answer;
      try {
        for await (const frames of framesOf(answer)) {
          for (const frame of frames) if (frame.startsWith('id: ') && !this.#fault) this.#hear(frame);
          if (this.#touchpoints >= this.#wanted || this.#fault) break;
        }
      } catch {
        // Cut off: the same again from where it was.
      }
      asked.destroy();
      this.#cuts++;
    }
  }

  /** A frame without a name: those of heartbeats and of the end have one. */
  #hear(frame) {
    const [, position, type] = FRAME.exec(frame) ?? [];
    if (position === undefined) this.#fault = `This is no event: ${frame.slice(0, 200)}`;
    else if (this.#after !== 'beginning' && position <= this.#after) {
      this.#fault = `${position} came after ${this.#after}.`;
    } else if (this.#events % READ_WHOLE === 0 && JSON.parse(frame.slice(frame.indexOf('{'))).position !== position) {
      this.#fault = `The event at ${position} says that it stands elsewhere.`;
    }
    if (this.#fault) return;
    this.#after = position;
    this.#events++;
    if (type === 'TouchpointRecorded') this.#touchpoints++;
  }

  /** Waits until it has seen so many touchpoints. */
  async end(touchpoints) {
    this.#wanted = touchpoints;
    const late = setTimeout(() => {
      this.#fault ??= `A subscriber saw ${this.#touchpoints} of ${touchpoints} touchpoints and no more.`;
      this.#answer?.destroy();
    }, 120_000);
    if (this.#touchpoints >= touchpoints) this.#answer?.destroy();
    await this.#done;
    clearTimeout(late);
    if (this.#touchpoints > touchpoints) this.#fault ??= `A subscriber saw ${this.#touchpoints} of ${touchpoints}.`;
    return { events: this.#events, touchpoints: this.#touchpoints, connections: this.#cuts, fault: this.#fault };
  }
}

/** What stands between empty lines, some at once. Ends when the connection does. */
async function* framesOf(answer) {
  let rest = '';
  // Each byte a character: places and types have no others, and nothing has to be put together across pieces.
  answer.setEncoding('latin1');
  for await (const text of answer) {
    const frames = (rest + text).split('\n\n');
    rest = frames.pop();
    yield frames;
  }
}

/** Opens the feed and takes nothing from it. */
export class StoppedReader {
  #asked;
  #how = 'It is still connected.';

  constructor(url) {
    const began = performance.now();
    this.#asked = request(new URL('/feed?after=beginning', url), {
      headers: { accept: 'text/event-stream' },
      agent: false,
    });
    this.#asked.on('error', () => undefined);
    this.#asked.once('response', (answer) => {
      answer.pause();
      answer.on('error', () => undefined);
      answer.socket.once('close', () => {
        this.#how = `It was cut off after ${Math.round((performance.now() - began) / 1_000)} s.`;
      });
    });
    this.#asked.end();
  }

  /** What became of it. */
  end() {
    const how = this.#how;
    this.#asked.destroy();
    return how;
  }
}
