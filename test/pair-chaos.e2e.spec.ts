/** Processes that share one log and one PostgreSQL are killed with -9 while files are imported. */
import { FaultyEsdb } from '../libs/eventing/esdb-server.spec-kit.js';
import { freshSchema, postgresForSuite } from '../scripts/postgres.js';
import { killAll } from './chaos.children.js';
import { pairedLives } from './pair-chaos.rounds.js';

const ROUNDS = Number(process.env['PAIR_ROUNDS'] ?? 3);
const SEED = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const postgres = await postgresForSuite();
afterAll(async () => {
  await killAll();
  await postgres?.stop();
});

(postgres ? it : it.skip)(
  `the one that answers, the one that projects and the one that decides, killed in turn ${ROUNDS} times (seed ${SEED})`,
  async () => {
    const esdb = await FaultyEsdb.start();
    try {
      const say = (text: string) => void process.stderr.write(`pair: ${text}\n`);
      const tally = await pairedLives({
        logUrl: esdb.url,
        readStore: freshSchema(postgres!, 'pair'),
        rounds: ROUNDS,
        seed: SEED,
        events: 1_000,
        say,
      });
      say(JSON.stringify(tally));
      // Kills that met nothing under way would prove nothing.
      expect(tally.met).toBeGreaterThanOrEqual(ROUNDS * 0.8);
      expect(tally.decided).toBeGreaterThan(ROUNDS * 100);
    } finally {
      await esdb.down();
    }
  },
  7_200_000,
);
