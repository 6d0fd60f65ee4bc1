import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Answers held back at most, in bytes, for a client that reads them only after it has sent everything. */
const HELD_BACK = 16 * 1024 * 1024;

/**
 * An answer in lines of JSON. The head is sent with the first line, so that an error before it can still have a status
 * of its own. Lines to a client that has gone are dropped.
 */
export class NdjsonReply {
  private readonly body = new PassThrough({ highWaterMark: HELD_BACK });
  private begun = false;

  constructor(private readonly reply: FastifyReply) {
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
    if (!more) await Promise.race([once(this.body, 'drain'), once(this.body, 'close')]).catch(() => undefined);
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

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    void this.reply.code(200).type('application/x-ndjson; charset=utf-8').send(this.body);
  }
}
