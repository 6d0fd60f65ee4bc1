import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backUp, restoreBackup } from './backup.js';
import type { RecordedEvent } from './envelope.js';
import { newId } from './ids.js';
import { openVault } from './keys-vault.js';
import { openSqliteLog, type SqliteLog } from './sqlite-log.js';

const NOW = '2026-03-01T08:00:00.000Z';
const one = (n: number) => ({
  id: newId(),
  type: 'Counted',
  schemaVersion: 1,
  occurredAt: NOW,
  recordedAt: NOW,
  data: { n },
  metadata: { correlationId: newId(), actor: { id: 'test' } },
});

async function all(log: Pick<SqliteLog, 'readAll'>): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of log.readAll()) events.push(...page);
  return events;
}

describe('a backup', () => {
  let root: string;
  let data: string;
  const at = (...names: string[]) => join(root, ...names);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'backup-'));
    data = mkdtempSync(join(root, 'data-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('made while callers write holds the log as it was at one moment, with every key that it needs', async () => {
    const vault = await openVault({ file: join(data, 'keys.db') });
    const log = await openSqliteLog({ file: join(data, 'log.db') });
    let writing = true;
    const caller = async (name: string) => {
      for (let n = 0; writing; n++) {
        // A key is durable before the event that needs it.
        const subject = `customer:${name}-${n}`;
        await vault.ensureKeys([subject]);
        const id = newId();
        const event = { ...one(n), id, data: { subject, sealed: vault.seal(subject, id, 'name', `${name} ${n}`) } };
        await log.append(`count-${name}-${n}`, 'none', [event]);
      }
    };
    const callers = ['a', 'b', 'c', 'd'].map(caller);
    while ((await log.head()) < '0000000000000100') await log.append('beat', 'any', [one(0)]);
    const card = await backUp(data, at('copy'), { madeAt: NOW });
    writing = false;
    await Promise.all(callers);
    const whole = await all(log);
    await log.close();
    await vault.close();

    expect(restoreBackup(at('copy'), at('back'))).toEqual(card);
    const [log2, vault2] = [
      await openSqliteLog({ file: at('back', 'log.db') }),
      await openVault({ file: at('back', 'keys.db') }),
    ];
    const restored = await all(log2);
    expect(restored.length).toBe(card.events);
    expect(restored.at(-1)!.position).toBe(card.head);
    expect(restored).toEqual(whole.slice(0, restored.length));
    expect(whole.length).toBeGreaterThan(restored.length);
    const sealed = restored.filter(({ stream }) => stream !== 'beat');
    expect(sealed.length).toBeGreaterThan(0);
    for (const { id, data: content } of sealed) {
      const { subject, sealed: text } = content as { subject: string; sealed: string };
      expect(vault2.open(subject, id, 'name', text)).toMatch(/^[abcd] \d+$/);
    }
    // It goes on where it was.
    const { position } = await log2.append('beat', 'any', [one(1)]);
    expect(position > card.head).toBe(true);
    await log2.close();
    await vault2.close();
  });

  describe('of a small log', () => {
    beforeEach(async () => {
      const log = await openSqliteLog({ file: join(data, 'log.db') });
      await log.append('count', 'none', [one(1), one(2)]);
      await log.close();
    });

    it('names what is in it', async () => {
      const steps: number[] = [];
      const card = await backUp(data, at('copy'), { madeAt: NOW, onProgress: (done, of) => steps.push(done / of) });
      expect(card).toMatchObject({ madeAt: NOW, events: 2, head: '0000000000000002', files: [{ name: 'log.db' }] });
      expect(JSON.parse(readFileSync(at('copy', 'backup.json'), 'utf8'))).toEqual(card);
      expect(steps.at(-1)).toBe(1);
      expect(existsSync(at('copy.making'))).toBe(false);
    });

    it('writes over nothing', async () => {
      await backUp(data, at('copy'), { madeAt: NOW });
      await expect(backUp(data, at('copy'), { madeAt: NOW })).rejects.toMatchObject({ code: 'BACKUP_EXISTS' });
      expect(() => restoreBackup(at('copy'), data)).toThrow(expect.objectContaining({ code: 'DATA_DIRECTORY_FULL' }));
    });

    it('of nothing, or to where nothing can be written, is refused and leaves nothing', async () => {
      await expect(backUp(at('nowhere'), at('copy'), { madeAt: NOW })).rejects.toMatchObject({ code: 'NO_LOG_THERE' });
      writeFileSync(at('file'), '');
      const refused = expect.objectContaining({ code: 'BACKUP_FAILED' });
      await expect(backUp(data, at('file', 'copy'), { madeAt: NOW })).rejects.toEqual(refused);
      expect(existsSync(at('copy'))).toBe(false);
    });

    it.each<[string, (copy: string) => void]>([
      ['cut off', (copy) => truncateSync(join(copy, 'log.db'), 8_192)],
      ['changed in length', (copy) => appendFileSync(join(copy, 'log.db'), 'x')],
      ['without its card', (copy) => rmSync(join(copy, 'backup.json'))],
      ['without its log', (copy) => rmSync(join(copy, 'log.db'))],
      ['of another log', (copy) => changeCard(copy, { events: 3 })],
      ['of a later form', (copy) => changeCard(copy, { form: 2 })],
      ['that names other files', (copy) => changeCard(copy, { files: [{ name: '../log.db', bytes: 1 }] })],
      [
        'overwritten',
        (copy) => writeFileSync(join(copy, 'log.db'), 'x'.repeat(readFileSync(join(copy, 'log.db')).length)),
      ],
    ])('%s is not put back', async (_how, spoil) => {
      await backUp(data, at('copy'), { madeAt: NOW });
      spoil(at('copy'));
      expect(() => restoreBackup(at('copy'), at('back'))).toThrow(
        expect.objectContaining({ code: 'BACKUP_UNREADABLE' }),
      );
      expect(existsSync(at('back', 'log.db'))).toBe(false);
    });
  });
});

function changeCard(copy: string, to: object): void {
  const card = join(copy, 'backup.json');
  writeFileSync(card, JSON.stringify({ ...(JSON.parse(readFileSync(card, 'utf8')) as object), ...to }));
}
