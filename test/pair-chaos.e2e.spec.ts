/**
 * Processes that share one log and one PostgreSQL are killed with -9 while files are imported: a few rounds in every run,
 * many with `npm run test:chaos -- --pair`, and on a real EventStoreDB with `npm run test:esdb`.
 */
import { FaultyEsdb } from '../libs/eventing/esdb-server.spec-kit.js';
import { freshSchema, postgresForSuite } from '../scripts/postgres.js';
import { killAll } from './chaos.children.js';
import { pairedRounds } from './pair-chaos.rounds.js';

/** One for each victim. */
const FEW = 3;
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? FEW);
const SEED = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const postgres = await postgresForSuite();
afterAll(async () => {
  await killAll();
  await postgres?.stop();
});

(postgres ? it : it.skip)(
  `nothing is lost, doubled or left undone when processes that share the work are killed in turn, ${ROUNDS} times (seed ${SEED})`,
  async () => {
    const esdb = await FaultyEsdb.start();
    try {
      await pairedRounds({
        logUrl: esdb.url,
        readStore: freshSchema(postgres!, 'pair'),
        rounds: ROUNDS,
        seed: SEED,
        isLong: ROUNDS > FEW,
      });
    } finally {
      await esdb.down();
    }
  },
  7_200_000,
);
