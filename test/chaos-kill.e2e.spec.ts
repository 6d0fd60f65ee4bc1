import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from '@touchstone/readmodel/testing';
import { House, killAll } from './chaos.children.js';
import { Ledger } from './chaos.ledger.js';
import { killedRound, killedServer, settle, type Strike } from './chaos.rounds.js';
import { findings } from './chaos.verify.js';

/** Kills altogether; `npm run test:chaos` has more. */
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 100);
/** The same seed gives the same plan; where exactly a kill strikes stays a matter of time. */
const SEED = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** Rounds on one directory: it starts empty, grows, and is let finish at its end. */
const ROUNDS_PER_DIRECTORY = 25;
/** Every so many rounds it is the whole server, spoken to over HTTP, that works on the directory and is killed. */
const SERVER_EVERY = 20;
/** Directories at work at the same time. */
const LANES = 2;
const PHASES = ['asked', 'reading', 'indexing', 'catching-up', 'swapped'];

function strikeOf(random: () => number): Strike {
  const dice = random();
  if (dice < 0.1) return { after: 'orders', ms: random() * 600 };
  if (dice < 0.2) return { after: 'open', ms: random() * 40 };
  if (dice < 0.35) {
    return { after: { phase: PHASES[Math.floor(random() * PHASES.length)]! }, ms: random() * 60 };
  }
  return { after: 'acknowledged', ms: 5 + random() * 200 };
}

const roots: string[] = [];
const newDirectory = () => {
  const root = mkdtempSync(join(tmpdir(), 'touchstone-chaos-'));
  roots.push(root);
  return join(root, 'data');
};
afterEach(async () => {
  await killAll();
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** What a run of rounds did, so that a run that did nothing is noticed. */
interface Tally {
  kills: number;
  /** Of those, kills of the whole server. */
  servers: number;
  claims: number;
  unanswered: number;
}

/** What the lanes share. */
interface Run {
  readonly tally: Tally;
  /** One lane found something: the others end after the round at hand. */
  failed: boolean;
  beat(): void;
}

async function life(directory: string, rounds: readonly number[], run: Run): Promise<void> {
  const ledger = new Ledger();
  const { tally } = run;
  const orders = { directory, seed: SEED, orders: 10_000, writers: true };
  let next = House.load();
  for (const round of rounds) {
    if (run.failed) return next.kill();
    const random = seeded(SEED + round);
    let strike: unknown = 'server';
    if (round % SERVER_EVERY === SERVER_EVERY / 2) {
      await killedServer(directory, SEED + round, 50 + random() * 500, ledger);
      tally.servers++;
    } else {
      const house = next;
      // Loading takes longer than all the rest: the next house loads while this one is at work.
      next = House.load();
      const drawn = strikeOf(random);
      strike = drawn;
      await killedRound({ ...orders, round }, drawn, ledger, house);
    }
    tally.kills++;
    tally.unanswered += ledger.unanswered.length;
    expect({ round, strike, seed: SEED, findings: await findings(directory, ledger) }).toMatchObject({ findings: [] });
    run.beat();
  }
  await settle({ ...orders, round: -1, writers: false }, ledger, next);
  expect({ seed: SEED, findings: await findings(directory, ledger, { settled: true }) }).toMatchObject({
    findings: [],
  });
  tally.claims += ledger.claims.length;
}

it(`loses nothing it acknowledged, and its read models are those of a rebuild, killed ${ROUNDS} times (seed ${SEED})`, async () => {
  const tally: Tally = { kills: 0, servers: 0, claims: 0, unanswered: 0 };
  const lives: number[][] = [];
  for (let round = 0; round < ROUNDS; round++) (lives[Math.floor(round / ROUNDS_PER_DIRECTORY)] ??= []).push(round);
  const started = Date.now();
  const beat = () => {
    if (tally.kills % 50 !== 0 || ROUNDS <= 100) return;
    const seconds = ((Date.now() - started) / 1_000).toFixed(0);
    process.stderr.write(`chaos: ${tally.kills} of ${ROUNDS} rounds after ${seconds} s (seed ${SEED})\n`);
  };
  const run: Run = { tally, failed: false, beat };
  const lane = async () => {
    try {
      for (let rounds = lives.shift(); rounds && !run.failed; rounds = lives.shift())
        await life(newDirectory(), rounds, run);
    } catch (error) {
      run.failed = true;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  expect(tally.kills).toBe(ROUNDS);
  expect(tally.servers).toBe(Math.floor((ROUNDS + SERVER_EVERY / 2 - 1) / SERVER_EVERY));
  // Kills that found nothing under way, or nothing done, would prove nothing.
  expect(tally.unanswered).toBeGreaterThan(ROUNDS / 2);
  expect(tally.claims).toBeGreaterThan(ROUNDS * 10);
  process.stderr.write(`${JSON.stringify(tally)} ${Date.now() - started}\n`);
}, 3_600_000);
