/** A whole server on a real EventStoreDB beside one with the embedded log: `npm run test:esdb`. */
import { liveThrough, TRACES } from './esdb-house.kit.js';
import { someServer, url } from './esdb.kit.js';

it('a whole server answers, follows, looks back, rebuilds and starts again as with the embedded log', async () => {
  const server = await someServer();
  try {
    const name = `house-${Date.now()}`;
    const there = await liveThrough({ EVENT_LOG_URL: url }, name, { restart: true });
    expect(there).toMatchObject({ isInOrder: true, imported: [{ journeys: TRACES }, { taken: 0 }] });
    expect(there).toEqual(await liveThrough({}, name, { restart: true }));
  } finally {
    await server.stop();
  }
}, 180_000);
