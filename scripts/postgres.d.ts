/** A server that a test started, or one that was there. */
export interface TestPostgres {
  /** With an empty database; several tests may share it, each with a schema of its own. */
  readonly url: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
  /** Ends it at once, as kill -9 does. */
  kill(): Promise<void>;
  /** Starts it again on its files. */
  restart(): Promise<void>;
}

export function startPostgres(options?: {
  readonly settings?: Readonly<Record<string, string>>;
}): Promise<TestPostgres>;

/** One server for the tests of a file; null, and said so, where none can be had: then they are left out. */
export function postgresForSuite(): Promise<TestPostgres | null>;

/** The address with a schema that nobody has used yet: tests share a server. */
export function freshSchema(postgres: Pick<TestPostgres, 'url'>, name: string): string;
