import { newId, TouchstoneError, type ErrorKind, type EventLog } from '@touchstone/eventing';
import { openMemoryLog } from '@touchstone/eventing/testing';
import { journeyChanges } from './journey-changes.js';
import type { When } from './journey-reader.js';
import type { Journey } from './journeys.graphql.js';

const ID = '0190a1b2-0000-7000-8000-000000000001';
const NOW = '2024-05-01T08:00:00.000Z';

const behind = (kind: ErrorKind = 'busy') => new TouchstoneError('NOT_YET_PROJECTED', 'Not yet.', kind);

/** Answers with each of these in turn, then as of what it was asked for. */
function readerOf(...first: (Error | null)[]) {
  const asked: (string | null | undefined)[] = [];
  const journeysById = (ids: readonly string[], { atLeast, signal }: When): Promise<(Journey | null)[]> => {
    expect(signal).toBeInstanceOf(AbortSignal);
    asked.push(atLeast);
    const answer = first.shift();
    if (answer instanceof Error) return Promise.reject(answer);
    if (answer === null) return Promise.resolve([null]);
    return Promise.resolve([{ id: ids[0], asOf: { position: atLeast, instant: NOW } } as Journey]);
  };
  return { asked, journeysById, partsOf: (id: string) => Promise.resolve([id]) };
}

describe('the changes of a journey', () => {
  let log: EventLog;
  let after: string;
  const stop = new AbortController();
  beforeEach(async () => {
    log = openMemoryLog();
    after = await log.head();
  });
  afterEach(() => log.close());

  const happen = async (stream = `journey-${ID}`) => {
    const metadata = { correlationId: 'c', actor: { id: 'a' } };
    const event = { id: newId(), type: 'NoteAdded', schemaVersion: 1, occurredAt: NOW, recordedAt: NOW };
    return (await log.append(stream, 'any', [{ ...event, data: {}, metadata }])).position;
  };
  const changes = (reader: ReturnType<typeof readerOf>, signal = stop.signal) =>
    journeyChanges(log, reader, { id: ID, after, signal });

  it('wait for a read model that is behind, as long as it takes', async () => {
    const position = await happen();
    const reader = readerOf(behind(), behind());
    const { value } = await changes(reader).next();
    expect(value).toMatchObject({ id: ID, asOf: { position } });
    expect(reader.asked).toEqual([position, position, position]);
  });

  it('end with the signal, even while the read model is behind', async () => {
    await happen();
    const leave = new AbortController();
    const reader = readerOf(...Array.from({ length: 100 }, () => behind()));
    const next = changes(reader, leave.signal).next();
    setTimeout(() => leave.abort(), 20);
    expect(await next).toEqual({ done: true, value: undefined });
    expect(reader.asked.length).toBe(1);
  });

  it('break off with any other error', async () => {
    await happen();
    await expect(changes(readerOf(behind('internal'))).next()).rejects.toMatchObject({ kind: 'internal' });
  });

  it('leave out what cannot be shown, and other journeys', async () => {
    await happen('journey-0190a1b2-0000-7000-8000-000000000002');
    await happen();
    const reader = readerOf(null);
    const next = changes(reader).next();
    while (reader.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const shown = await happen();
    expect((await next).value).toMatchObject({ asOf: { position: shown } });
  });
});
