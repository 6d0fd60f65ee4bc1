import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TestServer } from '../apps/server/testing.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

/** Requests of the README with the answers that it promises. */
const requests = [
  ...readme.matchAll(/curl -s http:\/\/127\.0\.0\.1:4000(\S+) [^']*'content-type: ([^']+)' -d '([^']+)'\n# (.+)/g),
].map(([, path, type, body, answer]) => ({
  path: path!,
  type: type!,
  body: body!,
  answer: JSON.parse(answer!) as object,
}));

describe('the README', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.remove());

  it('promises answers, and these are given', async () => {
    expect(requests.length).toBe(3);
    for (const { path, type, body, answer } of requests) {
      const response = await fetch(server.url + path, { method: 'POST', headers: { 'content-type': type }, body });
      expect([body, await response.json()]).toEqual([body, answer]);
    }
  });

  it('names scripts, files and folders that exist', () => {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
    const paths = [...readme.matchAll(/^((?:apps|libs|test|examples|docs)[a-z/]*) {2,}/gm)].map(([, path]) => path!);
    expect(paths.length).toBeGreaterThan(8);
    for (const path of [...paths, 'libs/journeys/journey.ts', 'CHANGELOG.md'])
      expect(() => readFileOrFolder(path)).not.toThrow();
  });
});

function readFileOrFolder(path: string): void {
  try {
    readFileSync(root + path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
  }
}
