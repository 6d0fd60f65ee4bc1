/** `copy … from stdin`, which the driver leaves to others. */
import type pg from 'pg';
import { storedText } from './sync-postgres.text.js';
import type { SqlValue } from './sync-postgres.wire.js';

/** What the driver's connection can do for it. */
interface Sending {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** A statement that sends its rows when the server asks for them. */
export class CopyIn implements pg.Submittable {
  /** Settles once the rows are in their table, or refused. */
  readonly done: Promise<void>;
  private settle!: (error?: Error) => void;
  private error: Error | undefined;

  constructor(
    private readonly text: string,
    private readonly rows: string,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.settle = (error) => (error ? reject(error) : resolve());
    });
  }

  submit(connection: unknown): void {
    (connection as Sending).query(this.text);
  }

  handleCopyInResponse(connection: Sending): void {
    connection.sendCopyFromChunk(Buffer.from(this.rows));
    connection.endCopyFrom();
  }

  handleCommandComplete(): void {}

  handleError(error: Error): void {
    this.settle(error);
  }

  handleReadyForQuery(): void {
    this.settle();
  }
}

/** A row in the text format of COPY, with its end. */
export function copyLine(values: readonly SqlValue[]): string {
  let line = '';
  for (let i = 0; i < values.length; i++) line += i === 0 ? field(values[i]!) : `\t${field(values[i]!)}`;
  return `${line}\n`;
}

function field(value: SqlValue): string {
  if (typeof value === 'number') return String(value);
  if (value === null) return '\\N';
  if (typeof value !== 'string') {
    return `\\\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
  }
  const text = storedText.write(value);
  return /[\\\t\n\r]/.test(text) ? text.replaceAll(/[\\\t\n\r]/g, (found) => ESCAPED[found]!) : text;
}

const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
