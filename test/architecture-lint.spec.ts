import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));

/** ESLint loads its plugins in ways that Jest's module loader does not know: it runs in a process of its own. */
const LINT = `
  import { ESLint } from 'eslint';
  const [filePath, text] = process.argv.slice(1);
  const [result] = await new ESLint().lintText(text, { filePath });
  console.log(JSON.stringify(result.messages.map(({ line, ruleId }) => line + ' ' + ruleId)));
`;

/** Lints `text` as if it stood in `file`; gives line and rule of each finding. */
async function lint(file: string, text: string): Promise<string[]> {
  expect(existsSync(join(root, file))).toBe(true);
  const args = ['--input-type=module', '--eval', LINT, '--', file, text];
  // A "single run", which CI means to it, takes the text from the file instead.
  const env = { ...process.env, TSESTREE_SINGLE_RUN: 'false' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env });
  return JSON.parse(stdout) as string[];
}

const lines = (...code: string[]) => code.join('\n') + '\n';

describe('the lint rules catch', () => {
  it('a torn-off worker, a forced exit, a forward reference and a promise nobody waits for, anywhere', async () => {
    const found = await lint(
      'libs/platform/logger.ts',
      lines(
        `import { forwardRef } from '@nestjs/common';`,
        `import type { Worker } from 'node:worker_threads';`,
        `export const end = () => process.exit(1);`,
        `export const tear = (worker: Worker) => worker.terminate();`,
        `export const later = forwardRef(() => String);`,
        `export const lost = () => { Promise.resolve(1); };`,
        `export const said = () => console.log('x');`,
        `const unused = 1;`,
      ),
    );
    expect([...new Set(found)]).toEqual([
      '1 no-restricted-syntax',
      '3 no-restricted-syntax',
      '4 no-restricted-syntax',
      '5 no-restricted-syntax',
      '6 @typescript-eslint/no-floating-promises',
      '7 no-console',
      '8 @typescript-eslint/no-unused-vars',
    ]);
  }, 60_000);

  it('clocks, dice and waiting in a pure file', async () => {
    const found = await lint(
      'libs/packs/packs.projection.ts',
      lines(
        `export const a = () => Date.now();`,
        `export const b = () => new Date();`,
        `export const c = () => Math.random();`,
        `export const d = () => crypto.randomUUID();`,
        `export const e = () => performance.now();`,
        `export const f = () => setTimeout(() => undefined, 1);`,
        `export const g = () => process.env;`,
        `export const fine = (ms: number) => new Date(ms).toISOString();`,
      ),
    );
    expect(found).toEqual([1, 2, 3, 4, 5, 6, 7].map((line) => `${line} no-restricted-syntax`));
  }, 60_000);

  it('nothing of that in an ordinary file', async () => {
    expect(await lint('libs/platform/logger.ts', lines(`export const now = () => new Date();`))).toEqual([]);
  }, 60_000);
});
