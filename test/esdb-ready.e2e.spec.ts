import { setTimeout as sleep } from 'node:timers/promises';
import { TestServer } from '../apps/server/testing.js';
import { FaultyEsdb } from '../libs/eventing/esdb-server.spec-kit.js';

describe('readiness of a server with its events on EventStoreDB', () => {
  it('is taken back while the log is away, and given again once it answers', async () => {
    const esdb = await FaultyEsdb.start();
    const server = await TestServer.start({ EVENT_LOG_URL: esdb.url });
    const ready = async () => {
      const answer = await fetch(`${server.url}/health/ready`);
      return { status: answer.status, body: (await answer.json()) as { status: string; reasons?: string[] } };
    };
    try {
      await server.ready();
      await esdb.down();
      const away = await ready();
      expect(away.status).toBe(503);
      expect(away.body.status).toBe('not-ready');
      expect(away.body.reasons?.[0]).toMatch(/^The event log (has not answered for|does not answer:)/);
      // Nothing about the address that a probe need not know, and the process itself is well.
      expect(JSON.stringify(away.body)).not.toContain('@');
      expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
      await esdb.up();
      let back = await ready();
      for (let tries = 0; tries < 200 && back.status !== 200; tries++) {
        await sleep(50);
        back = await ready();
      }
      expect(back).toEqual({ status: 200, body: { status: 'ready' } });
    } finally {
      await esdb.down();
      await server.remove();
    }
  }, 40_000);
});
