import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteLog } from './sqlite-log.js';
import { eventLogContract } from './testing.js';

eventLogContract('sqlite', {
  open: async () => {
    const directory = mkdtempSync(join(tmpdir(), 'touchstone-log-'));
    const file = join(directory, 'log.db');
    let log = await openSqliteLog({ file });
    return {
      log,
      reopen: async () => {
        await log.close();
        return (log = await openSqliteLog({ file }));
      },
      close: async () => {
        await log.close();
        rmSync(directory, { recursive: true });
      },
    };
  },
  traits: { uniqueIds: true, fresh: true },
});
