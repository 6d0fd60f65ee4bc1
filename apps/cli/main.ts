import { confirmOn } from './confirm.js';
import { Output } from './output.js';
import { runCli } from './program.js';

const stop = new AbortController();
// Once each: a second, impatient signal ends the process as it always does.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort(signal));
// Whoever reads from us may have had enough (`touchstone events | head`).
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// What is asked goes where the rest that is no result goes.
const confirm = (question: string) =>
  confirmOn({ input: process.stdin, output: process.stderr }, question, stop.signal);

process.exitCode = await runCli(process.argv.slice(2), {
  out: new Output(process.stdout, process.stderr),
  env: process.env,
  signal: stop.signal,
  ...(process.stdin.isTTY && { confirm }),
});
