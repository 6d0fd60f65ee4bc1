/**
 * Compiles on every change and starts the server anew after each build without errors. Arguments go to the server:
 * `npm run dev -- --port 4001`.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const main = fileURLToPath(new URL('../apps/server/dist/main.js', import.meta.url));
const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));

let server = null;
let stopping = false;
let starting = Promise.resolve();

/** Ends the running server in order: it owns the data directory until its process has gone. */
function stopServer() {
  if (!server) return Promise.resolve();
  const gone = new Promise((resolve) => server.once('exit', resolve));
  if (server.connected) server.disconnect();
  return gone;
}

function restart() {
  starting = starting.then(async () => {
    await stopServer();
    if (stopping) return;
    const started = spawn(process.execPath, ['--enable-source-maps', main, ...process.argv.slice(2)], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    started.once('exit', () => {
      if (server === started) server = null;
    });
    server = started;
  });
}

const compiler = spawn(process.execPath, [tsc, '-b', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
});
createInterface({ input: compiler.stdout }).on('line', (line) => {
  console.log(line);
  if (/Found 0 errors/.test(line)) restart();
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopping = true;
    compiler.kill();
    starting = starting.then(stopServer);
  });
}
