import { jest } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSqliteKeys, type KeyTable } from './key-table.js';
import { vaultOn } from './keys-vault.js';
import type { BytesVault } from './vault.js';

const ANNA = 'customer:anna';
const EVENT = '0190a1b2-0000-7000-8000-000000000001';

let directory: string;
let file: string;
let vault: BytesVault;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'touchstone-keys-'));
  file = join(directory, 'keys.db');
});
afterEach(async () => {
  await vault.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A disk that takes its time, and fails when it is told to: no real one does so on demand. */
class SlowDisk {
  private wait: Promise<void> = Promise.resolve();
  flush!: () => void;
  fail!: (error: Error) => void;

  hold(): void {
    this.wait = new Promise((resolve, reject) => {
      this.flush = resolve;
      this.fail = reject;
    });
  }

  under(table: KeyTable): KeyTable {
    const put: KeyTable['put'] = async (...given) => {
      await table.put(...given);
      await this.wait;
    };
    return new Proxy(table, {
      get: (of, name) => {
        if (name === 'put') return put;
        const value: unknown = Reflect.get(of, name);
        return typeof value === 'function' ? (value.bind(of) as unknown) : value;
      },
    });
  }
}

const isSettled = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([
    promise.then(
      () => true,
      () => true,
    ),
    sleep(30).then(() => false),
  ]);

describe('keys on their way to the disk', () => {
  const disk = new SlowDisk();
  beforeEach(async () => {
    disk.hold();
    vault = await vaultOn(disk.under(openSqliteKeys(file)));
  });
  afterEach(() => disk.flush());

  it('are relied on by nobody before they are there, whoever has seen them meanwhile', async () => {
    const first = vault.ensureKeys([ANNA]);
    await sleep(0);
    // It looks at the key that is in the table by now.
    expect(vault.isForgotten(ANNA)).toBe(false);
    const second = vault.ensureKeys([ANNA]);
    expect(await isSettled(first)).toBe(false);
    expect(await isSettled(second)).toBe(false);
    disk.flush();
    await Promise.all([first, second]);
    expect(vault.open(ANNA, EVENT, 'name', vault.seal(ANNA, EVENT, 'name', 'Anna'))).toBe('Anna');
  });

  it('stay destroyed when they are destroyed meanwhile', async () => {
    const made = vault.ensureKeys([ANNA]);
    await sleep(0);
    expect(await vault.destroy(ANNA)).toEqual([ANNA]);
    disk.flush();
    await made;
    expect(vault.isForgotten(ANNA)).toBe(true);
  });

  it('are there before the vault closes', async () => {
    const made = vault.ensureKeys([ANNA]);
    await sleep(0);
    const closed = vault.close();
    expect(await isSettled(closed)).toBe(false);
    disk.flush();
    await Promise.all([made, closed]);
    vault = await vaultOn(openSqliteKeys(file));
    expect(vault.isForgotten(ANNA)).toBe(false);
    expect(() => vault.seal(ANNA, EVENT, 'name', 'Anna')).not.toThrow();
  });

  it('are not believed when the disk failed', async () => {
    const made = vault.ensureKeys([ANNA]);
    await sleep(0);
    disk.fail(new Error('I/O error'));
    await expect(made).rejects.toThrow('I/O error');
    expect(vault.isForgotten(ANNA)).toBe(false);
    await expect(vault.ensureKeys([ANNA])).rejects.toThrow('I/O error');
  });
});

describe('keys in a file', () => {
  it('are refused for good, with a code, once they could not be flushed', async () => {
    vault = await vaultOn(openSqliteKeys(file));
    await vault.ensureKeys(['customer:first']);
    // What is flushed beside the thread is not where it should be.
    rmSync(`${file}-wal`);
    const refused = expect.objectContaining({ code: 'KEYS_NOT_DURABLE', kind: 'unavailable' });
    await expect(vault.ensureKeys([ANNA])).rejects.toEqual(refused);
    writeFileSync(`${file}-wal`, '');
    await expect(vault.ensureKeys(['customer:other'])).rejects.toEqual(refused);
    await expect(vault.ensureKeys([ANNA])).rejects.toEqual(refused);
    await expect(vault.ensureKeys(['customer:first'])).resolves.toBeUndefined();
  });

  it('are flushed before anybody hears of them', async () => {
    vault = await vaultOn(openSqliteKeys(file));
    await vault.ensureKeys(['customer:first']);
    const handle = await open(`${file}-wal`, 'r');
    await handle.close();
    const flushed = jest.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'datasync');
    try {
      await vault.ensureKeys([ANNA]);
      expect(flushed).toHaveBeenCalledTimes(1);
      await vault.ensureKeys([ANNA]);
      expect(flushed).toHaveBeenCalledTimes(1);
    } finally {
      flushed.mockRestore();
    }
  });

  it('are flushed also where somebody else put them in', async () => {
    vault = await vaultOn(openSqliteKeys(file));
    const other = await vaultOn(openSqliteKeys(file));
    await Promise.all([vault.ensureKeys([ANNA]), other.ensureKeys([ANNA]), other.ensureKeys(['customer:b'])]);
    expect(other.open(ANNA, EVENT, 'f', vault.seal(ANNA, EVENT, 'f', 1))).toBe(1);
    await other.close();
  });
});
