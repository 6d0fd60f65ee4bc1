import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { interrupted } from './cli-errors.js';

/** A server that is only there for this command. */
export interface OwnServer {
  readonly url: string;
  /** Its process has gone, whoever ended it. */
  readonly ended: Promise<void>;
  /** Lets it finish what it has in hand and waits until its process has gone. */
  stop(): Promise<void>;
}

export interface OwnServerOptions {
  readonly data: string;
  /** 0: any free one. */
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  /** Takes what the server writes to its stderr once it runs: warnings and faults. */
  readonly onLog: (text: string) => void;
}

type Message = { type: 'listening'; url: string } | { type: 'failed'; code: string; message: string };

/** What a server that does not start may have written to say why, in characters. */
const KEPT = 16_384;
/** How long the last words of a server that has gone are waited for. */
const LAST_WORDS_MS = 100;
/** A server that does not end in order within this time is taken down; the log survives that. */
const PATIENCE_MS = 60_000;

/**
 * Starts the compiled server as a child process on a loopback port. It ends with us: in order by `stop`, and by itself
 * when we are killed, because then its channel to us breaks.
 * @throws SERVER_NOT_BUILT, SERVER_FAILED, INTERRUPTED, or what the server says (DATA_DIRECTORY_IN_USE …)
 */
export async function startOwnServer(options: OwnServerOptions): Promise<OwnServer> {
  const { data, port, env } = options;
  const flags = ['--data', data, '--port', String(port), '--host', '127.0.0.1'];
  const quiet = ['--log-level', env['LOG_LEVEL'] || 'warn', '--read-workers', env['READ_WORKERS'] || '1'];
  const child = fork(entry(), [...flags, ...quiet], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Import options travel in a header, and a map of kinds may be long.
    execArgv: ['--max-http-header-size=1048576'],
    env,
  });
  // Not "close": that does not come when the channel was closed from our side.
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  const written = collect(child, options.onLog);
  const stop = () => stopped(child, ended);
  try {
    const url = await listening(child, ended, written, options.signal);
    written.pass();
    return { url, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function listening(child: ChildProcess, ended: Promise<void>, written: Written, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(interrupted());
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    child.once('error', reject);
    child.on('message', (message: Message) => {
      signal.removeEventListener('abort', stop);
      if (message.type === 'listening') resolve(message.url);
      else reject(new TouchstoneError(message.code, message.message, 'unavailable'));
    });
    // What it wrote last may still be in the pipe.
    void ended.then(() => setTimeout(() => reject(neverStarted(written.text())), LAST_WORDS_MS));
  });
}

async function stopped(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.connected) child.disconnect();
  const last = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await ended;
  clearTimeout(last);
}

interface Written {
  text(): string;
  /** From now on, hand it over as it comes. */
  pass(): void;
}

function collect(child: ChildProcess, onLog: (text: string) => void): Written {
  let kept = '';
  let passing = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (passing) onLog(text.trimEnd());
    else kept = (kept + text).slice(-KEPT);
  });
  return {
    text: () => kept.trim(),
    pass: () => {
      if (kept !== '') onLog(kept.trimEnd());
      passing = true;
    },
  };
}

function entry(): string {
  const up = import.meta.url.endsWith('.ts') ? '..' : '../..';
  const path = fileURLToPath(new URL(`${up}/server/dist/main.js`, import.meta.url));
  if (existsSync(path)) return path;
  throw new TouchstoneError('SERVER_NOT_BUILT', 'The server is not compiled: run `npm run build`.', 'unavailable');
}

const neverStarted = (said: string): TouchstoneError =>
  new TouchstoneError(
    'SERVER_FAILED',
    `The server did not start${said === '' ? ' and did not say why' : `: ${said}`}`,
    'unavailable',
  );
