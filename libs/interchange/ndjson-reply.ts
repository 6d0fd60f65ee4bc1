import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { HeldAnswers } from './held-answers.js';

/** Answers held back at most, in bytes, for a client that reads them only after it has sent everything. */
const HELD_BACK = 16 * 1024 * 1024;
/** How long a client may read nothing while that much is held back for it, in ms. */
const PATIENCE_MS = 120_000;
/** How often it is looked whether others have read theirs, in ms. */
const LOOK_MS = 50;

/**
 * An answer in lines of JSON. The head is sent with the first line, so that an error before it can still have a status
 * of its own. Lines to a client that has gone are dropped; one that does not read its answers is cut off, since it
 * would hold memory for ever.
 */
export class NdjsonReply {
  private readonly body: PassThrough;
  private begun = false;
  private readonly mostHeld: number;

  constructor(
    private readonly reply: FastifyReply,
    private readonly together: HeldAnswers,
    private readonly limits: { readonly heldBack?: number; readonly patienceMs?: number } = {},
  ) {
    this.mostHeld = limits.heldBack ?? HELD_BACK;
    this.body = new PassThrough({ highWaterMark: this.mostHeld });
    const forget = together.add(() => this.held);
    this.body.once('close', forget);
    reply.raw.once('close', () => this.body.destroy());
    this.body.on('error', () => undefined);
  }

  /** Bytes that the network has not taken yet. */
  get held(): number {
    return this.gone ? 0 : this.body.readableLength + this.body.writableLength;
  }

  get hasBegun(): boolean {
    return this.begun;
  }

  /** Waits while too much is held back. */
  async lines(values: readonly unknown[]): Promise<void> {
    if (this.gone || values.length === 0) return;
    this.begin();
    this.body.write(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
    await this.read();
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

  /** Until the client has read enough, or has read nothing for too long. */
  private async read(): Promise<void> {
    const patienceMs = this.limits.patienceMs ?? PATIENCE_MS;
    let least = this.held;
    for (let since = performance.now(); this.isTooMuch;) {
      if (this.held < least) [least, since] = [this.held, performance.now()];
      const left = since + patienceMs - performance.now();
      if (left <= 0) return void this.reply.raw.destroy();
      await this.somethingChanged(Math.min(left, LOOK_MS));
    }
  }

  private get isTooMuch(): boolean {
    return this.held >= this.mostHeld || this.together.isTooMuch(this.held);
  }

  private somethingChanged(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        for (const event of ['drain', 'close']) this.body.off(event, done);
        resolve();
      };
      const timer = setTimeout(done, withinMs);
      for (const event of ['drain', 'close']) this.body.once(event, done);
    });
  }

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    void this.reply.code(200).type('application/x-ndjson; charset=utf-8').send(this.body);
  }
}
