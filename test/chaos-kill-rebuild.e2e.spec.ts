import { killAll } from './chaos.children.js';
import { CHAOS_ROUNDS, CHAOS_SEED, killedLives, type LivesOptions } from './chaos.lives.js';

const ROUNDS = Math.round(CHAOS_ROUNDS * 0.2);
/** Every so many rounds it is the whole server, spoken to over HTTP, that works on the directory and is killed. */
const SERVER_EVERY = 5;
const PHASES = ['asked', 'reading', 'indexing', 'catching-up', 'swapped'];

afterEach(killAll);

/** While its read models are rebuilt beside its work, or while clients talk to it. */
const strike: LivesOptions['strike'] = (random, round) =>
  round % SERVER_EVERY === 2
    ? { serverAfterMs: 50 + random() * 500 }
    : { after: { phase: PHASES[Math.floor(random() * PHASES.length)]! }, ms: random() * 60 };

it(`is whole after ${ROUNDS} kills while it rebuilds and while it serves (seed ${CHAOS_SEED})`, async () => {
  const tally = await killedLives({ rounds: ROUNDS, salt: 1_000_000, strike });
  expect(tally.kills).toBe(ROUNDS);
  expect(tally.servers).toBe(Math.floor((ROUNDS + 2) / SERVER_EVERY));
  expect(tally.unanswered).toBeGreaterThan(0);
  expect(tally.claims).toBeGreaterThan(ROUNDS * 10);
}, 7_200_000);
