import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshSchema, postgresForSuite } from '../../scripts/postgres.js';
import { newId } from './ids.js';
import { openVault, type KeysPlace } from './keys-vault.js';
import { keysOf, moveKeys } from './move-keys.js';
import { FORGOTTEN, type BytesVault } from './vault.js';

const postgres = await postgresForSuite();
afterAll(() => postgres?.stop());

describe('keys of a data directory that is given a PostgreSQL', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'touchstone-move-keys-'))));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const id = newId();
  const within = async <R>(place: KeysPlace, work: (vault: BytesVault) => R | Promise<R>): Promise<R> => {
    const vault = await openVault(place);
    try {
      return await work(vault);
    } finally {
      await vault.close();
    }
  };

  it('stay in their file without one', () => {
    expect(keysOf(directory, undefined)).toEqual({ file: join(directory, 'keys.db') });
  });

  it('move there, and everything opens, is found and stays forgotten as before', async () => {
    if (!postgres) return;
    const url = freshSchema(postgres, 'moved');
    const subjects = Array.from({ length: 1_203 }, (_, i) => `customer:${i}`);
    const { sealed, hash } = await within(keysOf(directory, undefined), async (vault) => {
      await vault.ensureKeys(subjects);
      const kept = subjects.map((subject) => vault.seal(subject, id, 'phone', subject));
      await vault.destroy(['customer:7', 'customer:never']);
      return { sealed: kept, hash: vault.lookupHash('phone', '139') };
    });
    const place = keysOf(directory, url);
    expect(place).toEqual({ url });
    await within(place, async (vault) => {
      const opened = subjects.map((subject, i) => vault.open(subject, id, 'phone', sealed[i]!));
      expect(opened).toEqual(subjects.map((subject) => (subject === 'customer:7' ? FORGOTTEN : subject)));
      expect(vault.lookupHash('phone', '139')).toBe(hash);
      await vault.ensureKeys(['customer:never']);
      expect(vault.isForgotten('customer:never')).toBe(true);
      // Whether there ever was one is still known.
      expect(await vault.destroy(['customer:7', 'customer:never'])).toEqual(['customer:7']);
    });
    // A crash before the card was written: once more, over what has been done there since.
    await within(place, (vault) => vault.destroy('customer:8'));
    moveKeys(join(directory, 'keys.db'), url);
    await within(place, (vault) => expect(vault.isForgotten('customer:8')).toBe(true));
  });

  it('are not made anew by a start without it', () => {
    if (!postgres) return;
    keysOf(directory, freshSchema(postgres, 'card'));
    expect(() => keysOf(directory, undefined)).toThrow(expect.objectContaining({ code: 'KEYS_IN_POSTGRES' }));
    expect(existsSync(join(directory, 'keys.db'))).toBe(false);
  });

  it('do not mix with those of another house', async () => {
    if (!postgres) return;
    const url = freshSchema(postgres, 'other');
    await within({ url }, (vault) => vault.ensureKeys(['customer:a']));
    await within(keysOf(directory, undefined), (vault) => vault.ensureKeys(['customer:a']));
    expect(() => keysOf(directory, url)).toThrow(expect.objectContaining({ code: 'KEYS_OF_ANOTHER_HOUSE' }));
    // Nothing has changed: it still starts as it did.
    expect(keysOf(directory, undefined)).toEqual({ file: join(directory, 'keys.db') });
  });
});
