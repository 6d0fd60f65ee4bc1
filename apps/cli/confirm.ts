import { createInterface } from 'node:readline/promises';
import { interrupted } from './cli-errors.js';

/**
 * Asks on the terminal. Only "yes" in full is a yes: what is asked for here cannot be undone.
 * @throws INTERRUPTED
 */
export async function confirmOn(
  streams: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream },
  question: string,
  signal: AbortSignal,
): Promise<boolean> {
  const stop = new AbortController();
  const lines = createInterface(streams);
  // On a terminal Ctrl-C comes as a key, and an input that ends answers nothing.
  for (const event of ['SIGINT', 'close'] as const) lines.once(event, () => stop.abort());
  try {
    const answer = await lines.question(question, { signal: AbortSignal.any([signal, stop.signal]) });
    return /^\s*yes\s*$/i.test(answer);
  } catch {
    throw interrupted();
  } finally {
    lines.close();
  }
}
