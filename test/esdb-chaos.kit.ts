/** Callers and subscribers of a log whose server is taken away again and again, and the count of what came of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { newId, type EventLog, type NewEvent, type Position } from '@touchstone/eventing';

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

export const until = async (holds: () => boolean) => {
  for (let tries = 0; tries < 1_200 && !holds(); tries++) await sleep(25);
  expect(holds()).toBe(true);
};

/**
 * Lets callers append and subscribers follow while `trouble` does its worst, then counts: every append was acknowledged,
 * each of its events is there once and where the answer said, and the subscribers saw all of them in the order of the log.
 * @param trouble is given how many appends have been acknowledged so far
 */
export async function endure(
  log: EventLog,
  callers: number,
  trouble: (answered: () => number) => Promise<void>,
): Promise<string> {
  const start = await log.head();
  const [stopCallers, stopReaders] = [new AbortController(), new AbortController()];
  const whole = subscribe(log, start, undefined, stopReaders.signal);
  const odd = subscribe(log, start, ['ChaosOdd'], stopReaders.signal);
  const sent: Sent[] = [];
  const calling = Array.from({ length: callers }, (_, i) => call(log, i, stopCallers.signal, sent));
  await trouble(() => sent.filter((s) => s.answer !== null).length);
  stopCallers.abort();
  await Promise.all(calling);
  expect(sent.every((s) => s.answer !== null)).toBe(true);

  const stored: { id: string; type: string; stream: string; revision: number; position: Position }[] = [];
  for await (const page of log.readAll({ after: start, streams: [`chaos-${run}-`] })) stored.push(...page);
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

  const oddIds = stored.filter((e) => e.type === 'ChaosOdd').map(({ id }) => id);
  await until(() => whole.seen.length >= ids.length && odd.seen.length >= oddIds.length);
  stopReaders.abort();
  await Promise.all([whole.done, odd.done]);
  expect(whole.seen.map(({ id }) => id)).toEqual(ids);
  expect(odd.seen.map(({ id }) => id)).toEqual(oddIds);
  return `${sent.length} appends of ${ids.length} events`;
}
