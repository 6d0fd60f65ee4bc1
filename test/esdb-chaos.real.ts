/**
 * A real EventStoreDB that is killed again and again under 32 callers: nothing that was acknowledged is lost, no repeat
 * doubles anything, and subscriptions go on without a gap. `npm run test:esdb`, with ESDB_SERVER_COMMAND.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog, type SharedLog } from '@touchstone/eventing';
import { endure, until } from './esdb-chaos.kit.js';
import { command, OwnEsdb, url } from './esdb.kit.js';

const CALLERS = 32;
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 20);

describe('an EventStoreDB that is killed under its callers', () => {
  if (command === undefined) {
    it('is not tried: ESDB_SERVER_COMMAND names no command that starts one', () => undefined);
    return;
  }
  const server = new OwnEsdb(command, url);
  let log: SharedLog;
  beforeAll(async () => {
    await server.start();
    log = await openLog({ engine: 'eventstoredb', url, patienceMs: 60_000, readPatienceMs: 60_000, timeoutMs: 3_000 });
  }, 60_000);
  afterAll(async () => {
    await log?.close();
    await server.kill();
  });

  it(
    `${ROUNDS} times: nothing is lost, nothing doubled, subscriptions miss nothing`,
    async () => {
      const told = await endure(log, CALLERS, async (answered) => {
        for (let round = 0; round < ROUNDS; round++) {
          const before = answered();
          await until(() => answered() > before + CALLERS);
          await sleep(300 + Math.random() * 700);
          await server.kill();
          await server.start();
        }
      });
      process.stdout.write(`${ROUNDS} kills, ${told}\n`);
    },
    ROUNDS * 30_000,
  );
});
