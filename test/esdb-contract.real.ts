/** The contract of the event log on a real EventStoreDB: `npm run test:esdb`. */
import { openLog } from '@touchstone/eventing';
import { eventLogContract } from '@touchstone/eventing/testing';
import { someServer, url } from './esdb.kit.js';

let server: Awaited<ReturnType<typeof someServer>>;
beforeAll(async () => {
  server = await someServer();
}, 60_000);
afterAll(() => server.stop());

const open = () => openLog({ engine: 'eventstoredb', url });

eventLogContract('eventstoredb', {
  open: async () => {
    let log = await open();
    return {
      log,
      reopen: async () => {
        await log.close();
        return (log = await open());
      },
      close: () => log.close(),
    };
  },
  traits: { uniqueIds: false, fresh: false },
});
