import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLog, Subscribe } from './event-log.js';
import { anEvent, collect, collectPages, events, failsWith, Follower, idsOf } from './event-log.contract.kit.js';
import { openEsdbLog, type EsdbLogOptions } from './esdb-log.js';
import { FaultyEsdb } from './esdb-server.spec-kit.js';
import { EsdbStore } from './esdb-store.spec-kit.js';

/** What goes wrong between Touchstone and its EventStoreDB. Each case was seen to fail without what guards against it. */
describe('the log on EventStoreDB, when things go wrong', () => {
  let server: FaultyEsdb;
  let log: EventLog;
  const followers: Follower[] = [];
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  const open = async (options: Partial<EsdbLogOptions> = {}) => {
    await log?.close();
    return (log = await openEsdbLog({
      url: server.url,
      timeoutMs: 250,
      patienceMs: 5_000,
      readPatienceMs: 5_000,
      quietMs: 60,
      ...options,
    }));
  };
  const follow = (options: Subscribe = {}, pace?: () => Promise<void>) => {
    const follower = new Follower(log, options, pace);
    followers.push(follower);
    return follower;
  };
  const read = async (stream = 's') => idsOf(await collect(log.readStream(stream)));

  beforeEach(async () => {
    process.on('uncaughtException', note).on('unhandledRejection', note);
    server = await FaultyEsdb.start();
    await open();
  });
  afterEach(async () => {
    await Promise.all(followers.splice(0).map((f) => f.close()));
    await log.close();
    await server.down();
    await server.leader?.down();
    process.off('uncaughtException', note).off('unhandledRejection', note);
    expect(uncaught.splice(0)).toEqual([]);
  });

  describe('appends', () => {
    const seen = () => server.arrived.map(({ ids, expected }) => ({ ids, expected }));

    it.each([
      ['is lost', { kind: 'lost' }],
      ['is written but never answered', { kind: 'unanswered' }],
      ['breaks its call before it is written', { kind: 'broken', written: false }],
      ['breaks its call after it was written', { kind: 'broken', written: true }],
    ] as const)('one that %s is repeated with its ids and its original expectation', async (_, fault) => {
      await log.append('s', 'none', events(2));
      const batch = events(2);
      server.appendFaults.push(fault);
      expect(await log.append('s', 1, batch)).toMatchObject({ revision: 3 });
      expect(seen().slice(1)).toEqual([1, 2].map(() => ({ ids: idsOf(batch), expected: 1 })));
      expect(await read()).toHaveLength(4);
    });

    it('an answer that comes after its time-out hurts nobody, and is not taken for another one', async () => {
      const [slow, quick] = [events(1), events(3)];
      server.appendFaults.push({ kind: 'late', ms: 400 });
      const appending = log.append('s', 'none', slow);
      // Answers come all the while, so that the call is not given up.
      for (let i = 0; i < 20; i++) {
        await log.append(`other${i}`, 'none', quick);
        await sleep(25);
      }
      expect(await appending).toMatchObject({ revision: 0 });
      expect(server.opened.appends).toBe(1);
      expect(await read()).toEqual(idsOf(slow));
    });

    it('a call without a word is given up, and what else waited on it is repeated on a new one', async () => {
      server.appendFaults.push({ kind: 'unanswered' }, { kind: 'lost' }, { kind: 'lost' });
      const answers = await Promise.all(['a', 'b', 'c'].map((stream) => log.append(stream, 'none', events(1))));
      expect(answers.map((a) => a.revision)).toEqual([0, 0, 0]);
      expect(server.opened.appends).toBe(2);
    });

    it('a broken call takes only its own appends with it', async () => {
      server.appendFaults.push({ kind: 'late', ms: 60 }, { kind: 'broken', written: true });
      const [first, second] = [events(1), events(1)];
      const answers = Promise.all([log.append('a', 'none', first), log.append('b', 'none', second)]);
      expect(await answers).toMatchObject([{ revision: 0 }, { revision: 0 }]);
      expect([await read('a'), await read('b')]).toEqual([idsOf(first), idsOf(second)]);
    });

    it.each(['any', 'exists'] as const)(
      'with %s it is not written twice by a server that has forgotten it over a restart',
      async (expected) => {
        await log.append('s', 'none', events(1));
        const batch = events(2);
        server.appendFaults.push({ kind: 'unanswered' });
        const appending = log.append('s', expected, batch);
        await sleep(50);
        server.store.forgetRecent();
        expect(await appending).toMatchObject({ revision: 2 });
        expect((await read()).slice(1)).toEqual(idsOf(batch));
      },
    );

    it('with any, lost while others append: written once, behind the others', async () => {
      server.appendFaults.push({ kind: 'lost' });
      const batch = events(2);
      const appending = log.append('s', 'any', batch);
      await sleep(20);
      await log.append('s', 'any', events(3));
      expect(await appending).toMatchObject({ revision: 4 });
      expect((await read()).slice(3)).toEqual(idsOf(batch));
    });

    it('with any, however often others are quicker than its repeats: written once in the end', async () => {
      await log.append('s', 'none', events(1));
      server.appendFaults.push({ kind: 'lost' });
      const batch = events(1);
      const appending = log.append('s', 'any', batch);
      let others = 0;
      server.before = () => {
        if (typeof server.arrived.at(-1)!.expected !== 'number') return;
        others++;
        server.store.append('s', 'any', [{ ...server.store.streams.get('s')![0]!, id: events(1)[0]!.id }]);
      };
      while (others === 0) await sleep(5);
      await log.append('another', 'none', events(1));
      expect(await appending).toMatchObject({ revision: others + 1 });
      expect((await read()).at(-1)).toBe(batch[0]!.id);
      expect(others).toBe(2);
    });

    it('with exists, lost, of a stream that does not: a conflict, and at once', async () => {
      server.appendFaults.push({ kind: 'lost' });
      const start = performance.now();
      await failsWith(log.append('s', 'exists', events(1)), 'WRONG_EXPECTED_REVISION');
      expect(performance.now() - start).toBeLessThan(2_000);
    });

    it('thousands under way when the server dies are written exactly once when it is back', async () => {
      await open({ timeoutMs: 1_000 });
      const text = 'x'.repeat(2_000);
      const batches = Array.from({ length: 300 }, () => events(2, () => ({ data: { text } })));
      const appending = batches.map((batch, i) => log.append(`s${i}`, 'none', batch));
      while (server.arrived.length < 50) await sleep(1);
      await server.down();
      server.store.forgetRecent();
      await sleep(50);
      await server.up();
      const answers = await Promise.all(appending);
      expect(answers.every((a) => a.revision === 1)).toBe(true);
      const all = idsOf(await collectPages(log.readAll()));
      expect(all).toHaveLength(600);
      expect(new Set(all)).toEqual(new Set(idsOf(batches.flat())));
    });

    it('with no server its caller hears so in the end, and may repeat it', async () => {
      await open({ patienceMs: 200, readPatienceMs: 200 });
      await server.down();
      const batch = events(1);
      await expect(log.append('s', 'none', batch)).rejects.toMatchObject({
        code: 'LOG_UNAVAILABLE',
        kind: 'unavailable',
      });
      await failsWith(log.head(), 'LOG_UNAVAILABLE');
      await failsWith(read(), 'LOG_UNAVAILABLE');
      await server.up();
      expect(await log.append('s', 'none', batch)).toMatchObject({ revision: 0 });
    });

    it.each([
      ['Timeout', ''],
      ['Unknown', ''],
      [null, 'Server Is Not Ready'],
      [null, 'Server Is Busy'],
      ['Empty', 'No leader info available in response'],
    ])('a refusal that passes (%s %s) is tried again', async (type, message) => {
      server.appendFaults.push({ kind: 'refused', type, message });
      expect(await log.append('s', 'none', events(1))).toMatchObject({ revision: 0 });
    });

    it.each([
      ['AccessDenied', 'LOG_ACCESS_DENIED'],
      ['StreamDeleted', 'STREAM_DELETED'],
      ['BadRequest', 'LOG_FAILED'],
      [null, 'LOG_FAILED'],
    ])('a refusal for good (%s) is told at once, in our words: %s', async (type, code) => {
      server.appendFaults.push({ kind: 'refused', type, message: '' });
      await expect(log.append('s', 'none', events(1))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(/.{20,}\.$/),
      });
      expect(server.arrived).toHaveLength(1);
    });

    it('what is too much for the server at once is refused with its limit, and touches nobody else', async () => {
      const big = events(6, () => ({ data: 'x'.repeat(900_000) }));
      const other = log.append('other', 'none', events(1));
      await expect(log.append('s', 'none', big)).rejects.toMatchObject({
        code: 'APPEND_TOO_LARGE',
        kind: 'invalid',
        details: { limit: 1_048_576 },
      });
      await other;
      expect(await read()).toEqual([]);
    });

    it('an answer without a position gets it from the event', async () => {
      server.appendFaults.push({ kind: 'placeless' });
      const { revision, position } = await log.append('s', 'none', events(2));
      const [last] = await collect(log.readStream('s', { direction: 'backwards', max: 1 }));
      expect({ revision, position }).toEqual({ revision: 1, position: last!.position });
    });

    it('beyond what may wait it answers LOG_BUSY at once and takes nothing', async () => {
      await open({ queueLimit: { events: 10 } });
      server.appendFaults.push({ kind: 'late', ms: 60 });
      const first = log.append('s', 'none', events(8));
      const outcomes = await log.appendMany([
        { stream: 'a', expected: 'none', events: events(2) },
        { stream: 'b', expected: 'none', events: events(1) },
      ]);
      expect(outcomes).toMatchObject([1, 2].map(() => ({ ok: false, error: { code: 'LOG_BUSY', kind: 'busy' } })));
      await first;
      expect([await read('a'), await read('b')]).toEqual([[], []]);
      expect(await log.append('a', 'none', events(2))).toMatchObject({ revision: 1 });
    });

    it('goes to the node that is the leader now', async () => {
      await log.append('s', 'none', events(1));
      server.leader = await FaultyEsdb.start(server.store);
      server.drop('appends');
      expect(await log.append('s', 0, events(1))).toMatchObject({ revision: 1 });
      expect(server.leader.arrived).toHaveLength(1);
    });
  });

  describe('reads', () => {
    it('one that breaks in the middle goes on where it was', async () => {
      const list = events(1_000);
      await log.append('s', 'none', list);
      let seen: string[] = [];
      for await (const event of log.readStream('s')) {
        seen.push(event.id);
        if (seen.length === 200) server.drop('reads');
      }
      expect(seen).toEqual(idsOf(list));
      seen = [];
      for await (const page of log.readAll({ pageSize: 100 })) {
        seen.push(...idsOf(page));
        if (seen.length === 200) server.drop('reads');
      }
      expect(seen).toEqual(idsOf(list));
      expect(server.opened.reads).toBeGreaterThan(4);
    });

    it('goes to the node that is the leader now', async () => {
      await log.append('s', 'none', events(2));
      server.leader = await FaultyEsdb.start(server.store);
      expect(await read()).toHaveLength(2);
    });

    it('one that is left lets go of its call, so that nothing piles up and the log can be closed', async () => {
      const text = 'x'.repeat(10_000);
      for (let i = 0; i < 10; i++)
        await log.append(
          's',
          'any',
          events(50, () => ({ data: { text } })),
        );
      for (let i = 0; i < 5; i++) {
        for (const reading of [log.readStream('s'), log.readAll(), log.readAll({ streams: ['s'] })]) {
          const iterator = (reading as AsyncIterable<unknown>)[Symbol.asyncIterator]();
          expect((await iterator.next()).done).toBe(false);
          await iterator.return!();
        }
      }
      for (let tries = 0; tries < 40 && server.openReads > 0; tries++) await sleep(25);
      expect(server.openReads).toBe(0);
      const start = performance.now();
      await log.close();
      expect(performance.now() - start).toBeLessThan(800);
    });

    it('the head is the last event of ours, whatever the server writes of itself behind it', async () => {
      let last = '';
      for (let i = 0; i < 60; i++) {
        last = (await log.append('s', 'any', events(1))).position;
        if (server.store.log.at(-1)!.type.startsWith('$')) break;
      }
      expect(server.store.log.at(-1)!.type).toBe('$statsCollected');
      expect(await (await open()).head()).toBe(last);
    });

    it('passes over what another program wrote, but not in a stream of ours', async () => {
      const foreign = {
        ...anEvent(),
        contentType: 'application/json',
        data: Buffer.from('{}'),
        customMetadata: Buffer.from(''),
      };
      server.store.append('elsewhere', 'any', [foreign]);
      const list = events(1);
      await log.append('s', 'none', list);
      expect(idsOf(await collectPages(log.readAll()))).toEqual(idsOf(list));
      server.store.append('s', 'any', [foreign]);
      await failsWith(read(), 'LOG_FOREIGN_EVENT');
    });
  });

  describe('subscriptions', () => {
    it.each(['broken', 'ended'] as const)(
      'one that was %s is taken up again: nothing missing, nothing twice',
      async (how) => {
        const follower = follow({ pageSize: 7 });
        await follower.untilCaughtUp();
        const list = events(60);
        for (const [i, event] of list.entries()) {
          await log.append(`s${i % 3}`, 'any', [event]);
          if (i % 20 === 10) server.drop('reads', how);
        }
        await follower.untilEvents(60);
        await sleep(50);
        expect(idsOf(follower.events)).toEqual(idsOf(list));
        expect(server.opened.subscriptions).toBeGreaterThan(1);
      },
    );

    it('one that has gone quiet while the log goes on is taken up again', async () => {
      const follower = follow();
      await follower.untilCaughtUp();
      server.isMute = true;
      const list = events(5);
      await log.append('s', 'none', list);
      await sleep(90);
      server.isMute = false;
      await follower.untilEvents(5);
      expect(idsOf(follower.events)).toEqual(idsOf(list));
      expect(server.opened.subscriptions).toBeGreaterThan(1);
    });

    it('one that is quiet because nothing happens is left alone', async () => {
      await log.append('s', 'none', events(3));
      const follower = follow();
      await follower.untilCaughtUp();
      await sleep(250);
      expect(server.opened.subscriptions).toBe(1);
      expect(follower.kinds()).toEqual(['events', 'caughtUp']);
    });

    it('a consumer that takes its time is not mistaken for silence, and makes the server wait', async () => {
      const text = 'x'.repeat(10_000);
      for (let i = 0; i < 30; i++)
        await log.append(
          's',
          'any',
          events(50, () => ({ data: { text } })),
        );
      let release = () => {};
      const held = new Promise<void>((resolve) => (release = resolve));
      const follower = follow({ pageSize: 10 }, () => held);
      await follower.untilEvents(10);
      await sleep(250);
      expect(server.sent).toBeLessThan(500);
      expect(server.opened.subscriptions).toBe(1);
      release();
      await follower.untilEvents(1_500);
      expect(follower.events.map((e) => e.revision)).toEqual(Array.from({ length: 1_500 }, (_, i) => i));
    });

    it('of an empty log has caught up before its first event', async () => {
      const follower = follow({ types: ['Nothing'] });
      await follower.untilCaughtUp();
      expect(follower.messages).toEqual([{ kind: 'caughtUp', position: '0'.repeat(32) }]);
    });

    it('can be left at once while no server answers', async () => {
      const follower = follow();
      await follower.untilCaughtUp();
      await server.down();
      await sleep(120);
      const start = performance.now();
      await follower.close();
      expect(performance.now() - start).toBeLessThan(500);
      await server.up();
    });

    it('survives a restart of the server, and ends with the log', async () => {
      const follower = follow();
      await follower.untilCaughtUp();
      const list = events(4);
      await log.append('s', 'none', list.slice(0, 2));
      await server.down();
      await sleep(120);
      await server.up();
      await log.append('s', 1, list.slice(2));
      await follower.untilEvents(4);
      expect(idsOf(follower.events)).toEqual(idsOf(list));
      await log.close();
      await follower.end();
    });
  });

  describe('the client', () => {
    it('is one for each thread: shared for one server, refused for another', async () => {
      const { url } = server;
      const second = await openEsdbLog({ url });
      await second.append('s', 'none', events(1));
      await second.close();
      expect(await read()).toHaveLength(1);
      const elsewhere = await FaultyEsdb.start(new EsdbStore());
      await failsWith(openEsdbLog({ url: elsewhere.url }), 'LOG_ALREADY_CONNECTED');
      await log.close();
      log = await openEsdbLog({ url: elsewhere.url });
      expect(await read()).toEqual([]);
      await log.close();
      await elsewhere.down();
    });
  });
});
