/** For tests against a real EventStoreDB: the one that EVENT_LOG_URL names, and, to be killed, one that a command starts. */
import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where the server is; `scripts/esdb.js` runs nothing without it. */
export const url = process.env['EVENT_LOG_URL'] ?? '';
/** A shell command that runs the server in the foreground until it is killed, on files that it finds again. */
export const command = process.env['ESDB_SERVER_COMMAND'];

/** A server of our own, in a process group of its own, so that nothing of it outlives a kill. */
export class OwnEsdb {
  private child: ChildProcess | null = null;

  constructor(
    private readonly shell: string,
    private readonly address: string,
  ) {}

  async start(): Promise<void> {
    const child = spawn('sh', ['-c', `exec ${this.shell}`], { detached: true, stdio: 'ignore' });
    this.child = child;
    for (let tries = 0; tries < 1_200; tries++) {
      if (child.exitCode !== null) throw new Error(`${this.shell} ended with code ${child.exitCode}.`);
      if (await listens(this.address)) return;
      await sleep(50);
    }
    throw new Error(`${this.shell} did not come to listen.`);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === null || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid!, 'SIGKILL');
    await gone;
    this.child = null;
  }
}

/** The server for a suite: the one that runs already, else one of our own for as long as the suite takes. */
export async function someServer(): Promise<{ stop(): Promise<void> }> {
  if (command === undefined || (await listens(url))) return { stop: () => Promise.resolve() };
  const own = new OwnEsdb(command, url);
  await own.start();
  return { stop: () => own.kill() };
}

function listens(address: string): Promise<boolean> {
  const [, host = '127.0.0.1', port = '2113'] = /\/\/(?:[^@/]*@)?([\w.-]+)(?::(\d+))?/.exec(address) ?? [];
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}
