import type { PolicyError } from '@touchstone/platform';
import { Backoff } from './rule-moments.backoff.js';

const error = (code: string): PolicyError => ({ code, kind: 'invalid', message: `${code}.` });

describe('Backoff', () => {
  let now = 0;
  const backoff = () => new Backoff({ firstMs: 100, longestMs: 1_000, now: () => now });
  beforeEach(() => (now = 0));

  it('waits twice as long after each attempt in vain, and never longer than it may', () => {
    const rows = backoff();
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      rows.failed('a', error('E'));
      const from = now;
      while (!rows.allows('a')) now += 50;
      pauses.push(now - from);
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    expect([rows.attempts, rows.timesOf('a'), rows.failing]).toEqual([6, 6, 1]);
  });

  it('holds up no other row, and names the next time and the last error', () => {
    const rows = backoff();
    rows.failed('a', error('A'));
    now = 60;
    rows.failed('b', error('B'));
    expect([rows.allows('a'), rows.allows('b'), rows.allows('c')]).toEqual([false, false, true]);
    expect([rows.next(), rows.lastError?.code]).toEqual([100, 'B']);
    rows.failed('a', error('A2'));
    expect(rows.lastError?.code).toBe('A2');
    rows.succeeded('a');
    expect([rows.next(), rows.lastError?.code, rows.failing]).toEqual([160, 'B', 1]);
  });

  it('does not count as failing what may just have been done by somebody else', () => {
    const rows = backoff();
    rows.failed('a', null);
    expect([rows.failing, rows.lastError, rows.allows('a'), rows.attempts]).toEqual([0, null, false, 1]);
  });

  it('forgets what a whole pass did not see any more', () => {
    const rows = backoff();
    rows.failed('a', error('A'));
    rows.failed('b', error('B'));
    rows.endPass();
    rows.allows('a');
    rows.endPass();
    expect([rows.size, rows.timesOf('a'), rows.timesOf('b')]).toEqual([1, 1, 0]);
    rows.endPass();
    expect([rows.size, rows.next()]).toEqual([0, null]);
  });
});
