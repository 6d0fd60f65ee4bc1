/**
 * Three real nodes whose leader is killed under 16 callers: after the election appends go on, nothing is lost, nothing
 * doubled, and subscriptions miss nothing. `npm run test:esdb`, with ESDB_CLUSTER_URL and ESDB_CLUSTER_COMMANDS.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog, type SharedLog } from '@touchstone/eventing';
import { endure, until } from './esdb-chaos.kit.js';
import { OwnEsdb } from './esdb.kit.js';

const CALLERS = 16;
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 3);
const url = process.env['ESDB_CLUSTER_URL'];
const commands = process.env['ESDB_CLUSTER_COMMANDS']?.trim().split('\n');

describe('a cluster whose leader is killed under its callers', () => {
  if (url === undefined || commands === undefined) {
    it('is not tried: ESDB_CLUSTER_URL and ESDB_CLUSTER_COMMANDS name no nodes', () => undefined);
    return;
  }
  const hosts = /\/\/(?:[^@/]*@)?([^/?]+)/.exec(url)![1]!.split(',');
  const nodes = hosts.map((host, i) => ({ host, server: new OwnEsdb(commands[i]!, `esdb://${host}`) }));
  let log: SharedLog;
  beforeAll(async () => {
    await Promise.all(nodes.map(({ server }) => server.start()));
    await leader();
    log = await openLog({ engine: 'eventstoredb', url, patienceMs: 90_000, readPatienceMs: 90_000, timeoutMs: 3_000 });
  }, 120_000);
  afterAll(async () => {
    await log?.close();
    await Promise.all(nodes.map(({ server }) => server.kill()));
  }, 30_000);

  /** The node that says of itself that it leads, once one does. */
  async function leader(): Promise<(typeof nodes)[number]> {
    for (let tries = 0; tries < 300; tries++) {
      for (const node of nodes) if ((await stateOf(node.host)) === 'leader') return node;
      await sleep(200);
    }
    throw new Error('The nodes never came to a leader.');
  }

  it(
    `${ROUNDS} times: appends go on, nothing is lost, nothing doubled, subscriptions miss nothing`,
    async () => {
      const told = await endure(log, CALLERS, async (answered) => {
        for (let round = 0; round < ROUNDS; round++) {
          await until(() => answered() > (round + 1) * CALLERS);
          await sleep(500 + Math.random() * 500);
          const killed = await leader();
          await killed.server.kill();
          const before = answered();
          // Two nodes are enough.
          await until(() => answered() > before + 4 * CALLERS);
          await killed.server.start();
          await leader();
        }
      });
      process.stdout.write(`${ROUNDS} leaders killed, ${told}\n`);
    },
    ROUNDS * 120_000,
  );
});

async function stateOf(host: string): Promise<string | null> {
  try {
    const answer = await fetch(`http://${host}/info`, { signal: AbortSignal.timeout(1_000) });
    return ((await answer.json()) as { state: string }).state;
  } catch {
    return null;
  }
}
