/**
 * Asks the server of this machine how it is; exit code 0 when it says well. For container engines, whose images have no
 * other program that speaks HTTP.
 *
 *   node scripts/health.js [live|ready]
 */
const what = process.argv[2] ?? 'live';
const port = process.env.PORT || '4000';
const TIMEOUT_MS = 4_000;

try {
  const answer = await fetch(`http://127.0.0.1:${port}/health/${what}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const body = await answer.text();
  if (!answer.ok) {
    console.error(body);
    process.exitCode = 1;
  }
} catch (error) {
  console.error(error.cause?.message ?? error.message);
  process.exitCode = 1;
}
