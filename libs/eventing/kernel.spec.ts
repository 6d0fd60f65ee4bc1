import { clockAt } from './clock.js';
import { command } from './command.js';
import { decider, type Decide } from './decider.js';
import { refuse, TouchstoneError } from './errors.js';
import { event, type EventOf } from './event-definition.js';
import type { AppendRequest, EventLog } from './event-log.js';
import { isInstant } from './instant.js';
import { Kernel } from './kernel.js';
import { openMemoryLog } from './memory-log.js';
import { EventRegistry } from './registry.js';
import { t } from './schema.js';
import type { Vault } from './vault.js';

const Added = event('Added', t.object({ amount: t.integer(), memo: t.optional(t.personal(t.text())) }));
type Counter = { total: number; ids: Set<string> };
class Add extends command<{
  counter: string;
  amount: number;
  id?: string;
  memo?: string;
  expectedRevision?: number;
}>() {}
class Unheard extends command<{ counter: string }>() {}

const add: Decide<Add, Counter> = ({ amount, id, memo, counter }, state, { newId }) => {
  const eventId = id ?? newId();
  if (state.ids.has(eventId)) return [];
  if (state.total + amount < 0) refuse('TOO_LITTLE', 'There is not enough; add some first.');
  return [Added({ amount, ...(memo !== undefined && { memo }) }, { id: eventId, subject: `counter:${counter}` })];
};
const counterDecider = decider<Counter, EventOf<typeof Added>>(
  {
    name: 'counter',
    stream: (id) => `counter-${id}`,
    initial: () => ({ total: 0, ids: new Set() }),
    evolve: (state, e) => ({ total: state.total + e.data.amount, ids: state.ids.add(e.id) }),
  },
  (on) => [on(Add, (c) => (c.counter === '' ? refuse('NAMELESS', 'Name the counter.') : c.counter), add)],
);

const now = '2024-05-01T08:00:00.000Z';
const uuid = (n: number) => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

/** Seals to something that is visibly not the value; the real vault has its own tests. */
const vault: Vault = {
  ensureKeys: () => Promise.resolve(),
  seal: (subject, id, field, value) => `sealed ${subject} ${id} ${field} ${String(value).length}`,
  open: () => 'opened',
  lookupHash: (type, value) => type + value.length,
  isForgotten: () => false,
  destroy: () => Promise.resolve([]),
  close: () => Promise.resolve(),
} as Partial<Vault> as Vault;

describe('the kernel', () => {
  let log: EventLog;
  const kernelOn = (over: EventLog) =>
    new Kernel({ log: over, vault, clock: clockAt(now, { still: true }), registry: new EventRegistry([Added]) });
  const besideOthers = () =>
    new Kernel({
      log,
      vault,
      clock: clockAt(now, { still: true }),
      registry: new EventRegistry([Added]),
      othersRecord: true,
    });
  const work = (c: object) => ({ decider: counterDecider as never, command: c });
  const events = async (stream: string) => {
    const found = [];
    for await (const e of log.readStream(stream)) found.push(e);
    return found;
  };

  beforeEach(() => {
    log = openMemoryLog();
  });
  afterEach(() => log.close());

  it('decides again for a stream that was begun after the log had been asked which are new', async () => {
    const first = kernelOn(log);
    await first.execute(counterDecider, new Add({ counter: '3', amount: 5 }));
    let asked = 0;
    const late: EventLog = Object.create(log, {
      // As it was before the stream began; whoever asks again hears how it is now.
      absent: {
        value: (streams: readonly string[]) =>
          asked++ === 0 ? Promise.resolve(new Set(streams)) : log.absent!(streams),
      },
    }) as EventLog;
    const all = Array.from({ length: 20 }, (_, n) => work(new Add({ counter: String(n), amount: -2 + (n % 2) * 4 })));
    const outcomes = await kernelOn(late).executeMany(all);
    expect(asked).toBe(1);
    expect(outcomes.map((o) => (o.ok ? o.done.revision : (o.error as TouchstoneError).code))).toEqual(
      all.map((_, n) => (n === 3 ? 1 : n % 2 ? 0 : 'TOO_LITTLE')),
    );
    expect((await events('counter-3')).map((e) => (e.data as { amount: number }).amount)).toEqual([5, 2]);
  });

  it('loads, decides, appends, and stamps what the decision left open', async () => {
    const kernel = kernelOn(log);
    const context = { actor: { id: 'ann', role: 'agent' }, correlationId: 'c-1', causationId: 'cause' };
    const done = await kernel.execute(counterDecider, new Add({ counter: 'a', amount: 2 }), { context });
    expect(done).toMatchObject({ id: 'a', stream: 'counter-a', revision: 0, state: { total: 2 } });
    const [stored] = await events('counter-a');
    expect(stored).toMatchObject({
      type: 'Added',
      revision: 0,
      occurredAt: now,
      recordedAt: now,
      position: done.position,
      metadata: { actor: context.actor, correlationId: 'c-1', causationId: 'cause', subject: 'counter:a' },
    });
  });

  it('answers a repeat with the end of the stream and writes nothing', async () => {
    const kernel = kernelOn(log);
    const first = await kernel.execute(counterDecider, new Add({ counter: 'a', amount: 2, id: uuid(1) }));
    const again = await kernelOn(log).execute(counterDecider, new Add({ counter: 'a', amount: 2, id: uuid(1) }));
    expect(again).toMatchObject({ revision: first.revision, position: first.position, events: [] });
    expect(await events('counter-a')).toHaveLength(1);
  });

  it('seals personal fields before the log sees them, and keeps no readable copy in what it answers', async () => {
    const done = await kernelOn(log).execute(
      counterDecider,
      new Add({ counter: 'a', amount: 1, memo: 'secret', id: uuid(1) }),
    );
    expect((await events('counter-a'))[0]!.data).toEqual({ amount: 1, memo: `sealed counter:a ${uuid(1)} memo 6` });
    expect(JSON.stringify(done.events)).not.toContain('secret');
  });

  it('decides a chunk in order, stream by stream; a refusal fails alone', async () => {
    const outcomes = await kernelOn(log).executeMany([
      work(new Add({ counter: 'a', amount: 3 })),
      work(new Add({ counter: 'b', amount: -1 })),
      work(new Add({ counter: 'a', amount: -2 })),
      work(new Add({ counter: 'a', amount: -2 })),
      work(new Unheard({ counter: 'a' })),
      work(new Add({ counter: '', amount: 1 })),
    ]);
    expect(outcomes.map((o) => (o.ok ? o.done.revision : (o.error as TouchstoneError).code))).toEqual([
      1,
      'TOO_LITTLE',
      1,
      'TOO_LITTLE',
      'COMMAND_UNKNOWN',
      'NAMELESS',
    ]);
    expect((await events('counter-a')).map((e) => (e.data as { amount: number }).amount)).toEqual([3, -2]);
    expect(await events('counter-b')).toEqual([]);
  });

  it('decides again what met a conflict: two kernels, one stream, nothing lost and no rule broken', async () => {
    const kernels = [kernelOn(log), kernelOn(log), kernelOn(log)];
    await kernels[0]!.execute(counterDecider, new Add({ counter: 'a', amount: 20 }));
    const attempts = Array.from({ length: 30 }, (_, i) =>
      kernels[i % 3]!.execute(counterDecider, new Add({ counter: 'a', amount: -1 })),
    );
    const settled = await Promise.allSettled(attempts);
    const codes = settled.flatMap((s) => (s.status === 'rejected' ? [(s.reason as TouchstoneError).code] : []));
    expect(codes).toEqual(Array(10).fill('TOO_LITTLE'));
    const amounts = (await events('counter-a')).map((e) => (e.data as { amount: number }).amount);
    expect(amounts.reduce((a, b) => a + b)).toBe(0);
  });

  it('refuses a command that saw the stream elsewhere, and does not decide it again behind its back', async () => {
    const kernel = kernelOn(log);
    await kernel.execute(counterDecider, new Add({ counter: 'a', amount: 1, expectedRevision: -1 }));
    const stale = kernel.execute(counterDecider, new Add({ counter: 'a', amount: 1, expectedRevision: -1 }));
    await expect(stale).rejects.toMatchObject({
      code: 'WRONG_EXPECTED_REVISION',
      kind: 'conflict',
      details: { expected: -1, actual: 0 },
    });
    expect(await events('counter-a')).toHaveLength(1);
  });

  it('forgets what it folded when the log did not take it', async () => {
    let fail = true;
    const failing: EventLog = Object.assign(Object.create(log) as EventLog, {
      appendMany: (requests: readonly AppendRequest[]) =>
        fail ? Promise.reject(new TouchstoneError('LOG_BUSY', 'Later.', 'busy')) : log.appendMany(requests),
    });
    const kernel = kernelOn(failing);
    await expect(kernel.execute(counterDecider, new Add({ counter: 'a', amount: 5 }))).rejects.toMatchObject({
      code: 'LOG_BUSY',
    });
    fail = false;
    await expect(kernel.execute(counterDecider, new Add({ counter: 'a', amount: -5 }))).rejects.toMatchObject({
      code: 'TOO_LITTLE',
    });
    expect((await kernel.execute(counterDecider, new Add({ counter: 'a', amount: 1 }))).state.total).toBe(1);
  });

  it('answers a repeat as done, though its sender expected another revision', async () => {
    const kernel = kernelOn(log);
    const once = new Add({ counter: 'a', amount: 1, id: uuid(1), expectedRevision: -1 });
    await kernel.execute(counterDecider, once);
    expect(await kernel.execute(counterDecider, once)).toMatchObject({ revision: 0, events: [] });
  });

  it('fails only the stream that cannot be read, or whose event the log refuses', async () => {
    const metadata = { correlationId: 'c', actor: { id: 'a' } };
    const event = {
      id: uuid(7),
      type: 'FromTomorrow',
      schemaVersion: 1,
      occurredAt: now,
      recordedAt: now,
      data: {},
      metadata,
    };
    await log.append('counter-bad', 'none', [event]);
    const outcomes = await kernelOn(log).executeMany([
      work(new Add({ counter: 'bad', amount: 1 })),
      work(new Add({ counter: 'good', amount: 1 })),
      work(new Add({ counter: 'good', amount: 1, id: 'no-uuid' })),
      work(new Add({ counter: 'good', amount: 1 })),
    ]);
    expect(outcomes.map((o) => (o.ok ? 'ok' : (o.error as TouchstoneError).code))).toEqual([
      'EVENT_TYPE_UNKNOWN',
      'ok',
      'INVALID_EVENT_ID',
      'ok',
    ]);
    expect(await events('counter-good')).toHaveLength(2);
  });

  it('looks at a stream without changing it', async () => {
    const kernel = kernelOn(log);
    expect(await kernel.look(counterDecider, 'a')).toMatchObject({ revision: -1, state: { total: 0 } });
    await kernel.execute(counterDecider, new Add({ counter: 'a', amount: 4 }));
    expect(await kernel.look(counterDecider, 'a')).toMatchObject({ revision: 0, state: { total: 4 } });
  });

  it('refuses nothing, and takes nothing for done, by what it remembers of a stream that others append to', async () => {
    const [here, there] = [besideOthers(), besideOthers()];
    await here.execute(counterDecider, new Add({ counter: 'x', amount: 1 }));
    await there.execute(counterDecider, new Add({ counter: 'x', amount: 5 }));
    // By what is remembered here that is too much.
    expect(await here.execute(counterDecider, new Add({ counter: 'x', amount: -6 }))).toMatchObject({ revision: 2 });
    // There it is not known that nothing is left.
    await expect(there.execute(counterDecider, new Add({ counter: 'x', amount: -1 }))).rejects.toMatchObject({
      code: 'TOO_LITTLE',
    });
    const seen = { counter: 'x', amount: 2, expectedRevision: 3 };
    await here.execute(counterDecider, new Add({ counter: 'x', amount: 3 }));
    expect(await there.execute(counterDecider, new Add(seen))).toMatchObject({ revision: 4 });
    // Of several commands none is decided by what was.
    const outcomes = await here.executeMany([-5, 1].map((amount) => work(new Add({ counter: 'x', amount }))));
    expect(outcomes).toMatchObject([{ ok: true }, { ok: true }]);
    expect(await there.look(counterDecider, 'x')).toMatchObject({ revision: 6, state: { total: 1 } });
    expect((await events('counter-x')).map(({ data }) => (data as { amount: number }).amount)).toEqual([1, 5, -6, 3, 2, -5, 1]); // prettier-ignore
  });

  it('refuses data that does not fit its schema, and leaves the log as it was', async () => {
    const wrong = kernelOn(log).execute(counterDecider, new Add({ counter: 'a', amount: 0.5 }));
    await expect(wrong).rejects.toMatchObject({ code: 'EVENT_INVALID', kind: 'invalid' });
    expect(await events('counter-a')).toEqual([]);
  });
});

describe('the registry', () => {
  const recorded = {
    id: uuid(1),
    stream: 's',
    revision: 0,
    position: '0',
    occurredAt: now,
    recordedAt: now,
    metadata: { correlationId: 'c', actor: { id: 'a' } },
  };

  it('lifts older versions step by step and checks the result', () => {
    const V3 = event('Grown', t.object({ metres: t.number(), unit: t.code() }), {
      version: 3,
      upcasters: {
        1: (d: { feet: number }) => ({ metres: d.feet * 0.3048 }),
        2: (d: { metres: number }) => ({ ...d, unit: 'm' }),
      },
    });
    const registry = new EventRegistry([V3]);
    expect(registry.read({ ...recorded, type: 'Grown', schemaVersion: 1, data: { feet: 10 } })).toMatchObject({
      schemaVersion: 3,
      data: { metres: 3.048, unit: 'm' },
    });
    expect(() =>
      registry.read({ ...recorded, type: 'Grown', schemaVersion: 3, data: { metres: 'x', unit: 'm' } }),
    ).toThrow(/does not have its shape/);
    expect(() => registry.read({ ...recorded, type: 'Grown', schemaVersion: 4, data: {} })).toThrow(/upgrade/);
    expect(() => registry.read({ ...recorded, type: 'Shrunk', schemaVersion: 1, data: {} })).toThrow(/No event type/);
  });

  it('refuses a personal mark that would be passed over', () =>
    expect(() => event('Nested', t.object({ who: t.object({ phone: t.personal(t.text()) }) }))).toThrow(
      /mark the whole field who/,
    ));

  it('knows no 30th of February', () => {
    expect(isInstant('2024-02-29T00:00:00Z')).toBe(true);
    expect(isInstant('2024-02-30T00:00:00Z')).toBe(false);
    expect(isInstant('2023-02-29T00:00:00+08:00')).toBe(false);
  });

  it('refuses two definitions of one name', () =>
    expect(() => new EventRegistry([Added, Added])).toThrow(/defined twice/));
});
