import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '@touchstone/readmodel/testing';
import type { Server } from './chaos.children.js';
import type { Ledger } from './chaos.ledger.js';

/** What clients send to a server that is about to end: streams of CloudEvents and single commands at the same time. */
const STREAMS = 2;
const CLIENTS = 4;
const LINES = 100_000;
const KINDS = ['work.dispatched', 'crew.arrived', 'supply.restored'];

interface Told {
  readonly id: string;
  readonly entryId: string | null;
  readonly revision: number;
  readonly position: string;
}

/** How the clients are told of the end. */
export interface Ending {
  /** They send no more. */
  readonly enough: boolean;
  /** The server may refuse from now on. */
  readonly expected: boolean;
}

/** Sends until the server answers no more or it is enough; what was answered goes into the ledger. */
export async function traffic(server: Server, seed: number, ledger: Ledger, ending: Ending): Promise<void> {
  const streams = Array.from({ length: STREAMS }, (_, n) => stream(server, seed + n, ledger, ending));
  const clients = Array.from({ length: CLIENTS }, (_, n) => client(server, seed + STREAMS + n, ledger, ending));
  await Promise.all([...streams, ...clients]);
}

async function stream(server: Server, seed: number, ledger: Ledger, ending: Ending): Promise<void> {
  const random = seeded(seed);
  const source = `chaos/${randomUUID()}`;
  const sent = new Map<string, CloudEvent>();
  async function* lines() {
    for (let n = 0; n < LINES && !ending.enough; n++) {
      const event = cloudEvent(random, source, n);
      sent.set(event.id, event);
      // Some come twice, and some cannot be read.
      yield `${JSON.stringify(event)}\n${random() < 0.1 ? `${JSON.stringify(event)}\n` : ''}`;
      if (random() < 0.05) yield `{"specversion":"1.0","id":"bad-${n}","source":"${source}/bad-${n}"}\n`;
      await sleep(random() * 4);
    }
  }
  await server.post('/events', { 'content-type': 'application/x-ndjson' }, lines(), (answer) => {
    const { id, outcome, line } = answer as { id: string | null; outcome?: string; line?: number };
    const key = `${source} line ${line}`;
    if (outcome === 'quarantined') ledger.quarantined.push(`${source}/${id}`);
    else if (outcome === 'taken' || outcome === 'known') ledger.claims.push(...claimsOf(key, sent.get(id!)!, answer));
    else if (!ending.expected) ledger.complaints.push(`${key} was answered ${JSON.stringify(answer)}.`);
  });
}

export interface CloudEvent {
  readonly id: string;
  readonly time: string;
  readonly data: {
    readonly journey: object;
    readonly customer: object;
    readonly kind: string;
    readonly unit: string;
    readonly attributes: object;
    readonly personal: object;
  };
}

/** The `n`th event of a source, of which every five are of one journey. */
export function cloudEvent(
  random: () => number,
  source: string,
  n: number,
  { journeyType = 'chaos-http', kinds = KINDS } = {},
): CloudEvent & Record<string, unknown> {
  const journey = Math.floor(n / 5);
  return {
    specversion: '1.0',
    id: `e-${n}`,
    source,
    type: 'touchpoint.recorded',
    time: new Date(Date.parse('2026-02-01T00:00:00Z') + Math.floor(random() * 1e9)).toISOString(),
    sequence: String(n % 5),
    data: {
      journey: { type: journeyType, key: `${source}/${journey}` },
      customer: { type: 'phone', value: `+86 139 ${Math.floor(random() * 200)}` },
      kind: kinds[Math.floor(random() * kinds.length)]!,
      unit: `unit-${Math.floor(random() * 5)}`,
      attributes: { n },
      personal: { caller: `someone ${n}`, words: '停电三小时' },
    },
  };
}

function claimsOf(key: string, { time, data }: CloudEvent, answer: Record<string, unknown>) {
  const { journeyId, touchpointId, revision, position } = answer as Record<string, string> & { revision: number };
  const { kind, unit, attributes, personal } = data;
  const stream = `journey-${journeyId}`;
  const fields = { kind, unit, attributes };
  return [
    { key, id: touchpointId!, stream, type: 'TouchpointRecorded', occurredAt: time, fields, opened: { personal } },
    { key, position: position!, stream, revision },
  ];
}

/** One client: a customer, then journeys with a touchpoint, a correction, a note and a closing, over and over. */
async function client(server: Server, seed: number, ledger: Ledger, ending: Ending): Promise<void> {
  const random = seeded(seed);
  const phone = `+86 137 ${Math.floor(random() * 1e6)}`;
  const identifiers = [{ type: 'phone', value: phone }];
  const command = async (
    name: string,
    input: object,
    stream: string,
    type?: string,
    opened?: Record<string, unknown>,
  ) => {
    const title = name[0]!.toUpperCase() + name.slice(1);
    const query = `mutation ($input: ${title}Input!) { ${name}(input: $input) { id entryId revision position } }`;
    const answer = await server.ask(query, { input });
    const told = answer?.data?.[name] as Told | undefined;
    if (told) {
      const { id, revision, position } = told;
      ledger.claims.push({ key: `${name} ${id}`, stream: `${stream}-${id}`, revision, position, type, opened });
      return told;
    }
    if (answer && !ending.expected) ledger.complaints.push(`${name} was answered ${JSON.stringify(answer)}.`);
    return null;
  };
  // A customer who is known already answers with where they stand, which may be a later event.
  if (!(await command('registerCustomer', { identifiers, name: 'Somebody', phone }, 'customer'))) return;
  while (!ending.enough) {
    const journey = await command('openJourney', { journeyType: 'chaos-http' }, 'journey', 'JourneyOpened');
    if (!journey) return;
    const journeyId = journey.id;
    const note = { text: `note ${Math.floor(random() * 1e6)}` };
    const personal = { caller: `caller ${Math.floor(random() * 1e6)}` };
    const touchpoint = { journeyId, kind: 'crew.arrived', occurredAt: '2026-02-01T08:00:00+08:00', personal };
    const recorded = await command('recordTouchpoint', touchpoint, 'journey', 'TouchpointRecorded', { personal });
    if (!recorded) return;
    const correction = { journeyId, touchpointId: recorded.entryId, reason: 'wrong unit', unit: 'unit-9' };
    if (!(await command('correctTouchpoint', correction, 'journey', 'TouchpointCorrected', { personal }))) return;
    if (!(await command('addNote', { journeyId, ...note }, 'journey', 'NoteAdded', note))) return;
    if (!(await command('closeJourney', { journeyId, reason: 'done' }, 'journey', 'JourneyClosed'))) return;
  }
}
