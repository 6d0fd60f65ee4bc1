import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { asTouchstoneError } from '@touchstone/eventing/pure';
import { configFlags, describeSettings, readConfig, type Config } from '@touchstone/platform/read';
import type { RunningServer } from './server.js';

const HELP = `Starts the Touchstone server: GraphQL, event intake and read models in one process.

Usage: npm start -- [flags]

${describeSettings()}
  --help                                      this text

A flag wins over its environment variable.
`;

// What node was started with is the room for young objects of this thread (`npm start`, the image); other threads say
// themselves what they need, and a flag would stand before that.
setFlagsFromString('--max-semi-space-size=0');
await main();

async function main(): Promise<void> {
  try {
    const config = configured();
    if (config === 'help') {
      process.stdout.write(HELP);
      return;
    }
    // What it is made of asks once, as it is loaded, whether to look for mistakes of developers at every value.
    process.env['NODE_ENV'] ??= 'production';
    // Loaded only now: help and refusals are told at once.
    const { startServer } = await import('./server.js');
    const server = await startServer(config);
    endWith(server);
    process.stdout.write(`Touchstone listens on ${server.url} (data in ${config.dataDir})\n`);
    process.send?.({ type: 'listening', url: server.url });
  } catch (error) {
    fail(error);
  }
}

function configured(): Config | 'help' {
  const options = { ...configFlags, help: { type: 'boolean' as const } };
  const { values } = parseArgs({ options, strict: true, allowPositionals: false });
  return values['help'] === true ? 'help' : readConfig(process.env, values);
}

/** A signal, or the end of the process that started this one, stops the server in order; then the process ends by itself. */
function endWith(server: RunningServer): void {
  const stop = () => {
    server.close().then(() => {
      if (process.connected) process.disconnect();
    }, fail);
  };
  // Kept for good: without a listener a second, impatient signal would cut the end short.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  process.once('disconnect', stop);
}

/** Never a forced exit: a database thread may still be at work. */
function fail(error: unknown): void {
  const known = asTouchstoneError(error);
  const usage = String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
  const text = known
    ? `${known.code}: ${known.message}`
    : usage || !(error instanceof Error)
      ? `${(error as Error).message}\nSee --help.`
      : (error.stack ?? error.message);
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
  if (process.connected) {
    process.send?.({ type: 'failed', code: known?.code ?? 'INTERNAL', message: (error as Error).message });
    process.disconnect();
  }
}
