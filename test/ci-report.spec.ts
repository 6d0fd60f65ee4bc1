import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const base = mkdtempSync(join(tmpdir(), 'touchstone-report-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const suite = (name: string, seconds: number, tests = 1, status = 'passed') => ({
  name: join(root, name),
  status,
  startTime: 0,
  endTime: seconds * 1_000,
  assertionResults: Array.from({ length: tests }, () => ({})),
});

const run = (numPassedTests: number, numFailedTests: number, testResults: object[] = []) =>
  JSON.stringify({ numPassedTests, numFailedTests, numPendingTests: 2, numTodoTests: 1, testResults });

function report(...texts: readonly string[]) {
  const files = texts.map((text, i) => {
    const file = join(base, `run-${i}.json`);
    writeFileSync(file, text);
    return file;
  });
  try {
    const out = execFileSync(process.execPath, [join(root, 'scripts/ci-report.js'), ...files], { stdio: 'pipe' });
    return { status: 0, out: out.toString(), err: '' };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: Buffer; stderr: Buffer };
    return { status, out: stdout.toString(), err: stderr.toString() };
  }
}

describe('the report of a run', () => {
  it('counts several runs as one, and each of them has to have tests', () => {
    const [one, other] = [run(10, 0, [suite('libs/a.spec.ts', 3)]), run(5, 1, [suite('libs/b.spec.ts', 3)])];
    expect(report(one, one)).toMatchObject({ status: 0, out: '20 passed, 0 failed, 6 skipped\n' });
    expect(report(one, other)).toMatchObject({ status: 1, out: '15 passed, 1 failed, 6 skipped\n' });
    expect(report(one, run(0, 0)).err).toContain('No test ran.');
    expect(report(one, '').status).toBe(1);
  });

  it('closes with the counts alone on a line', () => {
    expect(report(run(412, 0, [suite('libs/a.spec.ts', 3)]))).toEqual({
      status: 0,
      out: '412 passed, 0 failed, 3 skipped\n',
      err: '',
    });
  });

  it.each([
    ['a failed test', run(3, 1), '3 passed, 1 failed, 3 skipped', '1 tests failed'],
    ['no test', run(0, 0), '0 passed, 0 failed, 3 skipped', 'No test ran'],
    ['no report', '', '0 passed, 0 failed, 0 skipped', 'There is no report'],
    [
      'a suite that did not start',
      run(3, 0, [suite('libs/a.spec.ts', 1, 0, 'failed')]),
      '3 passed, 0 failed, 3 skipped',
      'libs/a.spec.ts did not run',
    ],
    [
      'a suite over its budget',
      run(3, 0, [suite('libs/a.spec.ts', 91), suite('libs/b.int.spec.ts', 91)]),
      '3 passed, 0 failed, 3 skipped',
      'libs/a.spec.ts took 91.0 s; its budget is 90 s.',
    ],
  ])('fails on %s, and still counts', (_what, text, counts, fault) => {
    const { status, out, err } = report(text);
    expect([status, out]).toEqual([1, `${counts}\n`]);
    expect(err).toContain(fault);
    expect(err.trim().split('\n')).toHaveLength(1);
  });
});
