import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { parse } from 'yaml';
import { readOwner } from '@touchstone/eventing';
import { runHere } from './testing.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = join(root, 'bin/touchstone.js');
const serverMain = join(root, 'apps/server/dist/main.js');
const base = mkdtempSync(join(tmpdir(), 'touchstone-cli-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[], cwd = base): { child: ChildProcess; err: () => string; ended: Promise<Ended> } {
  const env = { PATH: process.env['PATH'], TMPDIR: base, TOUCHSTONE_ACTOR: 'tester' };
  const child = spawn(process.execPath, [bin, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  return { child, err: () => err, ended };
}

const run = (...args: string[]): Promise<Ended> => start(args).ended;

/** A server as somebody else runs it, for many commands. */
async function serve(data: string): Promise<{ url: string; stop: () => Promise<unknown> }> {
  const server = spawn(process.execPath, [serverMain, '--data', data, '--port', '0'], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await Promise.race([once(server.stdout!, 'data'), once(server, 'exit')])) as [unknown];
  const url = /http:\S+/.exec(String(line))?.[0];
  if (url === undefined) throw new Error('The server did not start.');
  return { url, stop: () => (server.kill('SIGTERM'), once(server, 'exit')) };
}

/** Two activities by two units for each of `count` customers; every third journey ends with the first activity. */
const event = (name: string, at: string, unit: string, more = '') =>
  `<event><string key="concept:name" value="${name}"/><date key="time:timestamp" value="${at}"/>` +
  `<string key="org:group" value="${unit}"/>${more}</event>`;
const log = (count: number, more = '') =>
  `<log>${Array.from({ length: count }, (_, i) => {
    const events = [event('Call', '2025-07-16T08:00:00+08:00', 'desk', '<string key="phone" value="000-5550-1"/>')];
    if (i % 3 !== 2)
      events.push(event('Repair', i % 3 === 0 ? '2025-07-16T09:30:00+08:00' : '2025-07-16T10:30:00+08:00', 'crew'));
    const names = `<string key="concept:name" value="T${i}"/><string key="who" value="C${i}"/>`;
    return `<trace>${names}${events.join('')}</trace>`;
  }).join('\n')}${more}</log>`;
const write = (name: string, content: string | Buffer): string => {
  const path = join(base, name);
  writeFileSync(path, content);
  return path;
};
const options = ['--customer', 'who', '--unit', 'org:group', '--closes', 'Repair', '--personal', 'phone'];
const errorCode = ({ err }: { readonly err: string }) => /^([A-Z_]+): /m.exec(err)?.[1];

describe('the bin', () => {
  it('explains itself, from any directory', async () => {
    const { code, out, err } = await run('--help');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^Usage: touchstone /);
    expect((await run('nope')).code).toBe(2);
  });

  it('is what npx finds in the clone, without asking a registry', () => {
    const env = {
      ...process.env,
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_offline: 'true',
      npm_config_yes: 'false',
    };
    const { status, stdout } = spawnSync('npx', ['touchstone', '--help'], { cwd: root, env, encoding: 'utf8' });
    expect([status, stdout.split('\n')[0]]).toEqual([0, 'Usage: touchstone [options] [command]']);
  });

  it('says what to do while nothing is compiled', () => {
    const clone = join(base, 'clone');
    spawnSync('mkdir', ['-p', join(clone, 'bin'), join(clone, 'node_modules/commander')]);
    writeFileSync(join(clone, 'package.json'), '{"type":"module"}');
    writeFileSync(join(clone, 'bin/touchstone.js'), readFileSync(bin));
    const tried = () => spawnSync(process.execPath, [join(clone, 'bin/touchstone.js')], { encoding: 'utf8' });
    expect(tried()).toMatchObject({ status: 1, stderr: expect.stringMatching(/^NOT_BUILT: .*`npm run build`/) });
    rmSync(join(clone, 'node_modules'), { recursive: true });
    expect(tried()).toMatchObject({ status: 1, stderr: expect.stringMatching(/^NOT_INSTALLED: .*`npm ci`/) });
  });
});

describe('a directory that nobody has', () => {
  const data = join(base, 'own');
  const file = write('calls.xes', log(6));

  it('takes an import in, and gives the directory back', async () => {
    const { code, out, err } = await run('import', file, '--data', data, ...options);
    expect([code, err.includes('Reading: ')]).toEqual([0, true]);
    expect(out).toMatch(/^Imported: calls\n {2}10 events sent = 10 taken \+ 0 already known \+ 0 quarantined\n/);
    expect(out).toMatch(/6 journeys in 6 traces, 2 kinds/);
    expect(await readOwner(data)).toBeNull();
  });

  it('knows what it has: a gzip copy elsewhere adds nothing', async () => {
    const copy = write('copy.xes.gz', gzipSync(readFileSync(file)));
    const { code, out, err } = await run(
      'import',
      copy,
      '--journey-type',
      'calls',
      '--data',
      data,
      ...options,
      '--json',
    );
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({ status: 'imported', sent: 10, taken: 0, known: 10, quarantined: 0 });
  });

  it('leaves no name, key or phone in its files', () => {
    const bytes = readdirSync(data, { recursive: true, encoding: 'utf8' })
      .map((name) => join(data, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, 'latin1'))
      .join('');
    expect(bytes).toContain('Repair');
    expect(bytes).not.toContain('000-5550-1');
  });

  it('is refused when it holds no log, and nothing is left behind', async () => {
    const ended = await run('map', '--data', join(base, 'mistyped'));
    expect([ended.code, errorCode(ended)]).toEqual([1, 'DATA_DIRECTORY_EMPTY']);
    expect(existsSync(join(base, 'mistyped'))).toBe(false);
  });
});

describe('a running server', () => {
  const data = join(base, 'served');
  let server: Awaited<ReturnType<typeof serve>> | undefined;
  /** In this process, which starts no other: the tests above and below are those of the bin. */
  const ask = (...args: string[]) => runHere(...args, '--server', server!.url);
  const json = async (...args: string[]) => {
    const { code, out, err } = await ask(...args, '--json');
    expect([code, err]).toEqual([0, '']);
    return JSON.parse(out) as Record<string, unknown>;
  };
  const events = async () => (await json('events', '--first', '1000'))['events'] as unknown[];

  beforeAll(async () => {
    server = await serve(data);
    const noTime = '<trace><string key="concept:name" value="T99"/><event><string key="concept:name" value="Call"/></event></trace>'; // prettier-ignore
    const file = write('tickets.xes', log(9, noTime));
    const { code, out } = await run('import', file, '--data', data, '--source', 'desk', ...options);
    expect(code).toBe(0);
    expect(out).toMatch(/16 events sent = 15 taken \+ 0 already known \+ 1 quarantined/);
    expect(out).toMatch(/1 XES_NO_TIMESTAMP/);
  });
  afterAll(async () => {
    expect(await server?.stop()).toEqual([0, null]);
  });

  it('is found by the directory, and by its address', async () => {
    expect(await readOwner(data)).toMatchObject({ live: true, url: server!.url });
    expect((await run('map', '--data', data)).out).toMatch(/^9 journeys/);
    const { code, out } = await run('projections', '--server', server!.url, '--data', join(base, 'other'));
    expect(code).toBe(0);
    expect(out).toMatch(/^journeys +journeys-1 +live /m);
    expect(existsSync(join(base, 'other'))).toBe(false);
  });

  it('is not changed by a dry run', async () => {
    const before = await events();
    const { code, out } = await ask('import', write('more.xes', log(30)), '--dry-run');
    expect(code).toBe(0);
    expect(out).toMatch(/^Checked, nothing was appended: more\n {2}50 events sent/);
    expect(await events()).toEqual(before);
  });

  it('draws maps', async () => {
    const map = await json('map', '--journey-type', 'tickets');
    expect(map).toEqual({
      cases: 9,
      events: 15,
      activities: 2,
      variants: 2,
      topVariantCases: 6,
      dfgEdges: 1,
      dfgTransitions: 6,
      reworkCases: 0,
      selfLoops: 0,
      handovers: 6,
      pingPongCases: 0,
      // Three took 1.5 h, three 2.5 h, and three only rang: nearest rank of nine.
      caseHoursP50: 1.5,
      caseHoursP90: 2.5,
      startActivities: { Call: 9 },
      endActivities: { Repair: 6, Call: 3 },
      edges: [{ source: 'Call', target: 'Repair', count: 6, p50Hours: 1.5, p90Hours: 2.5, p99Hours: 2.5 }],
      asOf: { position: expect.stringMatching(/^[0-9a-f]{16}$/), instant: expect.any(String) },
    });
    const { out } = await ask('map', '--journey-type', 'tickets');
    expect(out).toMatch(/^9 journeys \(6 closed, 3 open\), 15 touchpoints of 2 kinds\n/);
    expect(out).toMatch(/^Call +Repair +6 +90 min +2 h 30 min +2 h 30 min$/m);
    expect(await json('map', '--journey-type', 'tickets', '--unit', 'crew')).toMatchObject({ cases: 6 });
    expect((await json('map', '--max-nodes', '1'))['edges']).toMatchObject([
      { source: 'Call', target: 'Other', count: 6 },
    ]);
  });

  it('says when no journey answers', async () => {
    const { code, out, err } = await ask('map', '--journey-type', 'ticket');
    expect([code, out]).toEqual([0, '']);
    expect(err).toMatch(/^No journey answers/);
  });

  it('lists journeys page by page, and tells each of them', async () => {
    const first = await json('journeys', '--status', 'closed', '--first', '4');
    const rest = await json('journeys', '--status', 'closed', '--after', first['endCursor'] as string);
    const keys = [first, rest].flatMap((page) => (page['journeys'] as { key: string }[]).map((j) => j.key));
    expect(keys.sort()).toEqual(['T0', 'T1', 'T3', 'T4', 'T6', 'T7']);
    const [journey] = first['journeys'] as { id: string; key: string; customerId: string }[];

    const byJourney = await ask('timeline', journey!.id);
    expect(byJourney.out).toMatch(
      new RegExp(`^Journey ${journey!.id}: 2 entries in 1 journey\n  ${journey!.key}  tickets`),
    );
    expect(byJourney.out).toMatch(/^ {2}08:00:00 \+08:00 {2}- {2}Call +desk$/m);
    expect(byJourney.out).toMatch(/^ {2}\d\d:30:00 \+08:00 {2}- {2}Repair +crew {2}\[closes\]$/m);
    expect((await ask('timeline', journey!.customerId)).out).toMatch(/^Customer .*: 2 entries in 1 journey\n/);
    const named = await json('timeline', 'desk/who=C0');
    expect((named['journeys'] as { key: string }[]).map((j) => j.key)).toEqual(['T0']);
  });

  it('shows what was known before a correction, and what came since', async () => {
    const timeline = await json('timeline', 'desk/who=C1');
    const [, repair] = timeline['entries'] as { entryId: string; journeyId: string }[];
    const { position } = timeline['asOf'] as { position: string };
    const mutation = `mutation M($input: CorrectTouchpointInput!) { correctTouchpoint(input: $input) { position } }`;
    const input = {
      ...{ touchpointId: repair!.entryId, journeyId: repair!.journeyId },
      unit: 'crew-7',
      reason: 'roster',
    };
    const answer = await fetch(`${server!.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: mutation, variables: { input } }),
    });
    expect(await answer.json()).toMatchObject({ data: { correctTouchpoint: { position: expect.any(String) } } });
    const now = (await ask('timeline', repair!.journeyId)).out;
    expect(now).toMatch(/Repair +crew-7 {2}\[closes\] \[corrected, was unit crew: roster\]$/m);
    const then = (await ask('timeline', repair!.journeyId, '--as-of', position)).out;
    expect(then).toMatch(/Repair +crew {2}\[closes\] \[corrected since to unit crew-7: roster\]$/m);
    expect(then).toContain(`position ${position}`);
  });

  it('shows the log, who caused it, the quarantine and the parking place', async () => {
    const { out } = await ask('events', '--type', 'PackPublished', '--stream', 'pack-import-tickets');
    expect(out).toMatch(/PackPublished +pack-import-tickets@0 .* tester$/m);
    const { quarantine } = await json('quarantine', '--source', 'desk');
    expect(quarantine).toMatchObject([{ source: 'desk', journeyType: 'tickets', line: 9, code: 'XES_NO_TIMESTAMP' }]);
    expect(await json('quarantine', '--code', 'NONE')).toEqual({ quarantine: [], hasNextPage: false, endCursor: null });
    expect(await json('park', 'list')).toEqual({ parked: [] });
    expect(await json('park', 'retry', 'journeys')).toEqual({ applied: 0, waiting: 0 });
  });

  it('rebuilds its read models, and answers the same from the new ones', async () => {
    const before = await json('map', '--journey-type', 'tickets');
    const { projections } = await json('rebuild', 'journeys');
    expect(projections).toMatchObject([{ group: 'journeys', generation: 'journeys-2', state: 'LIVE', parked: 0 }]);
    const after = await json('map', '--journey-type', 'tickets');
    expect({ ...after, asOf: null }).toEqual({ ...before, asOf: null });
  });

  const sound = write('sound.xes', log(3));
  it.each<[string, string[], string]>([
    ['no log at all', ['import', write('text.xes', 'Dear all,')], 'XES_NOT_A_LOG'],
    ['a log that ends too soon', ['import', write('short.xes', log(3).slice(0, -40))], 'XES_TRUNCATED'],
    ['half a gzip', ['import', write('half.xes.gz', gzipSync(log(200)).subarray(0, 600))], 'GZIP_TRUNCATED'],
    ['a name that is none', ['import', sound, '--journey-type', '?'], 'OPTION_INVALID'],
    [
      'a kind nobody published',
      ['import', sound, '--map', write('wrong.yaml', 'Call: crew.nowhere\n')],
      'KIND_UNKNOWN',
    ],
    ['personal and readable', ['import', sound, '--unit', 'a', '--personal', 'a'], 'OPTION_CONFLICT'],
    ['an unknown id', ['timeline', '00000000-0000-0000-0000-000000000000'], 'ID_UNKNOWN'],
    ['something else than an id', ['timeline', 'T0'], 'ID_INVALID'],
    ['an unknown name', ['timeline', 'desk/who=nobody'], 'CUSTOMER_UNKNOWN'],
    ['a wrong cursor', ['journeys', '--after', 'rubbish'], 'INVALID_CURSOR'],
    ['a position beyond the log', ['map', '--as-of', 'ffffffffffffffff'], 'INVALID_POSITION'],
    ['an unknown group', ['rebuild', 'nothing'], 'GROUP_UNKNOWN'],
    ['nothing to skip', ['park', 'skip', 'journeys', 'a-1', '0', '--reason', 'x'], 'PARKED_NOT_FOUND'],
  ])('refuses %s with its code, and changes nothing', async (_what, args, code) => {
    const before = await events();
    const ended = await ask(...args);
    expect([ended.code, ended.out]).toEqual([1, '']);
    expect(errorCode(ended)).toBe(code);
    expect(await events()).toEqual(before);
  });
});

describe('a command that is killed', () => {
  const rows = 1_500;
  const file = write('big.xes', log(rows));
  const sent = rows + (rows / 3) * 2;

  it('takes its server with it, and the next run completes the import', async () => {
    const data = join(base, 'killed');
    const first = start(['import', file, '--data', data, ...options]);
    while (!first.err().includes('Appending')) {
      expect(first.child.exitCode).toBeNull();
      await sleep(20);
    }
    const owner = await readOwner(data);
    first.child.kill('SIGKILL');
    await first.ended;

    const again = await run('import', file, '--data', data, ...options, '--json');
    const result = JSON.parse(again.out) as { sent: number; taken: number; known: number };
    expect([again.code, result.sent, result.taken + result.known]).toEqual([0, sent, sent]);
    expect(() => process.kill(owner!.pid, 0)).toThrow('ESRCH');
    const map = await run('map', '--data', data, '--json');
    expect(JSON.parse(map.out)).toMatchObject({ cases: rows, events: sent });
  }, 120_000);

  it('stops in order on Ctrl-C', async () => {
    const data = join(base, 'interrupted');
    const { child, err, ended } = start(['import', file, '--data', data, ...options]);
    while (!err().includes('Reading')) {
      expect(child.exitCode).toBeNull();
      await sleep(20);
    }
    child.kill('SIGINT');
    const { code, err: said } = await ended;
    expect([code, said.split('\n').at(-2)]).toEqual([130, expect.stringMatching(/^INTERRUPTED: /)]);
    expect(await readOwner(data)).toBeNull();
  });
});

describe('the demo', () => {
  it('has the example that its script makes, and a kind for each activity', () => {
    const made = spawnSync(process.execPath, [join(root, 'scripts/make-example.js'), '--check'], { encoding: 'utf8' });
    expect([made.status, made.stderr]).toEqual([0, '']);
    const xes = readFileSync(join(root, 'examples/fault-repairs.xes'), 'utf8');
    expect(xes.length).toBeLessThan(1_000_000);
    const activities = new Set(
      [...xes.matchAll(/<event><string key="concept:name" value="([^"]+)"/g)].map((m) => m[1]),
    );
    const kinds = parse(readFileSync(join(root, 'examples/fault-repairs.kinds.yaml'), 'utf8')) as object;
    expect(Object.keys(kinds).sort()).toEqual([...activities].sort());
    expect([xes.split('<trace>').length - 1, new Set(xes.match(/A-31\d{4}/g)).size]).toEqual([200, 120]);
  });

  it('tells five beats in a pipe, and leaves nothing', async () => {
    const { code, out, err } = await run('demo', '--exit');
    expect([code, err]).toEqual([0, expect.stringMatching(/^Starting a server/)]);
    expect(out).toMatch(
      /^Imported: fault-repair\n {2}1,\d{3} events sent = 1,\d{3} taken \+ 0 already known \+ 0 quarantined/,
    );
    expect(out).toMatch(/200 journeys in 200 traces/);
    const [, life = '', figures = '', noticed = '', moved = '', coaching = ''] = out.split(/^\d\. /m);
    expect(life).toMatch(
      /^One customer over hotline, app, crew and call-back\n\n {2}Customer .*: \d+ entries in 3 journeys/,
    );
    for (const channel of ['hotline', 'app', 'crew']) expect(life).toMatch(new RegExp(`\\+08:00  ${channel} `));
    expect(life).toMatch(/Call-back after the work 回访/);
    expect(life).toMatch(/▲ POS-07 Clear expression, 5W1H 清晰5W1H \(customer\) "/);
    expect(life).toMatch(/▼▼ NEG-07 Vague, passing round 含糊推诿 \(customer\) "/);
    expect(life).toMatch(/▼ NEG-S2 .* \(rule, version 1\)$/m);
    for (const rating of [
      '\\+2 Very satisfied 很满意',
      '0 Satisfied 满意',
      '−1 Dissatisfied',
      '−2 Very dissatisfied',
    ]) {
      expect(life).toMatch(new RegExp(`^ +${rating}`, 'm'));
    }
    expect(life).toMatch(/Crew arrived 到达现场 .*\[corrected, was \d\d:\d\d:\d\d: tablet was offline/);
    expect(life).toMatch(/\[repeat contact; app → hotline, out of context\]/);
    expect(figures.match(/^ {2}M-[A-Z]+ .*\bn \d+.*\n {4}behind it, for one: [0-9a-f-]{36} \(/gm)).toHaveLength(3);
    expect(noticed).toMatch(
      /recorded: {3}▼▼ NEG-05 .*\n {2}subscriber: [0-9a-f]{16} {2}MomentObserved {2}▼ NEG-05 \(qa\)/,
    );
    const of = (text: string) => Number(/\((\d+) of 1,\d{3},/.exec(text)?.[1]);
    const [, now = '', then = ''] = /now: +(.*)\n {2}as of [0-9a-f]{16}: +(.*)/.exec(moved) ?? [];
    expect(of(now)).toBe(of(then) + 1);
    expect(coaching).toMatch(/▼ NEG-05 .* 强调己对不认错\n {2}▲ POS-05 First-contact ownership 首问担责/);
    expect(out).toMatch(/Look around: http:\/\/127\.0\.0\.1:\d+\//);
    expect(out).not.toMatch(/\u001b|Lin Hui/);
    expect(readdirSync(base).filter((name) => name.startsWith('touchstone-demo-'))).toEqual([]);
  }, 120_000);

  describe('with a directory of its own', () => {
    let demo: ReturnType<typeof start>;
    let told: DemoAnswer;
    let url: string;
    const ask = (...args: string[]) => runHere(...args, '--server', url);

    beforeAll(async () => {
      demo = start(['demo', '--data', join(base, 'demo'), '--json']);
      let printed = '';
      demo.child.stdout!.on('data', (text: string) => (printed += text));
      while (!printed.endsWith('\n}\n')) {
        expect(demo.child.exitCode).toBeNull();
        await sleep(50);
      }
      told = JSON.parse(printed) as DemoAnswer;
      url = told.url;
    }, 120_000);
    afterAll(async () => {
      demo.child.kill('SIGINT');
      await demo.ended;
    });

    it('tells the same to a program', () => {
      expect(told.figures.map(({ metric }) => metric.id)).toEqual(['M-RPT', 'M-EEG', 'M-MOTN']);
      for (const { total, event } of told.figures) {
        expect([total.value === null, total.n > 0, event?.eventId]).toEqual([false, true, expect.any(String)]);
      }
      expect(told.subscriber).toMatchObject({ id: told.recorded.id, type: 'MomentObserved' });
      expect(told.is.total.numerator).toBe(told.was.total.numerator + 1);
      expect(told.is.total.value!).toBeGreaterThan(told.was.total.value!);
      expect(told.counterpart).toMatchObject({ code: 'POS-05', nameZh: '首问担责' });
      expect(told.timeline.entries.some(({ moments }) => moments.length > 0)).toBe(true);
    });

    it('leaves no metric without an answer', async () => {
      const query = async <T>(text: string): Promise<T> => {
        const body = JSON.stringify({ query: text });
        const headers = { 'content-type': 'application/json' };
        const { data, errors } = (await (await fetch(`${url}/graphql`, { method: 'POST', headers, body })).json()) as {
          data: T;
          errors?: unknown;
        };
        expect(errors).toBeUndefined();
        return data;
      };
      const { metrics } = await query<{ metrics: { id: string }[] }>('{ metrics { id } }');
      expect(metrics).toHaveLength(14);
      for (const { id } of metrics) {
        const { metric } = await query<{ metric: { total: { value: number | null; n: number } } }>(
          `{ metric(id: "${id}") { total { value n } } }`,
        );
        expect([id, metric.total.value === null, metric.total.n > 0]).toEqual([id, false, true]);
      }
    });

    it('has a ledger of moments, page by page, with what answers the negative ones', async () => {
      const first = await ask('moments', '--polarity', 'negative', '--observer', 'customer', '--first', '1', '--json');
      const { moments, endCursor } = JSON.parse(first.out) as {
        moments: { counterpart: { code: string } }[];
        endCursor: string;
      };
      expect([first.code, moments]).toEqual([
        0,
        [expect.objectContaining({ polarity: 'negative', observer: 'customer' })],
      ]);
      expect(moments[0]!.counterpart.code).toMatch(/^POS-0\d$/);
      const next = await ask(
        'moments',
        '--polarity',
        'negative',
        '--observer',
        'customer',
        '--after',
        endCursor,
        '--lang',
        'zh',
      );
      expect(next.out).toMatch(/^occurred .* coaching +journey +id\n\d{4}-\d\d-\d\dT/);
      expect(next.out).toMatch(/▼+ +NEG-0\d +\p{Script=Han}+ +customer .* POS-0\d \p{Script=Han}+ /u);
      expect((await ask('moments', '--code', 'NEG-S2', '--json')).out).toMatch(/"version": 1/);
      const all = JSON.parse((await ask('moments', '--retracted', '--first', '1000', '--json')).out) as {
        moments: object[];
      };
      const held = JSON.parse((await ask('moments', '--first', '1000', '--json')).out) as { moments: object[] };
      expect(all.moments.length).toBeGreaterThan(held.moments.length);
      expect((await ask('moments', '--code', 'NEG-99')).err).toMatch(/^No moment answers/);
    });

    it('is followed as it is written, from any position', async () => {
      const { journeyId } = told.timeline.entries[0]!;
      const follower = start(['events', '--follow', '--since', told.was.asOf.position, '--type', 'MomentObserved,JourneyClosed', '--server', url]); // prettier-ignore
      let lines = '';
      follower.child.stdout!.on('data', (text: string) => (lines += text));
      const until = async (pattern: RegExp) => {
        for (let tries = 0; !pattern.test(lines) && tries < 400; tries++) await sleep(25);
        expect(lines).toMatch(pattern);
      };
      await until(/MomentObserved {2}▼ NEG-05 \(qa\) {2}journey-/);
      const mutation = `mutation { reopenJourney(input: { journeyId: "${journeyId}", reason: "once more", occurredAt: "2025-07-28T10:00:00+08:00" }) { position }
        closeJourney(input: { journeyId: "${journeyId}", reason: "done", occurredAt: "2025-07-28T10:01:00+08:00" }) { position } }`;
      const answer = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: mutation }),
      });
      expect(await answer.json()).toMatchObject({ data: { closeJourney: { position: expect.any(String) } } });
      await until(new RegExp(`JourneyClosed {2}journey-${journeyId}@\\d+`));
      follower.child.kill('SIGINT');
      expect((await follower.ended).code).toBe(0);
      const narrow = start(['events', '--follow', '--json', '--since', told.was.asOf.position, '--journey-type', 'fault-repair', '--unit', 'nobody', '--server', url]); // prettier-ignore
      const wide = start(['events', '--follow', '--json', '--since', told.was.asOf.position, '--type', 'JourneyClosed', '--server', url]); // prettier-ignore
      let line = '';
      wide.child.stdout!.on('data', (text: string) => (line += text));
      for (let tries = 0; !line.includes('\n') && tries < 400; tries++) await sleep(25);
      expect(JSON.parse(line.split('\n')[0]!)).toMatchObject({
        type: 'JourneyClosed',
        context: { journeyType: 'fault-repair', unit: null, supersedes: null },
      });
      for (const { child } of [narrow, wide]) child.kill('SIGINT');
      expect((await narrow.ended).out).toBe('');
      expect((await wide.ended).code).toBe(0);
    });

    it('stays up until it is told to end', async () => {
      expect((await fetch(url)).status).toBe(200);
      demo.child.kill('SIGINT');
      expect((await demo.ended).code).toBe(0);
      await expect(fetch(url)).rejects.toThrow();
      expect(await readOwner(join(base, 'demo'))).toBeNull();
    });
  });
});

interface DemoAnswer {
  readonly url: string;
  readonly timeline: {
    readonly entries: readonly { readonly journeyId: string; readonly moments: readonly object[] }[];
  };
  readonly figures: readonly DemoFigure[];
  readonly recorded: { readonly id: string };
  readonly subscriber: object;
  readonly was: DemoFigure & { readonly asOf: { readonly position: string } };
  readonly is: DemoFigure;
  readonly counterpart: object;
}
interface DemoFigure {
  readonly metric: { readonly id: string };
  readonly total: { readonly n: number; readonly numerator: number; readonly value: number | null };
  readonly event: { readonly eventId: string } | null;
}
