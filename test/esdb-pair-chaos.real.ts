/**
 * The house of several processes on a real EventStoreDB and PostgreSQL, one of its processes killed in each round while a
 * file is imported: `npm run test:esdb`. Rounds: CHAOS_ROUNDS, by default fifty; the plan follows from CHAOS_SEED.
 */
import { freshSchema, postgresForSuite } from '../scripts/postgres.js';
import { killAll } from './chaos.children.js';
import { someServer, url } from './esdb.kit.js';
import { pairedRounds } from './pair-chaos.rounds.js';

const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 50);
const SEED = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const postgres = await postgresForSuite();
afterAll(async () => {
  await killAll();
  await postgres?.stop();
});

(postgres ? it : it.skip)(
  `nothing is lost, doubled or left undone when processes that share the work are killed in turn, ${ROUNDS} times (seed ${SEED})`,
  async () => {
    const server = await someServer();
    try {
      const readStore = freshSchema(postgres!, 'pair');
      await pairedRounds({ logUrl: url, readStore, rounds: ROUNDS, seed: SEED, isLong: true });
    } finally {
      await server.stop();
    }
  },
  7_200_000,
);
