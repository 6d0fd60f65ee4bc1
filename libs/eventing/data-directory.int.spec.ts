import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataDirectory, readOwner, type DataDirectory } from './data-directory.js';

const COMPILED = new URL('./dist/data-directory.js', import.meta.url).href;

/** Another process that takes the directory, says so, and holds it until it is killed or its input ends. */
const OWNER = `
  const { openDataDirectory } = await import(${JSON.stringify(COMPILED)});
  try {
    const directory = await openDataDirectory(process.argv[1]);
    directory.announce({ url: 'http://127.0.0.1:4000' });
    console.log('taken');
    process.stdin.on('end', async () => { await directory.release(); });
    process.stdin.resume();
  } catch (error) {
    console.log(error.code + ' ' + error.details.pid);
  }
`;

describe('the data directory', () => {
  let top: string;
  let path: string;
  const children: ChildProcess[] = [];
  const held: DataDirectory[] = [];

  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'touchstone-data-'));
    path = join(top, 'deep', 'data');
  });
  afterEach(async () => {
    for (const directory of held.splice(0)) await directory.release();
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(top, { recursive: true });
  });

  const take = async () => {
    const directory = await openDataDirectory(path);
    held.push(directory);
    return directory;
  };
  const startOwner = async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', OWNER, path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    return { child, said: said.toString().trim() };
  };
  const inUse = (pid: number) => ({ code: 'DATA_DIRECTORY_IN_USE', kind: 'conflict', details: { pid } });

  it('is made for its owner alone, and gives paths of plain names', async () => {
    const directory = await take();
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(directory.path).toBe(path);
    expect(directory.file('log.db')).toBe(join(path, 'log.db'));
    for (const name of ['', '.', '..', '../x', 'a/b', '/etc/passwd']) {
      expect(() => directory.file(name)).toThrow(expect.objectContaining({ code: 'INVALID_FILE_NAME' }));
    }
  });

  it('has one owner in this process, too', async () => {
    const first = await take();
    await expect(openDataDirectory(path)).rejects.toMatchObject(inUse(process.pid));
    expect(await readOwner(path)).toMatchObject({ pid: process.pid, live: true, url: null });
    await first.release();
    await first.release();
    expect(await readOwner(path)).toBeNull();
    await take();
    expect(await readOwner(path)).toMatchObject({ pid: process.pid, live: true });
  });

  it('tells who has it, and where to find that process', async () => {
    const { child, said } = await startOwner();
    expect(said).toBe('taken');
    await expect(openDataDirectory(path)).rejects.toMatchObject(inUse(child.pid!));
    await expect(openDataDirectory(path)).rejects.toThrow(`process ${child.pid}`);
    const owner = await readOwner(path);
    expect(owner).toMatchObject({ pid: child.pid, live: true, url: 'http://127.0.0.1:4000' });
    expect(Math.abs(Date.now() - Date.parse(owner!.since))).toBeLessThan(60_000);
  });

  it('keeps another process out, which is told the same', async () => {
    await take();
    expect((await startOwner()).said).toBe(`DATA_DIRECTORY_IN_USE ${process.pid}`);
  });

  it('is free at once when its owner was killed, whatever the owner left behind', async () => {
    for (let round = 0; round < 3; round++) {
      const { child } = await startOwner();
      expect((await readOwner(path))!.live).toBe(true);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(await readOwner(path)).toMatchObject({ pid: child.pid, live: false });
    }
    await take();
    expect(await readOwner(path)).toMatchObject({ pid: process.pid, live: true, url: null });
  });

  it('is free when its owner left in order', async () => {
    const { child } = await startOwner();
    child.stdin!.end();
    await once(child, 'exit');
    expect(await readOwner(path)).toBeNull();
    await take();
  });

  it('is not let go by looking at it', async () => {
    await take();
    for (let i = 0; i < 20; i++) expect((await readOwner(path))!.live).toBe(true);
    expect((await startOwner()).said).toMatch('DATA_DIRECTORY_IN_USE');
  });

  it('lets one of many who come at once have it', async () => {
    const said = (await Promise.all(Array.from({ length: 4 }, startOwner))).map((s) => s.said);
    expect(said.filter((s) => s === 'taken')).toHaveLength(1);
    expect(said.filter((s) => s.startsWith('DATA_DIRECTORY_IN_USE'))).toHaveLength(3);
  });

  it('knows no owner where there is no directory, and makes none by looking', async () => {
    expect(await readOwner(path)).toBeNull();
    expect(existsSync(path)).toBe(false);
  });

  it('says what is wrong with a path that cannot be used', async () => {
    const file = join(top, 'a-file');
    writeFileSync(file, '');
    await expect(openDataDirectory(file)).rejects.toMatchObject({ code: 'DATA_DIRECTORY_UNUSABLE' });
  });
});
