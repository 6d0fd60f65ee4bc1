import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, openSqliteLog, type NewEvent } from '@touchstone/eventing';
import type { Stepped } from './toy.js';

/** The embedded log, as a test opens it. */
export type TestLog = Awaited<ReturnType<typeof openSqliteLog>>;

/** A directory of a test, with what has to be closed before it is removed. */
export class TestDirectory {
  readonly path = mkdtempSync(join(tmpdir(), 'touchstone-readmodel-'));
  private readonly closers: (() => unknown)[] = [];

  closing<T>(thing: T, close: (thing: T) => unknown): T {
    this.closers.push(() => close(thing));
    return thing;
  }

  async log(): Promise<TestLog> {
    return this.closing(await openSqliteLog({ file: this.file('log.db'), pollMs: 20 }), (log) => log.close());
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async remove(): Promise<void> {
    for (const close of this.closers.reverse()) await close();
    rmSync(this.path, { recursive: true, force: true });
  }
}

export type StepText = Partial<Stepped> & { readonly recordedAt?: string; readonly unreadable?: boolean };

/** Steps as a log takes them; without more said each counts 1 under "any". */
export function newSteps(...texts: readonly StepText[]): NewEvent[] {
  return texts.map(({ recordedAt = '2024-01-01T00:00:00.000Z', ...data }) => ({
    id: newId(),
    type: 'Stepped',
    schemaVersion: 1,
    occurredAt: recordedAt,
    recordedAt,
    data: { by: 1, label: 'any', ...data },
    metadata: { correlationId: 'test', actor: { id: 'test' } },
  }));
}

/** Many plain steps over some streams, appended in bulk. Answers how many there are. */
export async function fill(log: TestLog, events: number, streams = 50, perRequest = 10): Promise<number> {
  let added = 0;
  for (let round = 0; added < events; round++) {
    const requests = Array.from({ length: Math.min(streams, Math.ceil((events - added) / perRequest)) }, (_, i) => ({
      stream: `counter-${i}`,
      expected: 'any' as const,
      events: newSteps(
        ...Array.from({ length: perRequest }, (_, j) => ({ by: j, label: `label-${(round + j) % 13}` })),
      ),
    }));
    for (const outcome of await log.appendMany(requests)) if (!outcome.ok) throw outcome.error;
    added += requests.length * perRequest;
  }
  return added;
}

/** Waits until a condition holds. @throws after `ms` */
export async function until(holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Not so within ${ms} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
