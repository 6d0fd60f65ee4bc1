/** For tests that also run on PostgreSQL: one server for a suite, and a schema for each test. */
import { startPostgres, type TestPostgres } from '../../scripts/postgres.js';

let schemas = 0;

/** Null, and said so, where none can be had: then such tests are left out. Stopped after the suite. */
export async function postgresForSuite(): Promise<TestPostgres | null> {
  try {
    return await startPostgres();
  } catch (error) {
    console.warn(`Left out what needs PostgreSQL: ${(error as Error).message}`); // eslint-disable-line no-console
    return null;
  }
}

/** The address with a schema that nobody has used yet. */
export const freshSchema = ({ url }: TestPostgres, name: string): string =>
  `${url}?schema=${name}_${process.pid}_${++schemas}`;
