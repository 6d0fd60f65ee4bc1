import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataDirectory, type SharedLog } from '@touchstone/eventing';
import { readConfig } from '@touchstone/platform';
import { identityOf, keepLogCard, openLogOf } from '../apps/server/log-of-directory.js';
import { anEvent } from '../libs/eventing/event-log.contract.kit.js';
import { FaultyEsdb } from '../libs/eventing/esdb-server.spec-kit.js';

describe('a data directory and the log that belongs to it', () => {
  let path: string;
  let esdb: FaultyEsdb;
  beforeEach(async () => {
    path = mkdtempSync(join(tmpdir(), 'touchstone-directory-'));
    esdb = await FaultyEsdb.start();
  });
  afterEach(async () => {
    await esdb.down();
    rmSync(path, { recursive: true });
  });

  const opened = async <T>(url: string | undefined, work: (log: SharedLog) => Promise<T>): Promise<T> => {
    const directory = await openDataDirectory(path);
    try {
      const config = readConfig({ DATA_DIR: path, ...(url && { EVENT_LOG_URL: url }) });
      const log = await openLogOf(directory, config);
      try {
        keepLogCard(directory, config, await identityOf(log, config));
        return await work(log);
      } finally {
        await log.close();
      }
    } finally {
      await directory.release();
    }
  };
  const append = (log: SharedLog) => log.append(`s-${anEvent().id}`, 'none', [anEvent()]);
  const other = { code: 'DATA_DIRECTORY_OF_OTHER_LOG', kind: 'conflict' };

  it('whose events are in it takes no server', async () => {
    await opened(undefined, append);
    await expect(opened(esdb.url, append)).rejects.toMatchObject(other);
    await opened(undefined, append);
  });

  it('whose events are on a server stays with that server, and with its log', async () => {
    await opened(esdb.url, append);
    await opened(esdb.url, append);
    expect(readdirSync(path)).not.toContain('log.db');
    await expect(opened(undefined, append)).rejects.toMatchObject(other);
    const elsewhere = await FaultyEsdb.start();
    await expect(opened(elsewhere.url, append)).rejects.toMatchObject(other);
    await elsewhere.down();
    await opened(esdb.url, append);
  });

  it('can be begun while the server has no event yet', async () => {
    await opened(esdb.url, (log) => log.head());
    await opened(esdb.url, append);
    await opened(esdb.url, (log) => log.head());
    await expect(opened(undefined, append)).rejects.toMatchObject(other);
  });
});
