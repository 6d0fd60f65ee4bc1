/// <reference types="jest" />
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventFilter, Subscribe } from './event-log.js';
import { anEvent, collect, events, failsWith, Follower, idsOf, type Bench } from './event-log.contract.kit.js';

/** Far more than any engine's number of events between two checkpoints. */
const MANY = 3_000;

export function subscribeCases(bench: Bench): void {
  const stream = () => bench.name('stream');
  const add = (count: number, type = 'ContractEvent', to = stream()) => {
    const list = events(count, () => ({ type }));
    return bench.log.append(to, 'any', list).then(() => list);
  };
  const followers: Follower[] = [];
  const follow = (options: Subscribe, pace?: () => Promise<void>) => {
    const follower = new Follower(bench.log, options, pace);
    followers.push(follower);
    return follower;
  };
  afterEach(async () => {
    await Promise.all(followers.splice(0).map((f) => f.close()));
  });

  it('catches up, says so, then follows', async () => {
    const after = await bench.log.head();
    const old = await add(5);
    const follower = follow({ after });
    await follower.untilCaughtUp();
    expect(idsOf(follower.events)).toEqual(idsOf(old));
    const fresh = [...(await add(2)), ...(await add(3))];
    await follower.untilEvents(10);
    expect(idsOf(follower.events)).toEqual(idsOf([...old, ...fresh]));
  });

  it('says caughtUp at once when there is nothing to catch up with', async () => {
    await add(3);
    const after = await bench.log.head();
    const follower = follow({ after });
    await follower.untilCaughtUp();
    expect(follower.messages).toEqual([{ kind: 'caughtUp', position: after }]);
  });

  it('says caughtUp once before it goes live, with the position it has reached', async () => {
    const after = await bench.log.head();
    await add(25);
    const follower = follow({ after, pageSize: 10 });
    await follower.untilCaughtUp();
    expect(follower.kinds().filter((k) => k !== 'checkpoint')).toEqual(['events', 'events', 'events', 'caughtUp']);
    expect(follower.position).toBe(follower.events.at(-1)!.position);
    await add(1);
    await follower.untilEvents(26);
    expect(follower.kinds().filter((k) => k === 'caughtUp')).toHaveLength(1);
  });

  it('resumes behind each position', async () => {
    const start = await bench.log.head();
    const list = await add(6);
    const positions = [start, ...(await collect(bench.log.readStream(stream()))).map((e) => e.position)];
    for (const [i, after] of positions.entries()) {
      const follower = follow({ after });
      await follower.untilCaughtUp();
      expect(idsOf(follower.events)).toEqual(idsOf(list.slice(i)));
    }
  });

  it('without a position begins at the beginning', async () => {
    const list = await add(4, bench.name('Own'));
    const follower = follow({ types: [bench.name('Own')] });
    await follower.untilEvents(4);
    expect(idsOf(follower.events)).toEqual(idsOf(list));
  });

  it.each<[string, () => EventFilter]>([
    ['types', () => ({ types: [bench.name('B'), bench.name('C')] })],
    ['streams', () => ({ streams: [bench.name('right')] })],
    ['both', () => ({ types: [bench.name('B'), bench.name('C')], streams: [bench.name('right')] })],
  ])('filters by %s, both while it catches up and live', async (_, filter) => {
    const after = await bench.log.head();
    const round = async () => {
      for (const type of ['A', 'B', 'C'].map(bench.name)) {
        for (const to of ['left', 'right'].map(bench.name)) await add(2, type, to);
      }
    };
    await round();
    const follower = follow({ after, ...filter() });
    await follower.untilCaughtUp();
    await round();
    const expected = (await collect(bench.log.readAll({ after, ...filter() }))).flat();
    expect(expected.length).toBeGreaterThan(0);
    await follower.untilEvents(expected.length);
    expect(follower.events).toEqual(expected);
  });

  it('pages are no larger than asked for', async () => {
    const after = await bench.log.head();
    await add(50);
    const follower = follow({ after, pageSize: 7 });
    await follower.untilCaughtUp();
    const sizes = follower.messages.map((m) => (m.kind === 'events' ? m.events.length : 0));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
    expect(follower.events).toHaveLength(50);
  });

  it('tells how far it has come where a filter passes over many events, while it catches up', async () => {
    const after = await bench.log.head();
    await add(MANY);
    const head = await bench.log.head();
    const follower = follow({ after, types: [bench.name('Nothing')] });
    await follower.untilCaughtUp();
    expect(follower.events).toEqual([]);
    expect(bench.log.comparePositions(follower.position!, head)).toBeGreaterThanOrEqual(0);
  });

  it('tells how far it has come where a filter passes over many events, live', async () => {
    const after = await bench.log.head();
    const follower = follow({ after, streams: [bench.name('nothing')] });
    await follower.untilCaughtUp();
    const caughtUpAt = follower.position!;
    await add(MANY);
    await follower.until((f) => f.kinds().includes('checkpoint'), 'a checkpoint');
    expect(bench.log.comparePositions(follower.position!, caughtUpAt)).toBeGreaterThan(0);
    // Reading on from a checkpoint gives what comes behind it.
    const [wanted] = await add(1, 'ContractEvent', bench.name('nothing'));
    const resumed = follow({ after: follower.position, streams: [bench.name('nothing')] });
    await resumed.untilEvents(1);
    expect(idsOf(resumed.events)).toEqual([wanted!.id]);
  });

  it('ends when it is aborted while it waits', async () => {
    const follower = follow({ after: await bench.log.head() });
    await follower.untilCaughtUp();
    await follower.close();
    expect(follower.ended).toBe(true);
    await add(1);
    expect(follower.events).toEqual([]);
  });

  it('gives nothing when it was aborted before it began', async () => {
    await add(3);
    expect(await collect(bench.log.subscribe({ signal: AbortSignal.abort() }))).toEqual([]);
  });

  it('ends in the middle when it is aborted there', async () => {
    const after = await bench.log.head();
    await add(40);
    const stop = new AbortController();
    let seen = 0;
    for await (const message of bench.log.subscribe({ after, pageSize: 10, signal: stop.signal })) {
      if (message.kind === 'events') seen += message.events.length;
      stop.abort();
    }
    expect(seen).toBeLessThanOrEqual(10);
  });

  it('may be left by its consumer, and the log goes on', async () => {
    const after = await bench.log.head();
    await add(20);
    for await (const message of bench.log.subscribe({ after, pageSize: 5 })) if (message.kind === 'events') break;
    expect(await add(1)).toHaveLength(1);
  });

  it('ends when the log is closed', async () => {
    const waiting = follow({ after: await bench.log.head() });
    await waiting.untilCaughtUp();
    await bench.log.close();
    await waiting.end();
    expect(waiting.ended).toBe(true);
  });

  it('gives two subscribers the same, each at its own place', async () => {
    const start = await bench.log.head();
    const list = await add(10);
    const [, , third] = await collect(bench.log.readStream(stream()));
    const whole = follow({ after: start });
    const part = follow({ after: third!.position, pageSize: 2 });
    await Promise.all([whole.untilCaughtUp(), part.untilCaughtUp()]);
    const fresh = await add(4);
    await Promise.all([whole.untilEvents(14), part.untilEvents(11)]);
    expect(idsOf(whole.events)).toEqual(idsOf([...list, ...fresh]));
    expect(idsOf(part.events)).toEqual(idsOf([...list.slice(3), ...fresh]));
  });

  it('waits for a slow consumer, which misses nothing and holds nobody up', async () => {
    const after = await bench.log.head();
    const slow = follow({ after, pageSize: 20 }, () => sleep(15));
    const quick = follow({ after });
    const list = [];
    for (let i = 0; i < 20; i++) list.push(...(await add(10)));
    await quick.untilEvents(200);
    expect(slow.events.length).toBeLessThanOrEqual(200);
    await slow.untilEvents(200);
    expect(idsOf(slow.events)).toEqual(idsOf(list));
    expect(idsOf(quick.events)).toEqual(idsOf(list));
  });

  it('gives many small live appends one after the other, in order', async () => {
    const follower = follow({ after: await bench.log.head() });
    await follower.untilCaughtUp();
    const list = [];
    for (let i = 0; i < 60; i++) list.push(...(await add(1)));
    await follower.untilEvents(60);
    expect(idsOf(follower.events)).toEqual(idsOf(list));
    expect(follower.messages.every((m) => m.kind !== 'events' || m.events.length > 0)).toBe(true);
  });

  it('refuses a page size of nothing', () => failsWith(collect(bench.log.subscribe({ pageSize: 0 })), 'INVALID_READ'));

  it('gives each reader objects of its own', async () => {
    const after = await bench.log.head();
    await bench.log.append(stream(), 'none', [anEvent({ data: { list: [1] } })]);
    const [one] = (await collect(bench.log.readAll({ after }))).flat();
    (one!.data as { list: number[] }).list.push(2);
    const [other] = (await collect(bench.log.readAll({ after }))).flat();
    expect(other!.data).toEqual({ list: [1] });
  });
}
