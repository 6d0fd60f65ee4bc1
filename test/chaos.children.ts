import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** One command, as data. */
export interface ChaosWork {
  readonly decider: 'customer' | 'journey' | 'key';
  readonly command: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Commands that go to the kernel at once. The key is unique in a run. */
export interface Order {
  readonly key: string;
  readonly works: readonly ChaosWork[];
}

/** What a killed house is to do. */
export interface Orders {
  readonly directory: string;
  readonly seed: number;
  readonly round: number;
  /** What earlier rounds never heard an answer to: a client would ask again. */
  readonly repeat: readonly Order[];
  readonly writers: boolean;
  /** Orders of each writer. */
  readonly orders: number;
  readonly rebuild: boolean;
  /** A planted defect, to see it found. */
  readonly defect?: 'early-acknowledgement';
}

export interface Acknowledged {
  readonly ok: true;
  readonly stream: string;
  readonly revision?: number;
  readonly position?: string;
  readonly events: readonly {
    readonly id: string;
    readonly type?: string;
    readonly occurredAt?: string;
    readonly recordedAt?: string;
    readonly data?: unknown;
  }[];
}

/** A line that a house says. */
export type Said =
  | { readonly open: true }
  | { readonly about: string; readonly works: readonly ChaosWork[] }
  | {
      readonly done: string;
      readonly outcomes: readonly (
        Acknowledged | { readonly ok: false; readonly code: string; readonly kind: string }
      )[];
    }
  | { readonly phase: string }
  | { readonly settled: string }
  | { readonly broken: string };

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Every process that these tests start and that has not ended. */
const alive = new Set<ChildProcess>();

/** A process of ours; it is killed by its id, and only it. */
class Child {
  readonly exit: Promise<Exit>;

  protected constructor(protected readonly process: ChildProcess) {
    alive.add(process);
    this.exit = once(process, 'exit').then(([code, signal]) => {
      alive.delete(process);
      return { code, signal } as Exit;
    });
  }

  get pid(): number {
    return this.process.pid!;
  }

  signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.process.kill(name);
  }

  /** For the end of a test that failed half-way. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exit;
  }
}

/** Kills what is left of children and waits until they are gone. */
export async function killAll(): Promise<void> {
  for (const child of [...alive]) {
    const gone = once(child, 'exit');
    if (child.kill('SIGKILL')) await gone;
  }
}

/** A house at work (chaos.house.js). It is loaded ahead of its orders, for loading takes longest. */
export class House extends Child {
  /** Also settles when the process has ended instead. */
  readonly loaded: Promise<unknown>;
  private constructor(process: ChildProcess) {
    super(process);
    this.loaded = Promise.race([once(process, 'message'), this.exit]);
  }

  static load(): House {
    return new House(fork(at('./chaos.house.js'), { execArgv: [], stdio: ['ignore', 'pipe', 'inherit', 'ipc'] }));
  }

  /** Gives the orders and hears the house out, to its last whole line. */
  async *run(orders: Orders): AsyncGenerator<Said> {
    await this.loaded;
    // It may have been killed a moment ago.
    if (this.process.connected) this.process.send(orders, () => undefined);
    for await (const line of linesOf(this.process.stdout!)) {
      const said = parsed(line);
      if (said !== null) yield said;
    }
  }
}

/** What a GraphQL request was answered; tests know what they asked for. */
export interface GraphqlAnswer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly unknown[];
}

/** The compiled server, as `npm start` runs it. */
export class Server extends Child {
  url = '';
  /** What it wrote as warnings and errors. */
  printed = '';

  private constructor(process: ChildProcess) {
    super(process);
    process.stderr!.setEncoding('utf8').on('data', (text: string) => (this.printed += text));
  }

  static async start(directory: string, env: Readonly<Record<string, string | undefined>> = {}): Promise<Server> {
    const main = at('../apps/server/dist/main.js');
    const args = ['--data', directory, '--port', '0', '--log-level', env['LOG_LEVEL'] ?? 'warn'];
    const stdio = ['ignore', 'ignore', 'pipe', 'ipc'] as const;
    const child = fork(main, args, { execArgv: [], env: { ...process.env, ...env }, stdio: [...stdio] });
    const server = new Server(child);
    const [message] = (await Promise.race([once(child, 'message'), server.exit.then(() => [null])])) as [
      { type: string; url: string; message?: string } | null,
    ];
    if (message?.type !== 'listening')
      throw new Error(`The server did not start: ${message?.message ?? server.printed}`);
    server.url = message.url;
    return server;
  }

  /** Waits until every read model stands at the head of the log. */
  async settled(): Promise<void> {
    for (;;) {
      const answer = await this.ask('{ projections { state lag } }', {});
      const projections = answer?.data?.projections as { state: string; lag: number }[] | undefined;
      if (projections?.every(({ state, lag }) => state === 'LIVE' && lag === 0)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Waits until policies have decided all that follows from what is in the log. */
  async decided(): Promise<void> {
    for (;;) {
      const answer = await this.ask('{ policies { state due } }', {});
      const policies = answer?.data?.policies as { state: string; due: number | null }[] | undefined;
      if (policies?.every(({ state, due }) => state === 'LIVE' && due === 0)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Answers null when the connection broke: nobody knows what became of the request. */
  async ask(query: string, variables: object): Promise<GraphqlAnswer | null> {
    try {
      const response = await fetch(`${this.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as GraphqlAnswer;
    } catch {
      return null;
    }
  }

  /** Sends a body piece by piece and hears each line of the answer as it comes, until either side breaks off. */
  post(
    path: string,
    headers: Record<string, string>,
    body: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
    hear: (line: Record<string, unknown>) => void,
  ): Promise<void> {
    return new Promise((resolve) => {
      const sending = request(`${this.url}${path}`, { method: 'POST', headers }, (answer) => {
        const lines = createInterface(answer);
        answer.on('error', () => undefined);
        lines.on('error', () => undefined);
        lines.on('line', (line) => {
          const said = parsed<Record<string, unknown>>(line);
          if (said !== null) hear(said);
        });
        answer.once('close', () => resolve());
      });
      sending.on('error', () => resolve());
      sending.once('close', () => resolve());
      void (async () => {
        for await (const piece of body) {
          if (sending.destroyed) return;
          if (!sending.write(piece)) await Promise.race([once(sending, 'drain'), once(sending, 'close')]);
        }
        sending.end();
      })().catch(() => sending.destroy());
    });
  }
}

/** Whole lines of a stream. Unlike `readline` it ends with a stream that had ended before anybody listened. */
async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const text of stream as AsyncIterable<string>) {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
}

/** Null for a last line that was cut by the kill. */
function parsed<T = Said>(line: string): T | null {
  try {
    return JSON.parse(line) as T;
  } catch {
    return null;
  }
}
