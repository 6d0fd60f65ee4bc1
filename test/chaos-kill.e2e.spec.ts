import { killAll } from './chaos.children.js';
import { CHAOS_ROUNDS, CHAOS_SEED, killedLives } from './chaos.lives.js';
import type { Strike } from './chaos.rounds.js';

const ROUNDS = Math.round(CHAOS_ROUNDS * 0.8);

afterEach(killAll);

/** While it starts, just after, or in the midst of its work. */
function strike(random: () => number): Strike {
  const dice = random();
  if (dice < 0.1) return { after: 'orders', ms: random() * 600 };
  if (dice < 0.2) return { after: 'open', ms: random() * 40 };
  return { after: 'acknowledged', ms: 5 + random() * 200 };
}

it(`loses nothing it acknowledged, and its read models are those of a rebuild, killed ${ROUNDS} times (seed ${CHAOS_SEED})`, async () => {
  const tally = await killedLives({ rounds: ROUNDS, salt: 0, strike });
  expect(tally.kills).toBe(ROUNDS);
  // Kills that found nothing under way, or nothing done, would prove nothing.
  expect(tally.unanswered).toBeGreaterThan(ROUNDS / 2);
  expect(tally.claims).toBeGreaterThan(ROUNDS * 10);
}, 7_200_000);
