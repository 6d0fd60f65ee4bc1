import { EventEmitter } from 'node:events';
import type { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { HeldAnswers } from './held-answers.js';
import { NdjsonReply } from './ndjson-reply.js';

/** A client that reads nothing until it is told to. */
function client(together: HeldAnswers, limits?: { heldBack?: number; patienceMs?: number }) {
  let body: PassThrough | undefined;
  const raw = Object.assign(new EventEmitter(), { destroy: () => raw.emit('close') });
  const reply = { raw, code: () => reply, type: () => reply, send: (sent: PassThrough) => void (body = sent) };
  const answers = new NdjsonReply(reply as unknown as FastifyReply, together, limits);
  return { answers, reads: () => void body!.resume(), goes: () => raw.destroy() };
}

const kilobytes = (n: number) => ['x'.repeat(n * 1_000)];
const isDone = async (work: Promise<unknown>) => {
  let done = false;
  void work.then(() => (done = true));
  await sleep(150);
  return done;
};

describe('answers that nobody reads yet', () => {
  it('are bounded for each client', async () => {
    const { answers, reads } = client(new HeldAnswers(), { heldBack: 50_000 });
    expect(await isDone(answers.lines(kilobytes(40)))).toBe(true);
    const more = answers.lines(kilobytes(40));
    expect(await isDone(more)).toBe(false);
    reads();
    await more;
    expect(answers.held).toBe(0);
  });

  it('are bounded for all of them together, and those with little go on', async () => {
    const together = new HeldAnswers(100_000, 10_000);
    const [first, second, third] = [client(together), client(together), client(together)];
    expect(await isDone(first.answers.lines(kilobytes(90)))).toBe(true);
    const waits = second.answers.lines(kilobytes(20));
    expect(await isDone(waits)).toBe(false);
    expect(together.bytes).toBeGreaterThan(110_000);
    expect(await isDone(third.answers.lines(kilobytes(5)))).toBe(true);
    first.reads();
    await waits;
    second.goes();
    third.goes();
    await sleep(0);
    expect(together.bytes).toBe(0);
  });

  it('end with their client when it reads nothing for too long', async () => {
    const { answers } = client(new HeldAnswers(), { heldBack: 10_000, patienceMs: 100 });
    await answers.lines(kilobytes(20));
    expect(answers.gone).toBe(true);
  });
});
