import { NestFactory } from '@nestjs/core';
import { lexicographicSortSchema, printSchema, type GraphQLSchema } from 'graphql';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { emptyFoundation } from './foundation.js';
import { schemaOptions } from './graphql.options.js';
import { ServerModule } from './server.module.js';

/** The committed schema, beside the sources whether these run compiled or not. */
const FILE = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? 'schema.graphql' : '../schema.graphql', import.meta.url),
);

/** The schema of this server as text, sorted; it opens no database and listens nowhere. */
export async function schemaText(): Promise<string> {
  let built: GraphQLSchema | undefined;
  const transformSchema = (schema: GraphQLSchema) => (built = schema);
  // A preview lays out the modules and builds the schema without making a single provider.
  const app = await NestFactory.createApplicationContext(
    ServerModule.with(emptyFoundation(), { ...schemaOptions, transformSchema }),
    {
      preview: true,
      abortOnError: false,
      logger: false,
    },
  );
  await app.close();
  return `${printSchema(lexicographicSortSchema(built!))}\n`;
}

/** `--check` compares the committed schema instead of writing it. */
async function main(): Promise<void> {
  const text = await schemaText();
  if (!process.argv.includes('--check')) {
    await writeFile(FILE, text);
    return;
  }
  const committed = await readFile(FILE, 'utf8').catch(() => '');
  if (committed === text) return;
  process.stderr.write(
    'apps/server/schema.graphql is not the schema of this server: run `npm run schema` and commit it.\n',
  );
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
