import { FaultyEsdb } from '../libs/eventing/esdb-server.spec-kit.js';
import { liveThrough } from './esdb-house.kit.js';

describe('a whole server with its events on EventStoreDB', () => {
  it('answers, follows, looks back and rebuilds as with the log in its directory', async () => {
    const esdb = await FaultyEsdb.start();
    try {
      const there = await liveThrough({ EVENT_LOG_URL: esdb.url }, 'house', { restart: false });
      expect(there).toMatchObject({ isInOrder: true, imported: [{ status: 200 }, { status: 200 }] });
      expect(there).toEqual(await liveThrough({}, 'house', { restart: false }));
    } finally {
      await esdb.down();
    }
  }, 60_000);
});
