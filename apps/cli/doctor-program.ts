import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fail, note, ok, warn, type Finding } from './doctor-findings.js';

/** The top of the program, from the source as well as from the compiled file. */
const root = new URL(import.meta.url.endsWith('.ts') ? '../../' : '../../../', import.meta.url);

/** What runs: Node, and whether the compiled files are those of the sources beside them. */
export async function programFindings(version = process.versions.node, top: URL = root): Promise<Finding[]> {
  return [nodeFinding(version, top), await buildFinding(top)];
}

function nodeFinding(version: string, top: URL): Finding {
  const { engines } = JSON.parse(readFileSync(new URL('package.json', top), 'utf8')) as { engines: { node: string } };
  if (satisfies(version, engines.node)) return ok('NODE_VERSION', `Node ${version}.`);
  return fail('NODE_VERSION', `Node ${version} is not one of ${engines.node}: install one of these.`);
}

/** Ranges of the forms `^20.19.0` and `>=24.0.0`, joined by `||`: all that `engines` here is made of. */
export function satisfies(version: string, ranges: string): boolean {
  const numbers = (text: string) => text.split('.').map(Number);
  const have = numbers(version);
  return ranges.split('||').some((range) => {
    const [, sign, least = ''] = /^(\^|>=)(\d+\.\d+\.\d+)$/.exec(range.trim()) ?? [];
    const want = numbers(least);
    if (sign === undefined || (sign === '^' && have[0] !== want[0])) return false;
    const at = [0, 1, 2].find((i) => have[i] !== want[i]);
    return at === undefined || have[at]! > want[at]!;
  });
}

async function buildFinding(top: URL): Promise<Finding> {
  if (!existsSync(new URL('apps/server/dist/main.js', top)))
    return fail('BUILD', `The server is not compiled: run \`npm run build\` in ${fileURLToPath(top)}.`);
  const stamp = new URL('scripts/build-stamp.js', top);
  if (!existsSync(stamp) || !existsSync(new URL('apps/server/main.ts', top)))
    return note('BUILD', 'There are no sources beside the compiled files, so these cannot be older than they.');
  const { sourcesStamp, builtStamp } = (await import(stamp.href)) as Record<string, () => string>;
  if (sourcesStamp!() === builtStamp!()) return ok('BUILD', 'The compiled files are those of the sources.');
  return warn(
    'BUILD',
    'The sources have changed since they were compiled: run `npm run build` and start the server again.',
  );
}
