/** The built server on a data directory, in a process of its own as in production, asked over HTTP. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { END } from './world.js';

const main = fileURLToPath(new URL('../../apps/server/dist/main.js', import.meta.url));
const READY_MS = 600_000;
/** As `npm start` and the image have it; further ones such as `--cpu-prof --cpu-prof-dir=DIR` tell where the time goes. */
const NODE_FLAGS = ['--max-semi-space-size=32', ...(process.env.BENCH_NODE_FLAGS ?? '').split(' ').filter(Boolean)];

export class BenchServer {
  #child;
  #exit;

  constructor(child, exit, url) {
    this.#child = child;
    this.#exit = exit;
    this.url = url;
  }

  /** Resolves once everything in the log is projected, and the rules of moments have decided all they can. */
  static async start(directory) {
    const flags = [
      '--data',
      directory,
      '--port',
      '0',
      '--clock-at',
      new Date(END).toISOString(),
      '--log-level',
      'warn',
    ];
    const child = spawn(process.execPath, [...NODE_FLAGS, main, ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
    let printed = '';
    child.stdout.on('data', (chunk) => (printed += chunk));
    const server = new BenchServer(child, exit, '');
    const until = performance.now() + READY_MS;
    while (performance.now() < until) {
      if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}: ${printed}`);
      server.url ||= /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0] ?? '';
      if (server.url && (await server.#isQuiet())) return server;
      await sleep(50);
    }
    await server.stop();
    throw new Error(`The server was not ready within ${READY_MS / 1_000} s: ${printed}`);
  }

  async #isQuiet() {
    if (!(await fetch(`${this.url}/health/ready`)).ok) return false;
    const { data } = await this.ask('{ policies { due } }');
    return data.policies.every(({ due }) => due === 0);
  }

  /** Sends a GraphQL operation. Answers its data, and how long the whole answer took in ms. */
  async ask(query, variables) {
    const started = performance.now();
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    const ms = performance.now() - started;
    if (errors) throw new Error(`${errors[0].extensions?.code}: ${errors[0].message}`);
    return { data, ms };
  }

  get pid() {
    return this.#child.pid;
  }

  /** CPU time of all its threads so far, in ms; 0 where the system does not tell. Of a busy machine it says more than a clock. */
  cpuMs() {
    try {
      const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
      // User and system time, in hundredths of a second.
      return (Number(fields[11]) + Number(fields[12])) * 10;
    } catch {
      return 0;
    }
  }

  /** The most memory that it has had, in MB; 0 where the system does not tell. */
  peakMb() {
    return this.#memory('VmHWM');
  }

  /** The memory that it has now, in MB; 0 where the system does not tell. */
  rssMb() {
    return this.#memory('VmRSS');
  }

  #memory(name) {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
      return Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1_024);
    } catch {
      return 0;
    }
  }

  async stop() {
    this.#child.kill('SIGTERM');
    await this.#exit;
  }
}
