import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Answers held back at most, in bytes, for a client that reads them only after it has sent everything. */
const HELD_BACK = 16 * 1024 * 1024;
/** How long a client may read nothing while that much is held back for it, in ms. */
const PATIENCE_MS = 120_000;

/**
 * An answer in lines of JSON. The head is sent with the first line, so that an error before it can still have a status
 * of its own. Lines to a client that has gone are dropped; one that does not read its answers is cut off, since it
 * would hold memory for ever.
 */
export class NdjsonReply {
  private readonly body: PassThrough;
  private begun = false;

  constructor(
    private readonly reply: FastifyReply,
    private readonly limits: { readonly heldBack?: number; readonly patienceMs?: number } = {},
  ) {
    this.body = new PassThrough({ highWaterMark: limits.heldBack ?? HELD_BACK });
    reply.raw.once('close', () => this.body.destroy());
    this.body.on('error', () => undefined);
  }

  get hasBegun(): boolean {
    return this.begun;
  }

  /** Waits while too much is held back. */
  async lines(values: readonly unknown[]): Promise<void> {
    if (this.gone || values.length === 0) return;
    this.begin();
    const more = this.body.write(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
    if (!more) await this.drained();
  }

  end(): void {
    if (this.gone) return;
    this.begin();
    this.body.end();
  }

  /** The client has closed the connection. */
  get gone(): boolean {
    return this.body.destroyed;
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(impatient);
        for (const event of ['drain', 'close']) this.body.off(event, done);
        resolve();
      };
      const impatient = setTimeout(() => this.reply.raw.destroy(), this.limits.patienceMs ?? PATIENCE_MS);
      for (const event of ['drain', 'close']) this.body.once(event, done);
    });
  }

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    void this.reply.code(200).type('application/x-ndjson; charset=utf-8').send(this.body);
  }
}
