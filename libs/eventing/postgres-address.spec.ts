import { postgresAddress } from './postgres-address.js';

describe('the address of a PostgreSQL', () => {
  it('keeps what is ours from the driver, and credentials from people', () => {
    expect(postgresAddress('postgresql://me:s%40crt@db:5433/house?sslmode=require&schema=trial_2')).toEqual({
      connectionString: 'postgresql://me:s%40crt@db:5433/house?sslmode=require',
      shown: 'postgres://db:5433/house',
      schema: 'trial_2',
    });
    expect(postgresAddress('postgres://db/house').schema).toBe('touchstone');
  });

  it.each([
    ['another scheme', 'mysql://me:secret@db/house'],
    ['no host', 'postgres:///house'],
    ['no database', 'postgres://me:secret@db'],
    ['no address', 'postgres://me:secret@db:port/house'],
    ['a schema of the server', 'postgres://me:secret@db/house?schema=pg_catalog'],
    ['a schema that would have to be quoted', 'postgres://me:secret@db/house?schema=My%22'],
    ['a schema that leaves no room', `postgres://me:secret@db/house?schema=${'a'.repeat(33)}`],
    ['an empty schema', 'postgres://me:secret@db/house?schema='],
  ])('refuses %s, and never repeats a password', (_, text) => {
    let fault: Error | undefined;
    try {
      postgresAddress(text);
    } catch (error) {
      fault = error as Error;
    }
    expect(fault).toMatchObject({ code: 'POSTGRES_ADDRESS_INVALID', kind: 'invalid' });
    expect(fault!.message).not.toContain('secret');
  });
});
