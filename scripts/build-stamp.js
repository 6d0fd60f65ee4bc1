/**
 * A stamp of the sources that the last build compiled. Workers run from `dist`; a test run on a stale build would
 * test yesterday's workers, so the tests compare this stamp first and stop when it differs.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = join(root, '.build-stamp');

export function sourcesStamp() {
  const hash = createHash('sha256');
  for (const top of ['libs', 'apps']) {
    const files = readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
      .filter((f) => f.endsWith('.ts') && !f.endsWith('.spec.ts') && !/(^|[\\/])(dist|node_modules)[\\/]/.test(f))
      .sort();
    for (const file of files)
      hash
        .update(file)
        .update('\0')
        .update(readFileSync(join(root, top, file)));
  }
  return hash.digest('hex');
}

export function builtStamp() {
  try {
    return readFileSync(stampFile, 'utf8').trim();
  } catch {
    return 'none';
  }
}

if (process.argv[2] === '--write') writeFileSync(stampFile, `${sourcesStamp()}\n`);
