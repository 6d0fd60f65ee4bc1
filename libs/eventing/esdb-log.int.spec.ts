import { openEsdbLog } from './esdb-log.js';
import { FaultyEsdb } from './esdb-server.spec-kit.js';
import { eventLogContract } from './testing.js';

eventLogContract('eventstoredb, on its stand-in', {
  open: async () => {
    const server = await FaultyEsdb.start();
    const { url } = server;
    let log = await openEsdbLog({ url });
    return {
      log,
      reopen: async () => {
        await log.close();
        return (log = await openEsdbLog({ url }));
      },
      close: async () => {
        await log.close();
        await server.down();
      },
    };
  },
  traits: { uniqueIds: false, fresh: true },
});
