import type { FastifyInstance } from 'fastify';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { GRAPHQL_PATH } from './graphql.options.js';

const { resolve } = createRequire(import.meta.url);
const inPackage = (name: string, file: string) => join(dirname(resolve(`${name}/package.json`)), file);

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const CSS = 'text/css; charset=utf-8';

/** The page loads these and nothing else: it works without a network. */
const FILES: Readonly<Record<string, { readonly path: string; readonly type: string }>> = {
  'react.js': { path: inPackage('react', 'umd/react.production.min.js'), type: JAVASCRIPT },
  'react-dom.js': { path: inPackage('react-dom', 'umd/react-dom.production.min.js'), type: JAVASCRIPT },
  'graphiql.js': { path: inPackage('graphiql', 'graphiql.min.js'), type: JAVASCRIPT },
  'graphiql.css': { path: inPackage('graphiql', 'graphiql.min.css'), type: CSS },
  'graphql-ws.js': { path: inPackage('graphql-ws', 'umd/graphql-ws.min.js'), type: JAVASCRIPT },
};

/** Scripts only from here; GraphiQL sets styles from script and carries its fonts and icons as data. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const EXAMPLE = `# Touchstone: every contact with a customer is an event.
# Run this, then open the documentation (top left) for everything else.
query FirstLook {
  projections {
    group
    state
    lag
    parked
  }
  events(first: 5) {
    edges {
      node {
        position
        type
        occurredAt
        stream
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Touchstone explorer</title>
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/explorer/graphiql.css" />
    <link rel="stylesheet" href="/explorer/start.css" />
  </head>
  <body>
    <div id="explorer">Loading …</div>
    <noscript>The explorer needs JavaScript; the API itself is at ${GRAPHQL_PATH}.</noscript>
    <script src="/explorer/react.js"></script>
    <script src="/explorer/react-dom.js"></script>
    <script src="/explorer/graphql-ws.js"></script>
    <script src="/explorer/graphiql.js"></script>
    <script src="/explorer/start.js"></script>
  </body>
</html>
`;

const START_CSS = 'html, body, #explorer { height: 100vh; margin: 0; font-family: sans-serif; }';

const START = `const socket = location.origin.replace(/^http/, 'ws') + '${GRAPHQL_PATH}';
const fetcher = GraphiQL.createFetcher({
  url: '${GRAPHQL_PATH}',
  wsClient: graphqlWs.createClient({ url: socket, lazy: true }),
});
ReactDOM.createRoot(document.getElementById('explorer')).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: ${JSON.stringify(EXAMPLE)},
    defaultEditorToolsVisibility: true,
    shouldPersistHeaders: false,
  }),
);
`;

/** Serves the explorer page at \`/\`. */
export function serveExplorer(fastify: FastifyInstance): void {
  fastify.get('/', (_request, reply) =>
    reply
      .header('content-security-policy', POLICY)
      .header('referrer-policy', 'no-referrer')
      .type('text/html; charset=utf-8')
      .send(PAGE),
  );
  fastify.get('/explorer/start.js', (_request, reply) => reply.type(JAVASCRIPT).send(START));
  fastify.get('/explorer/start.css', (_request, reply) => reply.type(CSS).send(START_CSS));
  for (const [name, { path, type }] of Object.entries(FILES)) {
    fastify.get(`/explorer/${name}`, async (_request, reply) => {
      return reply
        .header('cache-control', 'public, max-age=86400')
        .type(type)
        .send(await readFile(path));
    });
  }
}
