import { setTimeout as sleep } from 'node:timers/promises';
import { House, Server, type Orders } from './chaos.children.js';
import type { Ledger } from './chaos.ledger.js';
import { traffic } from './chaos.traffic.js';

/** When to kill: so many milliseconds after something was said. */
export interface Strike {
  readonly after: 'orders' | 'open' | 'acknowledged' | { readonly phase: string };
  readonly ms: number;
}

/** How long a house may be at work before it is killed anyway. */
const LATEST_MS = 15_000;

/** Gives a house its orders, adding what is still unanswered, and kills it. */
export async function killedRound(
  orders: Omit<Orders, 'repeat' | 'rebuild'>,
  { after, ms }: Strike,
  ledger: Ledger,
  house = House.load(),
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const arm = () => (timer ??= setTimeout(() => house.signal('SIGKILL'), ms));
  const late = setTimeout(() => house.signal('SIGKILL'), LATEST_MS);
  await house.loaded;
  if (after === 'orders') arm();
  const rebuild = typeof after === 'object';
  for await (const said of house.run({ ...orders, rebuild, repeat: ledger.unanswered })) {
    ledger.hear(said);
    if (after === 'open' && 'open' in said) arm();
    if (after === 'acknowledged' && 'done' in said) arm();
    // A rebuild may be over before its phase was seen.
    if (typeof after === 'object' && 'phase' in said && [after.phase, 'swapped'].includes(said.phase)) arm();
  }
  clearTimeout(late);
  clearTimeout(timer);
  const { signal, code } = await house.exit;
  if (signal !== 'SIGKILL') ledger.complaints.push(`The house ended by itself with ${signal ?? `code ${code}`}.`);
}

/** Starts the whole server, lets clients talk to it for so long after its first answer, and kills it. */
export async function killedServer(directory: string, seed: number, ms: number, ledger: Ledger): Promise<void> {
  const server = await Server.start(directory);
  const ending = { enough: false, expected: false };
  const before = ledger.claims.length;
  const sending = traffic(server, seed, ledger, ending);
  for (const end = Date.now() + LATEST_MS; ledger.claims.length === before && Date.now() < end;) await sleep(5);
  await sleep(ms);
  ending.expected = ending.enough = true;
  await server.kill();
  await sending;
  if (ledger.claims.length === before) ledger.complaints.push('The server acknowledged nothing.');
}

/** Lets a house carry out its orders and what is still unanswered, catch up, and end in order. */
export async function settle(
  orders: Omit<Orders, 'repeat' | 'rebuild'>,
  ledger: Ledger,
  house = House.load(),
): Promise<void> {
  let settled = false;
  await house.loaded;
  for await (const said of house.run({ ...orders, rebuild: false, repeat: ledger.unanswered })) {
    ledger.hear(said);
    settled ||= 'settled' in said;
  }
  const { code, signal } = await house.exit;
  if (!settled || code !== 0) ledger.complaints.push(`The house did not end in order: ${signal ?? `code ${code}`}.`);
  if (ledger.unanswered.length > 0) ledger.complaints.push(`${ledger.unanswered.length} orders have no answer.`);
}
