import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  EventRegistry,
  Kernel,
  openVault,
  TouchstoneError,
  type EventLog,
  type RecordedEvent,
  type Vault,
  type Work,
} from '@touchstone/eventing';
import { MovableClock, openMemoryLog } from '@touchstone/eventing/testing';
import { CheckpointWaits, type ReadQuery, type Reads } from '@touchstone/readmodel';
import { InlineReads, projectAll, projectMore } from '@touchstone/readmodel/testing';
import {
  AssignOwner,
  CorrectTouchpoint,
  HandOverJourney,
  journeyDecider,
  RecordTouchpoint,
  VoidTouchpoint,
} from './journey.js';
import { ObserveMoment, RetractMoment } from './observations.js';
import { OpenLoads } from './open-loads.js';
import { journeyDerivations, journeyEvents, journeyProjections } from './read.js';
import type { RuleMomentsParts, RuleMomentsTuning } from './rule-moments.parts.js';
import { RuleMoments } from './rule-moments.policy.js';
import { momentsDueQuery, type DueCursor } from './rule-moments.queries.js';

const group = { name: 'journeys', projections: journeyProjections, derivations: journeyDerivations('Asia/Shanghai') };
const uuid = (n: number) => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const START = Date.parse('2024-03-01T00:00:00Z');
/** Hours after the start, as a house in China writes it. */
const hour = (n: number) => `${new Date(START + (n + 8) * 3_600_000).toISOString().slice(0, 23)}+08:00`;
const utc = (n: number) => new Date(START + n * 3_600_000).toISOString();

type Moment = RecordedEvent<'MomentObserved', { code: string; touchpointId: string; rule?: { cause: string } }>;
type Retraction = RecordedEvent<'MomentRetracted', { momentId: string; reason: string; byRule?: boolean }>;

/** A house in one process: a log, its read model kept up in the background as a thread would, and the policy. */
class House {
  readonly log: EventLog = openMemoryLog();
  readonly clock = new MovableClock(utc(0));
  readonly loads = new OpenLoads();
  readonly waits = new CheckpointWaits('journeys');
  readonly warnings: string[] = [];
  readonly kernel: Kernel;
  reads = 0;
  /** What the projection waits for before it goes on. */
  gate: Promise<void> = Promise.resolve();
  private readonly store = projectAll(group, []);
  private readonly inline = new InlineReads(this.store, { log: this.log });
  private readonly ending = new AbortController();
  private readonly following: Promise<void>;
  private readonly policies: RuleMoments[] = [];

  private constructor(
    private readonly directory: string,
    private readonly vault: Vault & { close(): Promise<void> },
  ) {
    this.kernel = new Kernel({
      log: this.log,
      vault,
      clock: this.clock,
      registry: new EventRegistry(journeyEvents as never),
    });
    this.following = this.follow();
  }

  static async open(): Promise<House> {
    const directory = mkdtempSync(join(tmpdir(), 'rule-moments-'));
    return new House(directory, await openVault({ file: join(directory, 'keys.db') }));
  }

  async close(): Promise<void> {
    for (const policy of this.policies) await policy.stop();
    this.ending.abort();
    this.waits.close();
    await this.following;
    await this.log.close();
    await this.vault.close();
    rmSync(this.directory, { recursive: true });
  }

  /** A policy that works; every test may start several, one after another. */
  policy(tuning: RuleMomentsTuning = {}, parts: Partial<RuleMomentsParts> = {}): RuleMoments {
    const policy = new RuleMoments({
      log: this.log,
      reads: this.reading(),
      kernel: this.kernel,
      clock: this.clock,
      loads: this.loads,
      checkpoints: (options) => this.waits.onCheckpoint(options),
      warn: (message) => this.warnings.push(message),
      tuning: { lookEveryMs: 20, breathMs: 2, firstPauseMs: 40, longestPauseMs: 400, ...tuning },
      ...parts,
    });
    this.policies.push(policy);
    policy.start();
    return policy;
  }

  /** As the reader threads do it: what is not projected yet is waited for. */
  reading(): Pick<Reads, 'run'> {
    return {
      run: async (query, params, options = {}) => {
        this.reads++;
        const { timeoutMs, signal } = options;
        if (options.atLeast !== undefined) await this.waits.waitFor(options.atLeast, { timeoutMs, signal });
        return this.inline.run(query, params, options);
      },
    };
  }

  async ask<P, R>(query: ReadQuery<P, R>, params: P): Promise<R> {
    return (await this.reading().run(query, params, { atLeast: await this.log.head() })).result;
  }

  async execute(command: object) {
    return this.kernel.execute(journeyDecider, command);
  }

  /** A contact, or whatever `more` makes of it. */
  touchpoint(journey: number, id: number, at: number, more: Partial<{ customer: number; closes: boolean }> = {}) {
    return this.execute(touchpointCommand(journey, id, at, more));
  }

  async settled(policy: RuleMoments): Promise<void> {
    let last: unknown;
    for (let tries = 0; tries < 2_000; tries++) {
      const status = (last = await policy.status());
      if (status.state === 'live' && status.due === 0) return;
      await sleep(5);
    }
    throw new Error(`Not settled: ${JSON.stringify(last)}`);
  }

  async events(): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for await (const page of this.log.readAll()) events.push(...page);
    return events;
  }

  async moments(): Promise<Moment[]> {
    return (await this.events()).filter((event): event is Moment => event.type === 'MomentObserved');
  }

  async retractions(): Promise<Retraction[]> {
    return (await this.events()).filter((event): event is Retraction => event.type === 'MomentRetracted');
  }

  /** Code and touchpoint of every moment that holds, in order. */
  async held(): Promise<string[]> {
    const gone = new Set((await this.retractions()).map(({ data }) => data.momentId));
    const held = (await this.moments()).filter(({ id }) => !gone.has(id));
    return held.map(({ data }) => `${data.code} ${parseInt(data.touchpointId.slice(-12), 16)}`).sort();
  }

  private async follow(): Promise<void> {
    for await (const message of this.log.subscribe({ signal: this.ending.signal })) {
      if (message.kind !== 'events') continue;
      await this.gate;
      projectMore(this.store, message.events, { read: (event) => event });
      this.waits.advance(this.store.checkpoint.position);
    }
  }
}

const touchpointCommand = (
  journey: number,
  id: number,
  at: number,
  { customer = 1, closes = false }: Partial<{ customer: number; closes: boolean }> = {},
) =>
  new RecordTouchpoint({
    journeyId: uuid(journey),
    open: { journeyType: 'fault', customerId: uuid(customer) },
    touchpointId: uuid(id),
    occurredAt: hour(at),
    content: content(closes),
  });
const content = (closes = false) => ({
  kind: 'call',
  kindVersion: 1,
  traits: { closes, contact: true, customerVisible: true },
});

let house: House;
beforeEach(async () => (house = await House.open()));
afterEach(() => house.close());

describe('rule moments', () => {
  it('a repeat contact, with all that an event of a rule has to say', async () => {
    const policy = house.policy();
    house.clock.move(utc(48));
    await house.touchpoint(10, 100, 0);
    await house.touchpoint(11, 110, 40);
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110']);
    const [moment] = await house.moments();
    expect(moment).toMatchObject({
      stream: `journey-${uuid(11)}`,
      occurredAt: hour(40),
      recordedAt: utc(48),
      data: {
        touchpointId: uuid(110),
        code: 'NEG-S3',
        polarity: 'negative',
        intensity: 1,
        observer: 'rule',
        rule: { version: 1, cause: uuid(110) },
      },
      metadata: {
        policyVersion: 'NEG-S3@1',
        causationId: uuid(110),
        actor: { id: 'rule-moments', role: 'policy' },
      },
    });
    expect(moment!.metadata.historical).toBeUndefined();
    expect(await policy.status()).toMatchObject({
      name: 'rule-moments',
      state: 'live',
      due: 0,
      // The first contact was followed by a repeat, the second is one: none can turn out to be resolved.
      nextDue: null,
      decided: 1,
      failing: 0,
      lagMs: 0,
      lastError: null,
    });
  });

  it('a journey that goes on after its end, and a change of owner without a word', async () => {
    const policy = house.policy();
    house.clock.move(utc(10));
    await house.touchpoint(10, 100, 0);
    await house.touchpoint(10, 101, 1, { closes: true });
    await house.touchpoint(10, 102, 2);
    await house.execute(new AssignOwner({ journeyId: uuid(10), unit: 'b' }));
    await house.execute(new HandOverJourney({ journeyId: uuid(10), to: { unit: 'a' }, customerTold: true }));
    await house.settled(policy);
    const held = await house.held();
    expect(held).toContain('NEG-S5 102');
    // No note: the customer will have to tell it all again.
    expect(held).toContain('NEG-S2 102');
    const change = (await house.events()).find(({ type }) => type === 'JourneyHandedOver')!;
    const story = (await house.moments()).find(({ data }) => data.code === 'NEG-S2')!;
    expect(story.data.rule!.cause).toBe(change.id);
    expect(story.metadata.causationId).toBe(change.id);
    expect(story.occurredAt).toBe(hour(2));
  });

  it('what rests on absence waits for the end of its window, by the clock', async () => {
    const policy = house.policy();
    house.clock.move(utc(1));
    await house.touchpoint(10, 100, 0);
    await house.settled(policy);
    house.clock.move(utc(167.9));
    await house.settled(policy);
    expect(await house.held()).toEqual([]);
    expect((await policy.status()).nextDue).toBe(utc(168));
    house.clock.move(utc(168));
    await house.settled(policy);
    expect(await house.held()).toEqual(['POS-S2 100']);
    const [moment] = await house.moments();
    expect(moment).toMatchObject({ occurredAt: hour(0), recordedAt: utc(168), data: { polarity: 'positive' } });
    expect((await policy.status()).nextDue).toBe(null);
  });

  it('a late fact takes back what does not hold any more, and what was corrected is observed anew', async () => {
    const policy = house.policy();
    house.clock.move(utc(300));
    await house.touchpoint(10, 100, 0);
    await house.settled(policy);
    expect(await house.held()).toEqual(['POS-S2 100']);
    await house.touchpoint(11, 110, 100);
    await house.settled(policy);
    // The second contact was within a week of the first; a week after it has not passed.
    expect(await house.held()).toEqual(['NEG-S3 110']);
    expect((await house.retractions()).map(({ data, metadata }) => [data, metadata.actor.id])).toEqual([
      [
        expect.objectContaining({ momentId: (await house.moments())[0]!.id, byRule: true, reason: expect.any(String) }),
        'rule-moments',
      ],
    ]);
    await house.execute(
      new CorrectTouchpoint({
        journeyId: uuid(11),
        touchpointId: uuid(110),
        happenedAt: hour(120),
        reason: 'typing error',
        content: content(),
      }),
    );
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110']);
    const repeats = (await house.moments()).filter(({ data }) => data.code === 'NEG-S3');
    expect(repeats.map(({ occurredAt }) => occurredAt)).toEqual([hour(100), hour(120)]);
    expect(new Set(repeats.map(({ id }) => id)).size).toBe(2);
  });

  it('a touchpoint that never was takes its moment with it', async () => {
    const policy = house.policy();
    house.clock.move(utc(50));
    await house.touchpoint(10, 100, 0);
    await house.touchpoint(10, 101, 20);
    await house.execute(new AssignOwner({ journeyId: uuid(10), unit: 'b' }));
    await house.execute(new HandOverJourney({ journeyId: uuid(10), to: { unit: 'a' }, customerTold: true }));
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S2 101', 'NEG-S3 101']);
    await house.execute(new VoidTouchpoint({ journeyId: uuid(10), touchpointId: uuid(101), reason: 'a test call' }));
    await house.settled(policy);
    // The owner changed all the same: now it is the first contact that it concerns.
    expect(await house.held()).toEqual(['NEG-S2 100']);
  });

  it('a person stands before the rule, and has the last word', async () => {
    const policy = house.policy();
    house.clock.move(utc(60));
    await house.touchpoint(10, 100, 0);
    await house.touchpoint(11, 110, 20);
    await house.touchpoint(12, 120, 40);
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110', 'NEG-S3 120']);
    const about = { code: 'NEG-07', polarity: 'negative', observer: 'qa' } as const;
    await house.execute(
      new ObserveMoment({ ...about, journeyId: uuid(11), touchpointId: uuid(110), momentId: uuid(900) }),
    );
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-07 110', 'NEG-S3 120']);
    // The person thinks better of it: the rule may speak again.
    await house.execute(new RetractMoment({ journeyId: uuid(11), momentId: uuid(900), reason: 'no' }));
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110', 'NEG-S3 120']);
    const byRule = (await house.moments()).find(({ data }) => data.touchpointId === uuid(120))!;
    await house.execute(new RetractMoment({ journeyId: uuid(12), momentId: byRule.id, reason: 'not the same matter' }));
    await house.touchpoint(12, 121, 41);
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110', 'NEG-S3 121']);
  });

  it('decides nothing while a load is being appended, and everything at its end', async () => {
    const policy = house.policy();
    house.clock.move(utc(300));
    const [first, second] = [house.loads.begin(), house.loads.begin()];
    await house.touchpoint(10, 100, 0);
    await house.touchpoint(11, 110, 20);
    first();
    first();
    await sleep(60);
    expect(await house.moments()).toEqual([]);
    expect(await policy.status()).toMatchObject({ state: 'waiting', due: 1, lastError: null });
    second();
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110']);
  });

  it('stops between two decisions when a load begins, and goes on at its end', async () => {
    await house.touchpoint(10, 100, 0);
    await house.touchpoint(11, 110, 20);
    await house.touchpoint(12, 120, 40);
    house.clock.move(utc(300));
    let ended: (() => void) | undefined;
    let looks = 0;
    class LateLoad extends OpenLoads {
      override look() {
        // Asked before the page and before each decision: this is the second one.
        if (++looks === 3) ended = this.begin();
        return super.look();
      }
    }
    const policy = house.policy({ chunk: 1 }, { loads: new LateLoad() });
    while (!ended) await sleep(5);
    await sleep(60);
    expect(await house.held()).toHaveLength(1);
    ended();
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110', 'NEG-S3 120']);
  });

  it('concludes nothing from absence while the read model is behind the log', async () => {
    const policy = house.policy();
    await house.touchpoint(10, 100, 0);
    await house.settled(policy);
    let open = () => {};
    house.gate = new Promise((resolve) => (open = resolve));
    await house.touchpoint(11, 110, 100);
    house.clock.move(utc(200));
    await sleep(100);
    expect(await house.moments()).toEqual([]);
    open();
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110']);
    expect(await house.retractions()).toEqual([]);
  });

  it('does not spin where the clock stands still', async () => {
    const policy = house.policy({ lookEveryMs: 1_000 });
    await house.touchpoint(10, 100, 0);
    await house.settled(policy);
    await sleep(50);
    const before = house.reads;
    await sleep(200);
    expect(house.reads).toBe(before);
    expect((await policy.status()).nextDue).toBe(utc(168));
  });
});

describe('rule moments under trouble', () => {
  /** A kernel whose outcomes may be bent for one journey. */
  const bent = (bend: (work: Work) => Error | null) => ({
    executeMany: async (works: readonly Work[], options: object) => {
      const errors = works.map(bend);
      const outcomes = await house.kernel.executeMany(
        works.filter((_, i) => errors[i] === null),
        options,
      );
      return errors.map((error) => (error === null ? outcomes.shift()! : ({ ok: false, error } as const)));
    },
  });
  const isOf = (work: Work, journey: number) => (work.command as { journeyId: string }).journeyId === uuid(journey);

  it('one journey that fails holds up no other, is not tried in a hot loop, and recovers by itself', async () => {
    let [tries, broken] = [0, true];
    const kernel = bent((work) => {
      if (!isOf(work, 11)) return null;
      tries++;
      return broken ? new TouchstoneError('EVENT_TOO_LARGE', 'Say less.', 'invalid') : null;
    });
    const policy = house.policy({}, { kernel });
    house.clock.move(utc(60));
    await house.touchpoint(10, 100, 0);
    await house.touchpoint(11, 110, 20);
    await house.touchpoint(12, 120, 40);
    // Something happens all the time: the policy looks again and again.
    for (let i = 0; i < 25; i++) {
      await house.touchpoint(50 + i, 500 + i, 50, { customer: 50 + i });
      await sleep(10);
    }
    expect(await house.held()).toEqual(['NEG-S3 120']);
    // 40, 80, 160 ms and so on between them.
    expect(tries).toBeGreaterThan(1);
    expect(tries).toBeLessThan(8);
    const status = await policy.status();
    expect(status).toMatchObject({
      state: 'failed',
      due: 1,
      failing: 1,
      decided: 1,
      lastError: { code: 'EVENT_TOO_LARGE', message: 'Say less.' },
    });
    expect(status.failed).toBe(tries);
    expect(status.lagMs).toBeGreaterThan(100);
    expect(house.warnings).toEqual([expect.stringContaining('EVENT_TOO_LARGE')]);
    broken = false;
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110', 'NEG-S3 120']);
    expect(await policy.status()).toMatchObject({ state: 'live', failing: 0, lastError: null, lagMs: 0 });
  });

  it('a log that is busy is waited for, and nobody is alarmed', async () => {
    let busy = 2;
    const kernel = bent(() => (busy-- > 0 ? new TouchstoneError('LOG_BUSY', 'Later.', 'busy') : null));
    const policy = house.policy({}, { kernel });
    house.clock.move(utc(60));
    await house.touchpoint(10, 100, 0);
    await house.touchpoint(11, 110, 20);
    let waited = false;
    for (let i = 0; i < 100 && !waited; i++) {
      waited = (await policy.status()).state === 'waiting';
      await sleep(5);
    }
    expect(waited).toBe(true);
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110']);
    expect(house.warnings).toEqual([]);
  });

  it('says so when the read model asks for what the journey does not see', async () => {
    const stubborn = {
      executeMany: (works: readonly Work[]) =>
        Promise.resolve(works.map(() => ({ ok: true, done: { events: [] } }) as never)),
    };
    const policy = house.policy({}, { kernel: stubborn });
    house.clock.move(utc(60));
    await house.touchpoint(10, 100, 0);
    await house.touchpoint(11, 110, 20);
    let status = await policy.status();
    for (let i = 0; i < 200 && status.state !== 'failed'; i++) {
      await sleep(5);
      status = await policy.status();
    }
    expect(status).toMatchObject({ state: 'failed', due: 1, decided: 0, lastError: { code: 'RULE_UNSETTLED' } });
    expect(status.failed).toBeLessThan(8);
  });

  it('a read model that does not get there in time is waited for', async () => {
    const real = house.reading();
    let late = 3;
    const reads: Pick<Reads, 'run'> = {
      run: (query, params, options) =>
        late-- > 0
          ? Promise.reject(new TouchstoneError('NOT_YET_PROJECTED', 'Later.', 'busy'))
          : real.run(query, params, options),
    };
    const policy = house.policy({}, { reads });
    house.clock.move(utc(60));
    await house.touchpoint(10, 100, 0);
    await house.touchpoint(11, 110, 20);
    expect(await policy.status()).toMatchObject({ state: 'waiting', due: null });
    await house.settled(policy);
    expect(await house.held()).toEqual(['NEG-S3 110']);
  });

  it('ends with the decisions in hand, and whoever comes next doubles none and loses none', async () => {
    const CUSTOMERS = 120;
    house.clock.move(utc(1_000));
    const commands = Array.from({ length: CUSTOMERS }, (_, c) => [
      touchpointCommand(1_000 + c, 10_000 + c * 2, 0, { customer: c + 1 }),
      touchpointCommand(1_000 + c, 10_001 + c * 2, 24, { customer: c + 1 }),
    ]).flat();
    await house.kernel.executeMany(
      commands.map((command) => ({ decider: journeyDecider as unknown as Work['decider'], command })),
    );
    let lives = 0;
    for (; lives < 200; lives++) {
      // Small bites, stopped at once: each life gets some of it done.
      const policy = house.policy({ page: 20, chunk: 5 });
      await sleep(lives % 7);
      await policy.stop();
      if ((await house.moments()).length === CUSTOMERS) break;
    }
    const policy = house.policy();
    await house.settled(policy);
    expect(lives).toBeGreaterThan(1);
    const causes = (await house.moments()).map(({ data }) => data.rule!.cause);
    expect(causes).toHaveLength(CUSTOMERS);
    expect(new Set(causes).size).toBe(CUSTOMERS);
    expect(await house.retractions()).toEqual([]);
  });

  it('two at once, which nobody should start, still record everything once', async () => {
    house.clock.move(utc(60));
    for (let i = 0; i < 20; i++) await house.touchpoint(10 + i, 100 + i, i);
    const [one, two] = [house.policy({ page: 3, chunk: 2 }), house.policy({ page: 4, chunk: 3 })];
    await house.settled(one);
    await house.settled(two);
    expect(await house.moments()).toHaveLength(19);
  });
});

describe('what is due', () => {
  it('is read page by page, each thing once, what has waited longest first', async () => {
    house.clock.move(utc(500));
    for (let i = 0; i < 11; i++) await house.touchpoint(10 + i, 100 + i, i * 10);
    const at = house.clock.now().getTime();
    const all = (await house.ask(momentsDueQuery, { at, first: 100 })).due;
    expect(all.map(({ code }) => code)).toEqual(Array.from({ length: 10 }, () => 'NEG-S3'));
    expect(all.map(({ dueMs }) => dueMs)).toEqual([...all.map(({ dueMs }) => dueMs)].sort((a, b) => a - b));
    const paged: unknown[] = [];
    for (let after: DueCursor | undefined | null; after !== null;) {
      const page = await house.ask(momentsDueQuery, { at, after, first: 3 });
      expect(page.due.length).toBeLessThanOrEqual(3);
      paged.push(...page.due);
      after = page.next;
    }
    expect(paged).toEqual(all);
    // Half of them by then, and the time of the next.
    const half = await house.ask(momentsDueQuery, { at: Date.parse(utc(55)), first: 100 });
    expect([half.due.length, half.nextDueMs]).toEqual([5, Date.parse(utc(60))]);
  });
});
