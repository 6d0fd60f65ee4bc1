import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from '@touchstone/readmodel/testing';
import { House } from './chaos.children.js';
import { Ledger } from './chaos.ledger.js';
import { killedRound, killedServer, settle, type Strike } from './chaos.rounds.js';
import { findings } from './chaos.verify.js';

/** Kills of a run, all suites together; `npm run test:chaos` has more. */
export const CHAOS_ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 60);
/** The same seed gives the same plan; where exactly a kill strikes stays a matter of time. */
export const CHAOS_SEED = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** True for the long form, which has the machine to itself and tells how far it is. */
export const LONG = CHAOS_ROUNDS > 100;

/** Rounds on one directory: it starts empty, grows, and is let finish at its end. */
const ROUNDS_PER_DIRECTORY = 25;
/** Directories at work at the same time. */
const LANES = LONG ? 2 : 1;

export interface LivesOptions {
  readonly rounds: number;
  /** Makes two suites of one seed differ. */
  readonly salt: number;
  /** What the round does, drawn from the seed; the whole server is killed after so many milliseconds of traffic. */
  readonly strike: (random: () => number, round: number) => Strike | { readonly serverAfterMs: number };
}

/** What a run of rounds did, so that a run that did nothing is noticed. */
export interface Tally {
  kills: number;
  /** Of those, kills of the whole server. */
  servers: number;
  claims: number;
  unanswered: number;
}

interface Run extends LivesOptions {
  readonly tally: Tally;
  readonly seed: number;
  /** One lane found something: the others end after the round at hand. */
  failed: boolean;
  beat(): void;
}

/** Kills houses, directory after directory, and looks at each after every kill. @throws at the first finding */
export async function killedLives(options: LivesOptions): Promise<Tally> {
  const tally: Tally = { kills: 0, servers: 0, claims: 0, unanswered: 0 };
  const started = Date.now();
  const beat = () => {
    if (!LONG || tally.kills % 50 !== 0) return;
    const seconds = ((Date.now() - started) / 1_000).toFixed(0);
    process.stderr.write(`chaos: ${tally.kills} of ${options.rounds} kills after ${seconds} s (seed ${CHAOS_SEED})\n`);
  };
  const run: Run = { ...options, tally, seed: CHAOS_SEED + options.salt, failed: false, beat };
  const lives: number[][] = [];
  for (let round = 0; round < options.rounds; round++)
    (lives[Math.floor(round / ROUNDS_PER_DIRECTORY)] ??= []).push(round);
  const lane = async () => {
    try {
      for (let rounds = lives.shift(); rounds && !run.failed; rounds = lives.shift()) await life(rounds, run);
    } catch (error) {
      run.failed = true;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return tally;
}

async function life(rounds: readonly number[], run: Run): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'touchstone-chaos-'));
  const directory = join(root, 'data');
  const { tally, seed } = run;
  const ledger = new Ledger();
  const orders = { directory, seed, orders: 10_000, writers: true };
  let next = House.load();
  try {
    for (const round of rounds) {
      if (run.failed) return;
      const strike = run.strike(seeded(seed + round), round);
      if ('serverAfterMs' in strike) {
        await killedServer(directory, seed + round, strike.serverAfterMs, ledger);
        tally.servers++;
      } else {
        const house = next;
        // Loading takes longer than all the rest: the next house loads while this one is at work.
        next = House.load();
        await killedRound({ ...orders, round }, strike, ledger, house);
      }
      tally.kills++;
      tally.unanswered += ledger.unanswered.length;
      const found = await findings(directory, ledger);
      expect({ round, strike, CHAOS_SEED, found }).toEqual({ round, strike, CHAOS_SEED, found: [] });
      run.beat();
    }
    await settle({ ...orders, round: -1, writers: false }, ledger, next);
    expect({ CHAOS_SEED, found: await findings(directory, ledger, { settled: true }) }).toEqual({
      CHAOS_SEED,
      found: [],
    });
    tally.claims += ledger.claims.length;
  } finally {
    await next.kill();
    rmSync(root, { recursive: true, force: true });
  }
}
