import { NestFactory } from '@nestjs/core';
import { lexicographicSortSchema, printSchema, type GraphQLSchema } from 'graphql';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { asyncApiOf } from '@touchstone/delivery';
import { events } from './composition.js';
import { emptyFoundation } from './foundation.js';
import { schemaOptions } from './graphql.options.js';
import { ServerModule } from './server.module.js';

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

/** The AsyncAPI document of the event feed as text. */
export const asyncApiText = (): Promise<string> => Promise.resolve(`${JSON.stringify(asyncApiOf(events), null, 2)}\n`);

/** What is committed beside the sources, and what it has to be. */
const WRITTEN: readonly { readonly name: string; readonly text: () => Promise<string> }[] = [
  { name: 'schema.graphql', text: schemaText },
  { name: 'asyncapi.json', text: asyncApiText },
];

/** Beside the sources whether these run compiled or not. */
const fileOf = (name: string): string =>
  fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? name : `../${name}`, import.meta.url));

/** `--check` compares what is committed instead of writing it. */
async function main(): Promise<void> {
  for (const { name, text } of WRITTEN) {
    const file = fileOf(name);
    const now = await text();
    if (!process.argv.includes('--check')) await writeFile(file, now);
    else if ((await readFile(file, 'utf8').catch(() => '')) !== now) {
      process.stderr.write(`apps/server/${name} is not that of this server: run \`npm run schema\` and commit it.\n`);
      process.exitCode = 1;
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
