import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deterministicId, EventRegistry, type EventLog, type RecordedEvent } from '@touchstone/eventing';
import { packEvents, type CorrelationRule } from '@touchstone/packs';
import { PolicyCheckpoint } from '@touchstone/platform';
import { Company, factAt, factsByJourney } from './correlation.spec-kit.js';
import { customerDecider, MergeCustomers } from './customer.js';
import { FollowUps } from './follow-ups.js';
import { FollowUpsPolicy } from './follow-ups.policy.js';
import { JourneyJoining, matchOf } from './journey-joining.js';
import { ConfirmMatchHandler } from './journey-linking.handlers.js';
import { journeyDecider, OpenJourney } from './journey.js';
import { MergeJourneys, SplitJourney, UnmergeJourneys } from './journey-merging.js';
import { ConfirmMatch, DoubtMatch, matchDecider } from './match.js';
import { OpenEnds } from './open-ends.js';
import { OpenLoads } from './open-loads.js';
import { journeyEvents } from './read.js';

const HOUR = 3_600_000;
const rules: CorrelationRule[] = [
  { journeyType: 'repair', objects: ['order', 'report'], idleGapMs: 48 * HOUR, doubtfulMs: 6 * HOUR },
];
const id = (name: string) => deterministicId('fact', name);
const fact = (name: string, hour: number, more: Parameters<typeof factAt>[2] = {}) =>
  factAt(id(name), hour, { customer: { type: 'phone', value: '138' }, journey: { type: 'repair' }, ...more });
const order = (n: string) => ({ objects: [{ type: 'order', id: n }] });

/** A process that is stopped dead where it would merge: nothing after it happens. */
class Stopped extends JourneyJoining {
  override join(): Promise<number> {
    return Promise.reject(new Error('stopped'));
  }
}

describe('what follows from an event', () => {
  let company: Company;
  const open: FollowUpsPolicy[] = [];
  beforeEach(async () => (company = await Company.open(rules)));
  afterEach(async () => {
    for (const policy of open.splice(0)) await policy.stop();
    await company.close();
  });

  const registry = new EventRegistry([...journeyEvents, ...packEvents] as never);
  const checkpoint = () => new PolicyCheckpoint(join(company.directory, 'policies', 'follow-ups.json'));

  /** Another process over the same log: its own kernel, its own memory. */
  async function restarted(more: { loads?: OpenLoads; log?: EventLog; ends?: OpenEnds; fails?: () => boolean } = {}) {
    const { log = company.log, ends = new OpenEnds(), loads = new OpenLoads() } = more;
    const kernel = company.kernel();
    const intake = company.writer({ ends });
    const looked: string[] = [];
    const follows = new FollowUps({
      log,
      kernel,
      registry,
      ends,
      follows: {
        makeGood: (facts, atLeast) => {
          if (more.fails?.()) return Promise.reject(new Error('no'));
          looked.push(...facts.map((each) => each.toPlace?.fact.factId ?? each.named!.touchpointId));
          return intake.follows.makeGood(facts, atLeast);
        },
      },
    });
    const policy = new FollowUpsPolicy({ log, follows, checkpoint: checkpoint(), loads, tuning: { firstPauseMs: 5 } });
    open.push(policy);
    await policy.start();
    return { policy, intake, looked };
  }

  async function settled(policy: FollowUpsPolicy) {
    for (let tries = 0; tries < 1_000; tries++) {
      const status = await policy.status();
      if (status.due === 0 && status.state === 'live') return status;
      await sleep(5);
    }
    return policy.status();
  }

  const of = async (...types: string[]) => (await company.events()).filter(({ type }) => types.includes(type));
  const wholes = async () =>
    factsByJourney(await company.events())
      .map((facts) => facts.length)
      .sort();

  /** Two matters, and a fact that shows that they are one; the process ends between recording it and the merge. */
  async function brokenOff(how: 'time' | 'object') {
    const writer = company.writer({ joining: new Stopped(company.kernel()) });
    if (how === 'time') {
      await writer.take([fact('a', 0), fact('b', 90)]);
      await expect(writer.take([fact('bridge', 45)])).rejects.toThrow('stopped');
    } else {
      const report = { type: 'report', id: 'R1' };
      await writer.take([fact('a', 0, order('W1')), fact('b', 900, { objects: [report] })]);
      const both = { objects: [{ type: 'order', id: 'W1' }, report] };
      await expect(writer.take([fact('bridge', 45, both)])).rejects.toThrow('stopped');
    }
    expect(await of('JourneysMerged')).toEqual([]);
  }

  it.each(['time', 'object'] as const)(
    'by %s is made good after a stop, without anybody saying it again',
    async (how) => {
      await brokenOff(how);
      expect(await wholes()).toEqual([1, 2]);
      const { policy } = await restarted();
      const status = await settled(policy);
      expect(await wholes()).toEqual([3]);
      const [merge, ...others] = await of('JourneysMerged');
      expect(others).toEqual([]);
      const touchpoints = (await of('TouchpointRecorded')).map((event) => event.id);
      const { survivorId } = merge!.data as { survivorId: string };
      const absorbed = merge!.stream.slice('journey-'.length);
      expect(merge).toMatchObject({
        id: deterministicId('journeys-merged', absorbed, survivorId),
        metadata: { actor: { id: 'follow-ups', role: 'policy' } },
      });
      expect(touchpoints).toContain(merge!.metadata.causationId);
      // The survivor has learned of it.
      const [learned] = await of('JourneyPartAdded');
      expect(learned).toMatchObject({
        id: deterministicId('part-added', merge!.id),
        stream: `journey-${survivorId}`,
        data: { journeyId: absorbed },
        metadata: { causationId: merge!.id },
      });
      expect(status).toMatchObject({ decided: 2, failing: 0, lastError: null });
    },
  );

  it('is decided once, however often it is looked at, and by whom', async () => {
    await brokenOff('time');
    for (let turn = 0; turn < 2; turn++) {
      const { policy, looked } = await restarted();
      await settled(policy);
      await policy.stop();
      // The second begins where the first one ended.
      expect(looked.length).toBe(turn === 0 ? 3 : 0);
    }
    const before = await company.events();
    rmSync(join(company.directory, 'policies'), { recursive: true });
    const { policy, looked } = await restarted();
    await settled(policy);
    // Who lost the place looks at everything again, and who sends it again is told that it is known.
    expect(looked.length).toBe(3);
    const [outcome] = await company.writer().take([fact('bridge', 45)]);
    expect(outcome).toMatchObject({ outcome: 'known' });
    const ids = (events: readonly RecordedEvent[]) => events.map((event) => event.id);
    expect(ids(await company.events())).toEqual(ids(before));
  });

  it('is learned by the survivor, also of a merge by a person and of a split that ended half-way', async () => {
    const kernel = company.kernel();
    const [one, two, three] = [id('j1'), id('j2'), id('j3')];
    for (const journeyId of [one, two, three]) {
      await kernel.execute(journeyDecider, new OpenJourney({ journeyId, journeyType: 'repair' }));
    }
    const named = (touchpointId: string, journeyId: string) => ({
      touchpointId,
      kind: 'call',
      occurredAt: '2024-05-01T08:00:00Z',
      source: { system: 's' },
      journey: { id: journeyId, type: 'repair' },
    });
    await company.writer().take([named(id('t1'), one), named(id('t2'), one)]);
    const fresh = company.kernel();
    await fresh.execute(journeyDecider, new MergeJourneys({ journeyId: two, survivorId: one, reason: 'r' }));
    const split = { journeyId: one, newJourneyId: three, touchpointIds: [id('t2')], reason: 'r' };
    await fresh.execute(journeyDecider, new SplitJourney(split));
    const { policy } = await restarted();
    await settled(policy);
    expect((await of('JourneyPartAdded')).map(({ stream, data }) => [stream, data])).toEqual([
      [`journey-${one}`, { journeyId: two }],
      [`journey-${three}`, { journeyId: one, touchpointIds: [id('t2')] }],
    ]);
  });

  it('is not looked at again where this process saw to it, and waited for where it is at work', async () => {
    const ends = new OpenEnds();
    const { policy, intake, looked } = await restarted({ ends });
    await intake.take([fact('a', 0), fact('b', 90), fact('bridge', 45)]);
    await settled(policy);
    expect(await wholes()).toEqual([3]);
    expect(looked).toEqual([]);
    // One that breaks off in the same process is made good in it.
    const broken = company.writer({ ends, joining: new Stopped(company.kernel()) });
    const other = { customer: { type: 'phone', value: '139' } };
    await broken.take([fact('c', 0, other), fact('d', 90, other)]);
    await expect(broken.take([fact('e', 45, other)])).rejects.toThrow('stopped');
    await settled(policy);
    expect(looked).toEqual([id('e')]);
    expect(await wholes()).toEqual([3, 3]);
  });

  it('waits while a load is open, holds nothing up when it fails, and keeps its place before it', async () => {
    await brokenOff('time');
    const loads = new OpenLoads();
    const end = loads.begin();
    let fails = true;
    const { policy } = await restarted({ loads, fails: () => fails });
    await sleep(50);
    expect(await of('JourneysMerged', 'JourneyPartAdded')).toEqual([]);
    expect((await policy.status()).state).toBe('waiting');
    end();
    for (let tries = 0; (await policy.status()).failing < 3 && tries < 400; tries++) await sleep(5);
    expect(await policy.status()).toMatchObject({ state: 'failed', failing: 3, lastError: { message: 'no' } });
    expect(existsSync(join(company.directory, 'policies', 'follow-ups.json'))).toBe(false);
    fails = false;
    // What comes later is seen to all the same, and what failed is tried again with it.
    await policy.stop();
    const next = await restarted();
    await settled(next.policy);
    expect(await wholes()).toEqual([3]);
    expect(await checkpoint().load()).toBeDefined();
  });

  it('takes apart nothing that a person kept apart', async () => {
    await brokenOff('time');
    const kernel = company.kernel();
    const journeys = [...new Set((await of('TouchpointRecorded')).map(({ stream }) => stream.slice(8)))];
    const [one, two] = journeys as [string, string];
    await kernel.execute(journeyDecider, new MergeJourneys({ journeyId: two, survivorId: one, reason: 'r' }));
    await kernel.execute(journeyDecider, new UnmergeJourneys({ journeyId: two, reason: 'no' }));
    const { policy } = await restarted();
    await settled(policy);
    expect((await of('JourneysMerged')).length).toBe(1);
    expect(await wholes()).toEqual([1, 2]);
  });

  it('settles the doubts whose two have become one by other means, and no others', async () => {
    const { intake, policy } = await restarted();
    // In doubt with each other by time; the last with nobody.
    await intake.take([fact('a', 0), fact('b', 50), fact('c', 500), fact('d', 550)]);
    expect((await of('MatchDoubted')).length).toBe(2);
    await intake.take([fact('bridge', 25)]);
    const kernel = company.kernel();
    const ids = [];
    for (const value of ['x', 'y']) ids.push(await intake.customer({ type: 'phone', value }));
    const [first, second] = ids.sort() as [string, string];
    const matchId = matchOf('customers', first, second);
    const doubt = new DoubtMatch({ matchId, of: 'customers', first, second, reason: 'identifiers' });
    await kernel.execute(matchDecider, doubt);
    const merge = new MergeCustomers({ customerId: second, survivorId: first, reason: 'r' });
    await kernel.execute(customerDecider, merge);
    for (let tries = 0; (await of('MatchConfirmed')).length < 2 && tries < 400; tries++) await sleep(5);
    await settled(policy);
    const confirmed = await of('MatchConfirmed');
    expect(confirmed.map(({ metadata }) => metadata.actor.id)).toEqual(['follow-ups', 'follow-ups']);
    expect(confirmed[1]!.stream).toBe(`match-${matchId}`);
    expect((await of('MatchDoubted')).length).toBe(3);
  });

  it('leaves it to the person who confirms a doubt to say why', async () => {
    const ends = new OpenEnds();
    const { intake, policy } = await restarted({ ends });
    await intake.take([fact('a', 0), fact('b', 50)]);
    const [doubt] = await of('MatchDoubted');
    const kernel = company.kernel();
    class Slow extends JourneyJoining {
      override async unite(...given: Parameters<JourneyJoining['unite']>): Promise<void> {
        await super.unite(...given);
        await sleep(200);
      }
    }
    const handler = new ConfirmMatchHandler(kernel, new Slow(kernel), {} as never, ends);
    await handler.execute(new ConfirmMatch({ matchId: doubt!.stream.slice('match-'.length), reason: 'I asked' }));
    await settled(policy);
    expect((await of('MatchConfirmed')).map(({ data }) => data)).toEqual([{ reason: 'I asked' }]);
  });
});
