import { openEsdbLog, openEsdbLogReader, type EsdbLogReader } from './esdb-log.js';
import { FaultyEsdb } from './esdb-server.spec-kit.js';
import { eventLogContract } from './testing.js';

let server: FaultyEsdb;
let first: EsdbLogReader;
beforeAll(async () => {
  server = await FaultyEsdb.start();
  // Keeps the connection for all cases: to make one for each takes longer than most of them.
  first = openEsdbLogReader({ url: server.url });
});
afterAll(async () => {
  await first.close();
  await server.down();
});

eventLogContract('eventstoredb, on its stand-in', {
  open: async () => {
    server.empty();
    const { url } = server;
    let log = await openEsdbLog({ url });
    return {
      log,
      reopen: async () => {
        await log.close();
        return (log = await openEsdbLog({ url }));
      },
      close: () => log.close(),
    };
  },
  traits: { uniqueIds: false, fresh: true, slow: true },
});
