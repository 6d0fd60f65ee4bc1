/** Several processes on one log and one PostgreSQL answer as one, also when one of them is killed. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FaultyEsdb } from '../libs/eventing/esdb-server.spec-kit.js';
import { freshSchema, postgresForSuite } from '../scripts/postgres.js';
import { TestServer } from '../apps/server/testing.js';
import { FeedReader, type CloudEvent } from './feed.kit.js';

const MAIN = fileURLToPath(new URL('../apps/server/dist/main.js', import.meta.url));
/** What is promised: from the end of a projector to what is written being readable again. */
const FAIL_OVER_MS = 10_000;

const postgres = await postgresForSuite();
let esdb: FaultyEsdb | undefined;

interface Lease {
  readonly name: string;
  readonly holder: string;
  readonly epoch: number;
}

/** A process of the house. */
class Member {
  static readonly all: Member[] = [];
  private said = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly directory: string,
    private address = '',
  ) {}

  static async start(env: Record<string, string>, roles: string): Promise<Member> {
    const directory = mkdtempSync(join(tmpdir(), 'touchstone-roles-'));
    const child = fork(MAIN, [], {
      env: { PATH: process.env['PATH'], ...env, ROLES: roles, DATA_DIR: directory, PORT: '0', LOG_LEVEL: 'warn' },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const member = new Member(child, directory);
    Member.all.push(member);
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (member.said += text));
    const [told] = (await once(child, 'message')) as [{ type: string; url: string; message?: string }];
    if (told.type !== 'listening') throw new Error(`${roles} did not start: ${told.message}\n${member.said}`);
    member.address = told.url;
    return member;
  }

  get url(): string {
    return this.address;
  }

  get pid(): number {
    return this.child.pid!;
  }

  // Tests know what they asked for.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async ask(query: string, variables: object = {}): Promise<any> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: unknown; errors?: { extensions: { code: string } }[] };
    if (errors) throw Object.assign(new Error(JSON.stringify(errors)), { code: errors[0]!.extensions.code });
    return data;
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = once(this.child, 'exit');
      this.child.kill(signal);
      await gone;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

afterAll(async () => {
  for (const member of Member.all) await member.end('SIGKILL');
  await esdb?.down();
  await postgres?.stop();
});

const OPEN = 'mutation ($i: OpenJourneyInput!) { openJourney(input: $i) { id position } }';
const RECORD = 'mutation ($i: RecordTouchpointInput!) { recordTouchpoint(input: $i) { id entryId position } }';
const MERGE = 'mutation ($i: MergeJourneysInput!) { mergeJourneys(input: $i) { position } }';
const REGISTER = 'mutation ($i: RegisterCustomerInput!) { registerCustomer(input: $i) { id } }';
const COUNT = 'query ($id: ID!, $p: Position) { journey(id: $id, atLeast: $p) { touchpointCount } }';
const LEASES = '{ leases { name holder epoch } }';
const EVENTS = 'query ($after: String) { events(first: 500, after: $after) { edges { node { id type stream position data metadata { actor { id } } } } pageInfo { hasNextPage endCursor } } }'; // prettier-ignore
const SHOWN = `{ journeys(first: 200) { edges { node { id status touchpointCount } } }
  journeyMap(filter: {}) { cases { value } edges { source target count { value } } } }`;

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

interface Told {
  readonly data: { readonly code?: string; readonly touchpointId?: string };
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly position: string;
  readonly metadata: { readonly actor: { readonly id: string } };
}

async function wholeLog(member: Pick<Member, 'ask'>): Promise<Told[]> {
  const told: Told[] = [];
  for (let after: string | undefined; ;) {
    const { edges, pageInfo } = (await member.ask(EVENTS, { after })).events;
    told.push(...(edges as { node: Told }[]).map(({ node }) => node));
    if (!pageInfo.hasNextPage) return told;
    after = pageInfo.endCursor as string;
  }
}

(postgres ? describe : describe.skip)('processes that share one log and one PostgreSQL', () => {
  it('answer as one, and go on within ten seconds when the one that projects is killed', async () => {
    esdb = await FaultyEsdb.start();
    const env = { EVENT_LOG_URL: esdb.url, READ_STORE_URL: freshSchema(postgres!, 'house') };
    const [a, b, first] = await Promise.all([
      Member.start(env, 'api,delivery'),
      Member.start(env, 'api,delivery'),
      Member.start(env, 'projector,clock'),
    ]);
    const apis = [a, b];
    const feeds = apis.map(() => [] as CloudEvent[]);
    const readers = await Promise.all(
      apis.map(({ url }, i) =>
        FeedReader.open(url, { on: ({ event, data }) => void (event === 'message' && feeds[i]!.push(data)) }),
      ),
    );
    const open = async (member: Member) =>
      (await member.ask(OPEN, { i: { journeyType: 'repair' } })).openJourney as { id: string; position: string };
    const counts = new Map<string, number>();
    const record = async (member: Member, journeyId: string, n: number) => {
      const occurredAt = new Date(Date.UTC(2025, 6, 1) + n * 60_000).toISOString();
      const i = { journeyId, kind: 'contact.call-received', occurredAt };
      const { position } = (await member.ask(RECORD, { i })).recordTouchpoint as { position: string };
      counts.set(journeyId, (counts.get(journeyId) ?? 0) + 1);
      return position;
    };

    /** Somebody calls again within days, which a rule makes a moment of; the id of the second call. */
    const callTwice = async (member: Member, phone: string) => {
      const i = { identifiers: [{ type: 'phone', value: phone }] };
      const customerId = (await member.ask(REGISTER, { i })).registerCustomer.id as string;
      let entryId = '';
      for (const day of [1, 2]) {
        const occurredAt = `2025-07-0${day}T08:00:00Z`;
        const o = { journeyType: 'fault-repair', customerId, occurredAt };
        const journeyId = (await member.ask(OPEN, { i: o })).openJourney.id as string;
        const c = { journeyId, kind: 'contact.call-received', occurredAt };
        entryId = (await member.ask(RECORD, { i: c })).recordTouchpoint.entryId as string;
      }
      return entryId;
    };
    const decided = async (member: Member) =>
      (await wholeLog(member))
        .filter(({ type, data }) => type === 'MomentObserved' && data.code === 'NEG-S3')
        .map(({ data }) => data.touchpointId!);
    const untilDecided = async (member: Member, touchpointId: string) => {
      for (const from = performance.now(); !(await decided(member)).includes(touchpointId); await sleep(50)) {
        if (performance.now() - from > FAIL_OVER_MS) throw new Error(`Nothing was decided of ${touchpointId}.`);
      }
    };

    // Written at one, read at the other, in turns.
    const { id } = await open(a);
    for (let n = 0; n < 10; n++) {
      const p = await record(apis[n % 2]!, id, n);
      expect((await apis[(n + 1) % 2]!.ask(COUNT, { id, p })).journey).toEqual({ touchpointCount: n + 1 });
    }

    const second = await Member.start(env, 'projector,clock');
    const holderOf = (leases: readonly Lease[]) => [...new Set(leases.map(({ holder }) => holder))];
    const before = (await a.ask(LEASES)).leases as Lease[];
    expect(holderOf(before)).toEqual([expect.stringContaining(`/${first.pid}/`)]);
    const repeats = [await callTwice(a, '1')];
    await untilDecided(b, repeats[0]!);
    // Of the whole house, though neither runs one.
    const policies = async (member: Member) => (await member.ask('{ policies { name state holder } }')).policies;
    const states = async () => (await policies(b)).map(({ state }: { state: string }) => state);
    const until = async (state: string) => {
      for (const from = performance.now(); (await states()).some((s: string) => s !== state); await sleep(100))
        if (performance.now() - from > FAIL_OVER_MS) throw new Error(`The policies are ${await states()}.`);
    };
    await until('LIVE');
    const standing = ['rule-moments', 'follow-ups'].map((name) => ({
      name,
      state: 'LIVE',
      holder: holderOf(before)[0],
    }));
    for (const member of apis) expect((await policies(member)).sort(byName)).toEqual(standing.sort(byName));
    // History that is open at one is open for all.
    const loading = await Member.start({ ...env, HISTORY_OPEN: 'true' }, 'api');
    const called = await callTwice(a, '3');
    await until('WAITING');
    expect(await decided(b)).toEqual(repeats);
    await loading.end('SIGTERM');
    repeats.push(called);
    await untilDecided(b, called);
    await until('LIVE');
    const [other, survivor] = [await open(b), await open(a)];
    await a.ask(MERGE, { i: { journeyId: other.id, survivorId: survivor.id, reason: 'The same fault.' } });

    // Writing goes on while nobody projects.
    await first.end('SIGKILL');
    const killedAt = performance.now();
    repeats.push(await callTwice(b, '2'));
    let p = '';
    for (let n = 10; n < 30; n++) p = await record(apis[n % 2]!, id, n);
    for (let i = 0; ; i++) {
      const answer = await apis[i % 2]!.ask(COUNT, { id, p }).catch((error: { code: string }) => error);
      if ('journey' in answer) {
        expect(answer.journey).toEqual({ touchpointCount: 30 });
        break;
      }
      expect(answer.code).toBe('NOT_YET_PROJECTED');
      expect(performance.now() - killedAt).toBeLessThan(FAIL_OVER_MS);
    }
    expect(performance.now() - killedAt).toBeLessThan(FAIL_OVER_MS);
    const after = (await b.ask(LEASES)).leases as Lease[];
    expect(holderOf(after)).toEqual([expect.stringContaining(`/${second.pid}/`)]);
    expect(after.map(({ epoch }) => epoch)).toEqual(before.map(({ epoch }) => epoch + 1));

    // What is asked of the projector by way of another process.
    const { rebuildProjection } = await b.ask('mutation { rebuildProjection(group: "journeys") { generation state } }');
    expect(rebuildProjection.generation).toBe('journeys-2');

    await untilDecided(a, repeats[2]!);

    // Nothing is missing, nothing came twice: in the log, in either feed, in the rows.
    await sleep(500);
    const log = await wholeLog(a);
    expect(new Set(log.map((event) => event.id)).size).toBe(log.length);
    for (const feed of feeds) expect(feed.map((event) => event.id)).toEqual(log.map((event) => event.id));
    expect((await decided(b)).sort()).toEqual([...repeats].sort());
    expect(log.filter(({ type }) => type === 'JourneyPartAdded')).toHaveLength(1);
    for (const reader of readers) reader.cut();

    const shown = await a.ask(SHOWN);
    expect(await b.ask(SHOWN)).toEqual(shown);
    const alone = await TestServer.start({ EVENT_LOG_URL: env.EVENT_LOG_URL });
    try {
      await alone.ready();
      expect((await alone.ask(SHOWN)).data).toEqual(shown);
    } finally {
      await alone.remove();
    }
    for (const member of [a, b, second]) await member.end('SIGTERM');
  }, 120_000);
});
