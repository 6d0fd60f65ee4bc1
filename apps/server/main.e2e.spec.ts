import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOwner } from '@touchstone/eventing';

const main = fileURLToPath(new URL('./dist/main.js', import.meta.url));
const base = mkdtempSync(join(tmpdir(), 'touchstone-main-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: string | null; out: string; err: string }>;
}

function run(args: readonly string[], { env = {}, ipc = false } = {}): Run {
  const child = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout!.on('data', (chunk) => (out += String(chunk)));
  child.stderr!.on('data', (chunk) => (err += String(chunk)));
  const ended = new Promise<Awaited<Run['ended']>>((resolve) =>
    // A child whose channel was let go of has no `close`.
    child.once(ipc ? 'exit' : 'close', (code, signal) => resolve({ code, signal, out, err })),
  );
  return { child, ended };
}

async function lineOf({ child }: Run): Promise<string> {
  let text = '';
  while (!text.includes('\n')) text += String((await once(child.stdout!, 'data'))[0]);
  return text.trim();
}

type Answer = { data: { events: { edges: { node: { recordedAt: string } }[] } } };

async function ask(url: string, query: string): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  return (await answer.json()) as Answer;
}

describe('npm start', () => {
  it.each([['0.0.0.0'], ['192.168.0.7'], ['example.com']])(
    'refuses to listen on %s before it touches a file',
    async (host) => {
      const directory = join(base, `refused-${host}`);
      const { code, out, err } = await run(['--host', host, '--data', directory]).ended;
      expect([code, out]).toEqual([1, '']);
      expect(err).toMatch(/^ADDRESS_NOT_LOOPBACK: .* listen on 127\.0\.0\.1 or ::1 /);
      expect(readdirSync(base)).not.toContain(`refused-${host}`);
    },
  );

  it.each([
    [['--port', 'many'], {}, /^CONFIG_INVALID: .*--port must be a whole number/],
    [[], { PORT: '-1', LOG_LEVEL: 'loud' }, /^CONFIG_INVALID: .*PORT must be .*LOG_LEVEL must be one of/],
    [['--nothing'], {}, /Unknown option '--nothing'[^]*See --help/],
    [['stray'], {}, /Unexpected argument 'stray'[^]*See --help/],
  ])('refuses %j with %j', async (args, env, message) => {
    const { code, err } = await run(['--data', join(base, 'never'), ...args], { env }).ended;
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err).not.toContain('    at ');
  });

  it('explains itself', async () => {
    const { code, out } = await run(['--help']).ended;
    expect(code).toBe(0);
    for (const word of ['--data DIR', 'DATA_DIR', '--port N', 'default 4000', 'CLOCK_AT']) expect(out).toContain(word);
  });

  it('says where it listens, tells its directory, and ends cleanly at a signal', async () => {
    const directory = join(base, 'signal');
    const server = run(['--data', directory, '--port', '0']);
    const [, url] = /^Touchstone listens on (http:\/\/127\.0\.0\.1:\d+) /.exec(await lineOf(server))!;
    expect(await readOwner(directory)).toMatchObject({ live: true, url, pid: server.child.pid });
    expect((await fetch(`${url}/health/live`)).status).toBe(200);

    const second = await run(['--data', directory, '--port', '0']).ended;
    expect(second).toMatchObject({ code: 1, out: '' });
    expect(second.err).toContain('DATA_DIRECTORY_IN_USE');
    expect(second.err).toContain(url);

    const other = await run(['--data', join(base, 'other'), '--port', new URL(url!).port]).ended;
    expect(other).toMatchObject({ code: 1, out: '' });
    expect(other.err).toContain('ADDRESS_IN_USE');

    server.child.kill('SIGTERM');
    server.child.kill('SIGTERM');
    const ended = await server.ended;
    expect(ended).toMatchObject({ code: 0, signal: null });
    expect(ended.err).toMatch(
      /^\S+ info  \[Server\] Listening .*\n\S+ info  \[Server\] Stopping.*\n\S+ info  \[Server\] Stopped.*\n$/,
    );
    expect(await readOwner(directory)).toBeNull();
  }, 60_000);

  it('tells the process that started it, and ends when that one lets go', async () => {
    const directory = join(base, 'child');
    const clock = ['--clock-at', '2024-05-01T08:00:00+08:00'];
    const server = run(['--data', directory, '--port', '0', '--log-level', 'warn', ...clock], { ipc: true });
    const [message] = (await once(server.child, 'message')) as [{ type: string; url: string }];
    expect(message).toEqual({ type: 'listening', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string });
    await ask(
      message.url,
      'mutation { registerCustomer(input: { identifiers: [{ type: "account", value: "1" }] }) { id } }',
    );
    const { data } = await ask(
      message.url,
      '{ events(first: 1, stream: "customer-") { edges { node { recordedAt } } } }',
    );
    expect(data.events.edges[0]!.node.recordedAt).toMatch(/^2024-05-01T00:00:/);
    server.child.disconnect();
    expect(await server.ended).toMatchObject({ code: 0, signal: null, err: '' });
  }, 60_000);

  it('tells the process that started it why it cannot', async () => {
    const server = run(['--host', '0.0.0.0', '--data', join(base, 'never')], { ipc: true });
    const [message] = (await once(server.child, 'message')) as [object];
    expect(message).toMatchObject({ type: 'failed', code: 'ADDRESS_NOT_LOOPBACK' });
    expect((await server.ended).code).toBe(1);
  });
});
