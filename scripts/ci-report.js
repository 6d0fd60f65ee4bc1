/**
 * Reads the reports of test runs (`jest --json --outputFile`), complains about suites over their time budget, and closes
 * with the counts alone on a line. A run without tests, or with a suite that did not start, fails.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Seconds that a suite may take on two busy cores, by what its name says of its cost. */
const BUDGETS = [
  // A hundred processes are started and killed.
  [/^test\/chaos-kill/, 300],
  [/^test\/care-properties/, 240],
  [/\.e2e\.spec\.ts$/, 240],
  [/\.int\.spec\.ts$/, 240],
  [/^test\//, 240],
  [/\.spec\.ts$/, 90],
];

export function reportOf(run, root) {
  const faults = [];
  for (const suite of run.testResults) {
    const name = relative(root, suite.name);
    if (suite.status === 'failed' && suite.assertionResults.length === 0) faults.push(`${name} did not run.`);
    const seconds = (suite.endTime - suite.startTime) / 1_000;
    const budget = BUDGETS.find(([pattern]) => pattern.test(name))?.[1] ?? 90;
    if (seconds > budget) faults.push(`${name} took ${seconds.toFixed(1)} s; its budget is ${budget} s.`);
  }
  const skipped = run.numPendingTests + run.numTodoTests;
  const ran = run.numPassedTests + run.numFailedTests;
  if (ran === 0) faults.push('No test ran.');
  if (run.numFailedTests > 0) faults.push(`${run.numFailedTests} tests failed.`);
  return { faults, counts: `${run.numPassedTests} passed, ${run.numFailedTests} failed, ${skipped} skipped` };
}

/** The reports of several runs as one: every run has to have tests, and the counts are those of all. */
export function reportsOf(runs, root) {
  if (runs.length === 0) throw new Error('none was named');
  const reports = runs.map((run) => reportOf(run, root));
  const total = (field) => runs.reduce((sum, run) => sum + run[field], 0);
  const skipped = total('numPendingTests') + total('numTodoTests');
  return {
    faults: reports.flatMap(({ faults }) => faults),
    counts: `${total('numPassedTests')} passed, ${total('numFailedTests')} failed, ${skipped} skipped`,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let report;
  try {
    const runs = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')));
    report = reportsOf(runs, fileURLToPath(new URL('..', import.meta.url)));
  } catch (error) {
    report = {
      faults: [`There is no report of a test run: ${error.message}`],
      counts: '0 passed, 0 failed, 0 skipped',
    };
  }
  for (const fault of report.faults) console.error(`FAULT ${fault}`);
  console.log(report.counts);
  if (report.faults.length > 0) process.exitCode = 1;
}
