/**
 * A real EventStoreDB that is killed again and again under 32 callers: nothing that was acknowledged is lost, no repeat
 * doubles anything, and subscriptions go on without a gap. `npm run test:esdb`, with ESDB_SERVER_COMMAND.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog, type EventLog, type NewEvent, type Position, type SharedLog } from '@touchstone/eventing';
import { newId } from '@touchstone/eventing';
import { command, OwnEsdb, url } from './esdb.kit.js';

const CALLERS = 32;
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 20);
const run = newId().slice(-8);

const event = (type = 'ChaosEvent'): NewEvent => ({
  id: newId(),
  type,
  schemaVersion: 1,
  occurredAt: '2024-05-01T08:00:00+08:00',
  recordedAt: new Date().toISOString(),
  data: { run, text: 'x'.repeat(200) },
  metadata: { correlationId: run, actor: { id: 'chaos' } },
});

/** What one caller sent, and what became of it. */
interface Sent {
  readonly stream: string;
  readonly ids: readonly string[];
  answer: { readonly revision: number; readonly position: Position } | null;
}

/** Appends, one after the other, in each way there is: an own stream exactly, a shared one whatever its state, in bulk. */
async function call(log: EventLog, caller: number, stopping: AbortSignal, sent: Sent[]): Promise<void> {
  const own = `chaos-${run}-${caller}`;
  let revision = -1;
  const send = async (stream: string, expected: number | 'any' | 'none', events: NewEvent[]) => {
    const entry: Sent = { stream, ids: events.map(({ id }) => id), answer: null };
    sent.push(entry);
    entry.answer = await log.append(stream, expected, events);
    return entry.answer;
  };
  for (let turn = 0; !stopping.aborted; turn++) {
    const events = Array.from({ length: 1 + (turn % 3) }, () => event(turn % 2 ? 'ChaosOdd' : 'ChaosEven'));
    if (turn % 4 === 3) await send(`chaos-${run}-shared${caller % 4}`, 'any', events);
    else revision = (await send(own, revision < 0 ? 'none' : revision, events)).revision;
  }
}

/** Everything that a subscription gives, in order. */
function subscribe(log: EventLog, after: Position, types: readonly string[] | undefined, signal: AbortSignal) {
  const seen: { readonly id: string; readonly position: Position }[] = [];
  const done = (async () => {
    for await (const message of log.subscribe({ after, types, signal })) {
      if (message.kind === 'events') seen.push(...message.events.map(({ id, position }) => ({ id, position })));
    }
  })();
  return { seen, done };
}

const until = async (holds: () => boolean) => {
  for (let tries = 0; tries < 1_200 && !holds(); tries++) await sleep(25);
  expect(holds()).toBe(true);
};

describe('an EventStoreDB that is killed under its callers', () => {
  if (command === undefined) {
    it('is not tried: ESDB_SERVER_COMMAND names no command that starts one', () => undefined);
    return;
  }
  const server = new OwnEsdb(command);
  let log: SharedLog;
  beforeAll(async () => {
    await server.start();
    log = await openLog({ engine: 'eventstoredb', url, patienceMs: 60_000, timeoutMs: 3_000 });
  }, 60_000);
  afterAll(async () => {
    await log?.close();
    await server.kill();
  });

  it(
    `${ROUNDS} times: nothing is lost, nothing doubled, subscriptions miss nothing`,
    async () => {
      const start = await log.head();
      const [stopCallers, stopReaders] = [new AbortController(), new AbortController()];
      const whole = subscribe(log, start, undefined, stopReaders.signal);
      const odd = subscribe(log, start, ['ChaosOdd'], stopReaders.signal);
      const sent: Sent[] = [];
      const callers = Array.from({ length: CALLERS }, (_, i) => call(log, i, stopCallers.signal, sent));
      const answered = () => sent.filter((s) => s.answer !== null).length;
      for (let round = 0; round < ROUNDS; round++) {
        const before = answered();
        await until(() => answered() > before + CALLERS);
        await sleep(300 + Math.random() * 700);
        await server.kill();
        await server.start();
      }
      stopCallers.abort();
      await Promise.all(callers);
      expect(sent.every((s) => s.answer !== null)).toBe(true);

      const stored: { id: string; type: string; stream: string; revision: number; position: Position }[] = [];
      for await (const page of log.readAll({ after: start })) stored.push(...page);
      const ids = stored.map(({ id }) => id);
      expect(ids).toHaveLength(new Set(ids).size);
      expect(new Set(ids)).toEqual(new Set(sent.flatMap((s) => s.ids)));
      const placed = new Map(stored.map((e) => [e.id, e]));
      for (const { ids: batch, stream, answer } of sent) {
        const at = batch.map((id) => placed.get(id)!);
        expect(at.map((e) => [e.stream, e.revision])).toEqual(
          batch.map((_, i) => [stream, answer!.revision - batch.length + 1 + i]),
        );
        expect(at.at(-1)!.position).toBe(answer!.position);
      }

      await until(() => whole.seen.length >= stored.length);
      const oddIds = stored.filter((e) => e.type === 'ChaosOdd').map(({ id }) => id);
      await until(() => odd.seen.length >= oddIds.length);
      stopReaders.abort();
      await Promise.all([whole.done, odd.done]);
      expect(whole.seen.map(({ id }) => id)).toEqual(ids);
      expect(odd.seen.map(({ id }) => id)).toEqual(oddIds);
      process.stdout.write(`${ROUNDS} kills, ${sent.length} appends of ${ids.length} events\n`);
    },
    ROUNDS * 30_000,
  );
});
