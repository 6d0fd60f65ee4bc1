import { Progress, type Sink } from './progress.js';

/** Results go to stdout, everything about the work to stderr. */
export class Output {
  private current: Progress | undefined;

  constructor(
    private readonly stdout: Sink,
    private readonly stderr: Sink,
  ) {}

  /** A result for a reader. */
  print(text: string): void {
    this.current?.clear();
    this.stdout.write(`${text}\n`);
  }

  /** A result for a program: one JSON document. */
  json(value: unknown): void {
    this.current?.clear();
    this.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** One of many results for a program, on a line of its own. */
  line(value: unknown): void {
    this.current?.clear();
    this.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** What one should know besides the result. */
  note(text: string): void {
    this.current?.clear();
    this.stderr.write(`${text}\n`);
  }

  /** How far a longer piece of work has come; `silent` shows nothing at all. */
  progress(silent = false): Progress {
    this.current?.done();
    return (this.current = new Progress(this.stderr, { silent }));
  }

  /** Columns of the reader's terminal. */
  get columns(): number {
    return this.stdout.columns ?? 120;
  }
}
