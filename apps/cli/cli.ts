import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Api } from './api.js';
import { withServer } from './connection.js';
import type { Output } from './output.js';
import { number } from './text.js';

/** What a command has of the world. */
export interface Cli {
  readonly out: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted when the user stops the command. */
  readonly signal: AbortSignal;
  /** Asks the user a question that wants a "yes"; absent where nobody can answer. @throws INTERRUPTED */
  readonly confirm?: (question: string) => Promise<boolean>;
}

/** Options of every command. */
export interface GlobalOptions {
  readonly data: string;
  readonly server?: string;
  readonly actor: string;
}

export interface Needs {
  /** The command brings data with it: a directory without any is filled. Default: it is refused. */
  readonly mayCreate?: boolean;
  /** See `Target`. */
  readonly mayRepeat?: boolean;
  /** Read models need not have caught up with the log. Default: the command waits for them, and says so. */
  readonly lagging?: boolean;
  /** Nothing about the work on stderr. */
  readonly silent?: boolean;
}

/** Runs a command's work on its server; see `withServer`. */
export async function onServer<T>(
  cli: Cli,
  command: Command,
  needs: Needs,
  work: (api: Api) => Promise<T>,
): Promise<T> {
  const { data, server, actor } = command.optsWithGlobals<GlobalOptions>();
  const { mayCreate = false, mayRepeat, lagging = false, silent = false } = needs;
  const { env, signal, out } = cli;
  const onLog = (text: string) => out.note(text);
  return withServer({ data, server, actor, mayCreate, mayRepeat, env, signal, onLog }, async (api) => {
    if (!lagging) await caughtUp(cli, api, silent);
    return work(api);
  });
}

/** Waits for the read models, and shows it when it takes longer. */
export async function caughtUp({ out }: Cli, api: Api, silent = false): Promise<void> {
  const progress = out.progress(silent);
  // Positions tell what comes first, not how much lies between: there is no total to show.
  await api.settled(({ group, eventsPerSecond }) => {
    const detail = `read model ${group} catches up, ${number(Math.round(eventsPerSecond))} events/s`;
    progress.show({ label: 'Projecting', done: 0, detail });
  });
  progress.done();
}

/** The name of whoever is logged in. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return 'cli';
  }
}
