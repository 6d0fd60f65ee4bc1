/**
 * A process that wants a lease, for tests that freeze and kill it: `node lease-holder.child.js URL NAME MODE TTL_MS`. It says what
 * happens to it as lines of JSON. Mode `steady` writes every 20 ms, each time in a transaction behind the fence; `inside` stays
 * inside of one such transaction until it is told to commit.
 */
import type pg from 'pg';
import { Campaign, type Term } from '../campaign.js';
import { Leases } from '../leases.js';
import { pauseFor } from '../pause.js';
import { leaseLostIn, SharedStore } from '../shared-store.js';

const [url, name, mode, ttlMs] = process.argv.slice(2) as [string, string, string, string];
const say = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);
const store = await SharedStore.open({ url, holder: `child-${process.pid}` });
let commit = () => {};
const told = new Promise<void>((resolve) => (commit = resolve));

async function write(client: pg.Client, { epoch, fence }: Term): Promise<void> {
  await client.query('begin');
  await client.query(fence);
  await client.query('insert into written (epoch) values ($1)', [epoch]);
  if (mode === 'inside') {
    say({ inside: epoch });
    await told;
  }
  await client.query('commit');
}

async function work(term: Term): Promise<void> {
  say({ term: term.epoch });
  term.lost.addEventListener('abort', () => say({ lost: term.epoch }));
  let client = await store.connect();
  // On purpose it goes on after it has lost the lease: nothing but the fence may be needed to stop it.
  for (;;) {
    try {
      await write(client, term);
    } catch (error) {
      const code = leaseLostIn(error)?.code;
      await client.end().catch(() => undefined);
      if (code !== undefined || mode === 'inside') {
        say({ refused: code ?? (error as Error).message });
        return;
      }
      client = await store.connect();
    }
    if (stopping.signal.aborted) return client.end();
    await pauseFor(20, stopping.signal);
  }
}

const stopping = new AbortController();
const campaign = new Campaign({ leases: new Leases(store, Number(ttlMs)), name, work }).start();
process.stdin.on('data', (text) => {
  if (String(text).includes('commit')) commit();
  if (!String(text).includes('stop')) return;
  stopping.abort();
  void campaign.stop().then(async () => {
    await store.close();
    process.stdin.destroy();
  });
});
