#!/usr/bin/env node
// Committed and of plain JavaScript: npm links a bin at install, before anything has been compiled.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('..', import.meta.url);
const main = new URL('apps/cli/dist/main.js', root);

if (!existsSync(new URL('node_modules/commander', root))) {
  refuse('NOT_INSTALLED', 'the packages are missing', 'npm ci');
} else if (!existsSync(main)) {
  refuse('NOT_BUILT', 'the command line is not compiled', 'npm run build');
} else {
  await import(main.href);
}

/**
 * @param {string} code
 * @param {string} what
 * @param {string} command
 */
function refuse(code, what, command) {
  process.stderr.write(`${code}: ${what}: run \`${command}\` in ${fileURLToPath(root)} and try again.\n`);
  process.exitCode = 1;
}
