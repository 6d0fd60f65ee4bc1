/** What clients send in a round: each goes on until it has an answer, as a client does whose server may die under it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '@touchstone/readmodel/testing';
import type { Server } from './chaos.children.js';
import { cloudEvent, type CloudEvent } from './chaos.traffic.js';
import { syntheticLog, type SyntheticLog } from './chaos.xes.js';

/** Where requests go; another process after the one before it was killed. */
export type Door = () => Server;

/** What is sent in one round, the same to whichever house; the same seed gives the same plan. */
export interface Plan {
  readonly round: number;
  readonly file: SyntheticLog;
  readonly options: object;
  /** CloudEvents, of which some come twice. */
  readonly lines: readonly CloudEvent[];
  /** Journeys of earlier rounds that turn out to be one: absorbed, survivor. */
  readonly merges: readonly (readonly [string, string])[];
}

/** What was said of an event in the log. */
export interface Claim {
  readonly about: string;
  readonly id?: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: string;
}

/** What the clients were told in a round. */
export interface Told {
  readonly imported: ImportReport;
  /** Outcomes of the lines, once for each event. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly claims: readonly Claim[];
  readonly complaints: readonly string[];
  /** Requests that broke off and were sent again. */
  readonly broken: number;
}

export interface ImportReport {
  readonly status: string;
  readonly resumed: boolean;
  readonly sent: number;
  readonly taken: number;
  readonly known: number;
  readonly quarantined: number;
}

export interface Progress {
  readonly phase: 'read' | 'append';
  readonly done: number;
  readonly total: number;
}

/** Of a file; a multiple of ten. */
export const EVENTS = 300;
const LINES = 60;
/** Of the file: what goes to quarantine. */
const UNZONED = 0.02;
const HTTP = {
  journeyType: 'paired-http',
  kinds: ['contact.call-received', 'work.dispatched', 'crew.arrived', 'supply.restored'],
};
const AGAIN_MS = 100;
/** Between one journey at the desk and the next. */
const DESK_MS = 40;
/** Nobody waits for ever, but everybody longer than a lease. */
const PATIENCE_MS = 120_000;

export const IMPORTED = 'paired';
/** Journeys of people at a desk: their ids are given anew, so no two houses have the same. */
export const DESK = 'paired-desk';

/** `name` is that of the run: its ids are not those of an earlier one in the same log. */
export function planOf(
  { name, seed }: { readonly name: string; readonly seed: number },
  round: number,
  merges: Plan['merges'],
): Plan {
  const random = seeded(seed + round);
  return {
    round,
    file: syntheticLog(seed + round, EVENTS, UNZONED),
    options: {
      journeyType: IMPORTED,
      source: `file ${name} ${round}`,
      unit: 'org:group',
      customer: 'customer',
      personal: ['caller'],
      closes: ['Closed'],
      contacts: ['Reported', 'Called again'],
    },
    lines: Array.from({ length: LINES }, (_, n) => cloudEvent(random, `pair/${name}/${round}`, n, HTTP)),
    merges,
  };
}

export interface Sending {
  /** Told how the import comes along; null: it was answered. */
  readonly hear?: (progress: Progress | null) => void;
  /** People who are at work beside it, for as long as it takes. */
  readonly desks: number;
}

/** Sends all of it at once. */
export async function send(door: Door, plan: Plan, { hear = () => undefined, desks }: Sending): Promise<Told> {
  const clients = new Clients(door);
  let isOver = false;
  const importing = clients.importFile(plan, hear).finally(() => {
    isOver = true;
    hear(null);
  });
  const others = Promise.all([
    clients.stream(plan),
    clients.merge(plan),
    ...Array.from({ length: desks }, () => clients.desk(() => isOver)),
  ]);
  const [imported, [outcomes]] = await Promise.all([importing, others]);
  return { imported, outcomes, ...clients };
}

class Clients {
  readonly claims: Claim[] = [];
  readonly complaints: string[] = [];
  broken = 0;

  constructor(private readonly door: Door) {}

  /** The same file again and again until it is answered. */
  async importFile({ file, options }: Plan, hear: (progress: Progress) => void): Promise<ImportReport> {
    const headers = {
      'content-type': 'application/xml',
      'content-length': String(file.bytes),
      'x-import-options': encodeURIComponent(JSON.stringify(options)),
    };
    return this.untilAnswered('the import', async (server) => {
      let result: ImportReport | undefined;
      await server.post('/imports/xes', headers, file.pieces(), (line) => {
        const said = line as { progress?: Progress; result?: ImportReport; error?: unknown };
        if (said.error) this.complaints.push(`The import was answered ${JSON.stringify(said.error)}.`);
        if (said.progress) hear(said.progress);
        result ??= said.result;
      });
      return result;
    });
  }

  /** Events that had no answer are sent again, and some that had one. */
  async stream({ lines }: Plan): Promise<Record<string, number>> {
    const answers = new Map<string, Record<string, unknown>>();
    const body = async function* (waiting: readonly CloudEvent[]) {
      for (const event of waiting) {
        yield `${JSON.stringify(event)}\n`;
        await sleep(2);
      }
    };
    await this.untilAnswered('the stream', async (server) => {
      const waiting = lines.filter(({ id }, n) => !answers.has(id) || n % 7 === 0);
      await server.post('/events', { 'content-type': 'application/x-ndjson' }, body(waiting), (answer) => {
        const { id, outcome } = answer as { id?: string; outcome?: string };
        if (id === undefined) this.complaints.push(`The stream was answered ${JSON.stringify(answer)}.`);
        else if (outcome === 'taken' || outcome === 'known') {
          this.claim(`line ${id}`, answer);
          // What is sent once more is known, whatever it was before.
          if (!answers.has(id)) answers.set(id, answer);
        } else this.complaints.push(`The line ${id} was answered ${JSON.stringify(answer)}.`);
      });
      return lines.every(({ id }) => answers.has(id)) ? true : undefined;
    });
    const outcomes: Record<string, number> = {};
    for (const answer of answers.values()) {
      const outcome = answer['outcome'] as string;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    return outcomes;
  }

  async merge({ merges }: Plan): Promise<void> {
    for (const [journeyId, survivorId] of merges) {
      const told = await this.untilAnswered(`the merge of ${journeyId}`, (server) =>
        this.command(server, 'mergeJourneys', { journeyId, survivorId, reason: 'The same fault.' }),
      );
      this.claims.push({ about: `merge of ${journeyId}`, stream: `journey-${journeyId}`, ...told, id: undefined });
    }
  }

  /** Journeys with a touchpoint and a note, one after the other; what has no answer is given up. */
  async desk(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const opened = await this.command(this.door(), 'openJourney', { journeyType: DESK });
      if (!opened) {
        await sleep(AGAIN_MS);
        continue;
      }
      const { id: journeyId } = opened;
      const stream = `journey-${journeyId}`;
      this.claims.push({ about: 'openJourney', stream, ...opened, id: undefined });
      const touchpoint = { journeyId, kind: 'crew.arrived', occurredAt: '2026-02-01T08:00:00+08:00' };
      const recorded = await this.command(this.door(), 'recordTouchpoint', touchpoint);
      if (recorded) this.claims.push({ about: 'recordTouchpoint', stream, ...recorded, id: recorded.entryId });
      const noted = await this.command(this.door(), 'addNote', { journeyId, text: 'Rang again.' });
      if (noted) this.claims.push({ about: 'addNote', stream, ...noted, id: undefined });
      await sleep(DESK_MS);
    }
  }

  /** Undefined: the connection broke. */
  private async command(server: Server, name: string, input: object) {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
    const query = `mutation ($i: ${type}!) { ${name}(input: $i) { id entryId revision position } }`;
    const answer = await server.ask(query, { i: input });
    if (answer === null) {
      this.broken++;
      return undefined;
    }
    if (answer.errors) this.complaints.push(`${name} was answered ${JSON.stringify(answer.errors)}.`);
    return answer.data?.[name] as { id: string; entryId: string; revision: number; position: string } | undefined;
  }

  private claim(about: string, answer: Record<string, unknown>): void {
    const { journeyId, touchpointId, revision, position } = answer as Record<string, string> & { revision: number };
    this.claims.push({ about: `${about}, event`, stream: `journey-${journeyId}`, revision, position: position! });
    if (touchpointId === undefined) this.complaints.push(`${about} was answered without an id.`);
  }

  private async untilAnswered<T>(what: string, ask: (server: Server) => Promise<T | undefined>): Promise<T> {
    for (const from = performance.now(); performance.now() - from < PATIENCE_MS; await sleep(AGAIN_MS)) {
      const answer = await ask(this.door());
      if (answer !== undefined) return answer;
      this.broken++;
    }
    throw new Error(`${what} is never answered: ${this.complaints.join(' ')}`);
  }
}
