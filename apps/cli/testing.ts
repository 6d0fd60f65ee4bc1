import { Output } from './output.js';
import type { Sink } from './progress.js';
import { runCli } from './program.js';

/** A stream that keeps what is written. */
export class Kept implements Sink {
  text = '';
  constructor(
    readonly isTTY = false,
    readonly columns = 80,
  ) {}
  write(text: string): void {
    this.text += text;
  }
}

/** Runs a command line in this process; for what needs no server. */
export const runHere = (...args: string[]) => runWith({}, ...args);

/** The same in an environment. */
export async function runWith(
  env: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new Kept(), new Kept()];
  const cli = { out: new Output(out, err), env, signal: new AbortController().signal };
  const code = await runCli(args, cli);
  return { code, out: out.text, err: err.text };
}
