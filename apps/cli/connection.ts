import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { Api } from './api.js';
import { interrupted } from './cli-errors.js';
import { startOwnServer, type OwnServer } from './own-server.js';

/** Where a command finds its server. */
export interface Target {
  /** A running server; wins over `data`. */
  readonly server?: string;
  readonly data: string;
  readonly actor: string;
  /** The command brings data with it, so a directory without any is no mistake. */
  readonly mayCreate: boolean;
  /** The work may be begun again where a server went in the midst of it: what was done already counts. */
  readonly mayRepeat?: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onLog: (text: string) => void;
}

/** How long somebody who has taken the directory may need until he listens, and how often that is looked at, in ms. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 100;
/** How long a server may need until it has noticed that the command is gone that it was started for, in ms. */
const NOTICED_MS = 1_000;
/** How the work of a server ends that goes. */
const WENT: ReadonlySet<string> = new Set(['SERVER_GONE', 'SERVER_UNREACHABLE', 'IMPORT_CANCELLED', 'IMPORT_RUNNING']);

/**
 * Runs a command's work on a server: the one that was named, else the one that owns the data directory, else one of
 * our own for as long as the work takes.
 * @throws SERVER_ADDRESS_INVALID, DATA_DIRECTORY_EMPTY, DATA_DIRECTORY_BUSY, those of `startOwnServer`, and of the work
 */
export async function withServer<T>(target: Target, work: (api: Api) => Promise<T>): Promise<T> {
  const { actor, signal } = target;
  if (target.server !== undefined) return work(new Api(addressOf(target.server), actor, signal));
  if (!target.mayCreate && !target.env['EVENT_LOG_URL']) assertHasLog(target.data);
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const running = await ownerOf(target.data, end, signal);
    if (running !== null) {
      try {
        return await work(new Api(running, actor, signal));
      } catch (error) {
        // It may have been that of a command that was killed a moment ago.
        if (!target.mayRepeat || !WENT.has((error as { code?: string }).code ?? '')) throw error;
        await sleep(NOTICED_MS);
        if (Date.now() > end || (await takesWork(running))) throw error;
        continue;
      }
    }
    const own = await ownServer(target, end);
    if (own === null) continue;
    try {
      return await work(new Api(own.url, actor, signal));
    } finally {
      await own.stop();
    }
  }
}

/** Where the owner of the directory listens; null when nobody has it. */
async function ownerOf(data: string, end: number, signal: AbortSignal): Promise<string | null> {
  // Loaded late: a command that names its server needs no database driver.
  const { readOwner } = await import('@touchstone/eventing/read');
  for (;;) {
    const owner = await readOwner(data);
    if (!owner?.live) return null;
    // One that has just started has no address yet; one that is about to end takes no more work.
    if (owner.url !== null && (await takesWork(owner.url))) return owner.url;
    if (Date.now() > end) throw busy(data, owner.pid);
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {
      throw interrupted();
    });
  }
}

/** False for a server that is about to end, such as that of another command which has just finished. */
async function takesWork(url: string): Promise<boolean> {
  try {
    const answer = (await (await fetch(`${url}/health/ready`)).json()) as { reasons?: readonly string[] };
    return !answer.reasons?.some((reason) => reason.includes('stopping'));
  } catch {
    return false;
  }
}

/** Null when somebody else was quicker to take the directory. */
async function ownServer(target: Target, end: number): Promise<OwnServer | null> {
  try {
    return await startOwnServer({ ...target, data: resolve(target.data), port: 0 });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'DATA_DIRECTORY_IN_USE' || Date.now() > end) throw error;
    return null;
  }
}

/** The address of a server as somebody wrote it. @throws SERVER_ADDRESS_INVALID */
export function addressOf(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : null;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url.origin;
  throw new TouchstoneError(
    'SERVER_ADDRESS_INVALID',
    `"${server}" is not the address of a server: write it like http://127.0.0.1:4000.`,
    'invalid',
  );
}

/** A question to a directory that holds nothing is most often a question to the wrong directory. */
function assertHasLog(data: string): void {
  if (existsSync(join(data, 'log.db')) || existsSync(join(data, 'event-log.json'))) return;
  const what = !existsSync(data) ? 'does not exist' : statSync(data).isDirectory() ? 'holds no log' : 'is a file';
  throw new TouchstoneError(
    'DATA_DIRECTORY_EMPTY',
    `${resolve(data)} ${what}: name the directory with --data, the server with --server, or import something first.`,
    'notFound',
  );
}

const busy = (data: string, pid: number): TouchstoneError =>
  new TouchstoneError(
    'DATA_DIRECTORY_BUSY',
    `${resolve(data)} is in the hands of process ${pid}, which answers nobody: wait until it has ended, or end it.`,
    'busy',
  );
