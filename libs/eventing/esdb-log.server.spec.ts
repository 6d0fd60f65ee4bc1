import { openEsdbLog } from './esdb-log.js';
import { eventLogContract } from './testing.js';

const url = process.env['EVENT_LOG_URL'];

if (url === undefined) {
  describe('event log contract: eventstoredb', () => {
    it('is skipped: EVENT_LOG_URL names no server', () => undefined);
  });
} else {
  eventLogContract('eventstoredb', {
    open: async () => {
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
    traits: { uniqueIds: false, fresh: false },
  });
}
