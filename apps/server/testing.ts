import { createClient, type Client } from 'graphql-ws';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Clock } from '@touchstone/eventing';
import { readConfig, StructuredLogger } from '@touchstone/platform';
import { startServer, type RunningServer } from './server.js';

/** An answer of the API. */
export interface Answer {
  readonly status: number;
  // Tests know what they asked for.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly data?: any;
  readonly errors?: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[];
  readonly headers: Headers;
}

/** A server for a test: on a free port, in a directory of its own, silent unless something breaks. */
export class TestServer {
  private constructor(
    readonly directory: string,
    readonly log: readonly string[],
    private readonly server: RunningServer,
  ) {}

  static async start(env: Record<string, string> = {}, directory?: string, clock?: Clock): Promise<TestServer> {
    const dataDir = directory ?? mkdtempSync(join(tmpdir(), 'touchstone-server-'));
    const log: string[] = [];
    const logger = new StructuredLogger({ level: 'warn', format: 'json', write: (line) => log.push(line) });
    const config = readConfig({ ...env, DATA_DIR: dataDir, PORT: '0' });
    return new TestServer(dataDir, log, await startServer(config, { logger, clock }));
  }

  get url(): string {
    return this.server.url;
  }

  /** Sends a GraphQL operation. */
  async ask(query: string, variables?: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const body = (await response.json()) as Omit<Answer, 'status' | 'headers'>;
    return { ...body, status: response.status, headers: response.headers };
  }

  /** The code of the first error of an operation. */
  async codeOf(query: string, variables?: Record<string, unknown>): Promise<unknown> {
    return (await this.ask(query, variables)).errors?.[0]?.extensions['code'];
  }

  /** A client for subscriptions; dispose of it. */
  socket(headers: Record<string, string> = {}): Client {
    class Socket extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(address, protocols, { headers });
      }
    }
    const url = `${this.url.replace('http', 'ws')}/graphql`;
    return createClient({ url, webSocketImpl: Socket, retryAttempts: 0 });
  }

  /** Waits until every read model has projected all that is in the log now. */
  async ready(): Promise<void> {
    let target: string | undefined;
    let last: unknown;
    for (let tries = 0; tries < 2_400; tries++) {
      const { data } = await this.ask('{ projections { group checkpoint head state cause } }');
      const groups = (last = data.projections as { checkpoint: string | null; head: string | null }[]);
      target ??= groups
        .map(({ head }) => head ?? '')
        .sort()
        .at(-1)!;
      const reached = groups.every(({ checkpoint }) => (checkpoint ?? '') >= target!);
      if (reached && (await fetch(`${this.url}/health/ready`)).ok) return;
      await sleep(25);
    }
    throw new Error(`Not ready: ${JSON.stringify(last)}`);
  }

  /** Waits until the read models have all that is in the log, and policies have decided all that they may by now. */
  async settled(): Promise<void> {
    let last: unknown;
    for (let tries = 0; tries < 2_400; tries++) {
      const { data } = await this.ask('{ policies { name state due decided lastError { code message } } }');
      const policies = (last = data.policies as { state: string; due: number | null }[]);
      if (policies.every(({ state, due }) => state === 'LIVE' && due === 0)) return this.ready();
      await sleep(25);
    }
    throw new Error(`Not settled: ${JSON.stringify(last)}`);
  }

  close(): Promise<void> {
    return this.server.close();
  }

  /** Closes, and removes the directory. */
  async remove(): Promise<void> {
    await this.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
