/** A whole server lived through from end to end, told without what differs between event logs. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { clockAt } from '@touchstone/eventing';
import { TestServer } from '../apps/server/testing.js';
import { FeedReader, type CloudEvent } from './feed.kit.js';

export const TRACES = 10;
/** What is still open grows older with every second. */
const CLOCK = clockAt('2025-08-01T00:00:00Z', { still: true });
const EXAMPLE = fileURLToPath(new URL('../examples/fault-repairs.xes', import.meta.url));

/** The first traces of the example, which is long. */
function example(): string {
  const text = readFileSync(EXAMPLE, 'utf8');
  let end = 0;
  for (let i = 0; i < TRACES; i++) end = text.indexOf('</trace>', end) + '</trace>'.length;
  return `${text.slice(0, end)}</log>`;
}

const OF_TYPE = `query ($type: String!, $atLeast: Position) {
  journeys(filter: { journeyType: $type }, first: 100, atLeast: $atLeast) { edges { node { id key status touchpointCount } } }
  journeyMap(filter: { journeyType: $type }) { cases { value } closedCases { value }
    edges { source target count { value } durations { p50 p90 } } }
}`;
const TIMELINE = `query ($id: ID!, $asOf: AsOfInput, $atLeast: Position) {
  timeline(of: { journeyId: $id }, asOf: $asOf, atLeast: $atLeast, first: 100) {
    edges { node { form version kind occurredAt channel unit staff personal note } } }
}`;
const FOLLOW =
  'subscription ($after: Position) { events(after: $after, stream: "journey-") { id type stream position } }';

interface Seen {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly position: string;
}

/** What was seen of a house, comparable with that of another one. */
export type Lived = Readonly<Record<string, unknown>>;

/**
 * Imports, asks, follows, tells, looks back, rebuilds and, where that is asked for, starts again. `name` marks all that is written, so that the
 * log may hold other things too. The server is closed in the end.
 */
export async function liveThrough(
  env: Record<string, string>,
  name: string,
  { restart }: { readonly restart: boolean },
): Promise<Lived> {
  let server = await TestServer.start(env, undefined, CLOCK);
  const ask = async (query: string, variables: Record<string, unknown> = {}) => {
    const { data, errors } = await server.ask(query, variables);
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
  const mutate = async (field: string, input: object) => {
    const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input`;
    const query = `mutation ($i: ${type}!) { ${field}(input: $i) { id entryId revision position } }`;
    return (await ask(query, { i: input }))[field] as {
      id: string;
      entryId: string;
      revision: number;
      position: string;
    };
  };
  try {
    await server.ready();
    const { position: start } = await mutate('openJourney', { journeyType: `${name}-first` });
    const imported = [await importExample(server, name), await importExample(server, name)];
    await server.ready();
    const all = await ask(OF_TYPE, { type: name });
    const id = all.journeys.edges[3].node.id as string;
    const timeline = await ask(TIMELINE, { id });

    const followed = await follow(server, start, TRACES);
    const touchpoint = { journeyId: id, kind: 'contact.call-received', occurredAt: '2025-07-09T10:00:00+08:00' };
    const told = await mutate('recordTouchpoint', {
      ...touchpoint,
      unit: 'hotline-east',
      attributes: { caller: 'Wu' },
    });
    const noted = await mutate('addNote', { journeyId: id, text: 'Rang again.' });
    const closed = await mutate('closeJourney', { journeyId: id, reason: 'Done.' });
    const after = await ask(TIMELINE, { id, atLeast: closed.position });
    const before = await ask(TIMELINE, { id, asOf: { position: told.position } });
    const reached = await ask(OF_TYPE, { type: name, atLeast: closed.position });

    await ask('mutation { rebuildProjection(group: "journeys") { generation } }');
    const rebuilt = await ask(OF_TYPE, { type: name });
    const seen = await followed.all(closed.position);
    if (restart) {
      await server.close();
      server = await TestServer.start(env, server.directory, CLOCK);
      await server.ready();
    }
    const again = await ask(OF_TYPE, { type: name });
    const projections = await ask('{ projections { group generation state parked } }');
    return { imported, all, timeline, revisions: [told, noted, closed].map((r) => r.revision), after, before, reached, rebuilt, ...seen, again, projections }; // prettier-ignore
  } finally {
    await server.remove();
  }
}

async function importExample(server: TestServer, journeyType: string): Promise<unknown> {
  const options = encodeURIComponent(JSON.stringify({ journeyType, unit: 'org:group', staff: 'org:resource' }));
  const response = await fetch(`${server.url}/imports/xes?options=${options}`, {
    method: 'POST',
    headers: { 'content-type': 'application/xml' },
    body: example(),
  });
  // Progress comes first, the report last.
  const lines = (await response.text()).trim().split('\n');
  const { result } = JSON.parse(lines.at(-1)!) as { result: Record<string, unknown> };
  const { sent, taken, known, quarantined, journeys } = result;
  return { sent, taken, known, quarantined, journeys };
}

/** Follows the log over GraphQL and the feed over HTTP, both from a position, until a later one. */
async function follow(server: TestServer, after: string, atLeast: number) {
  const client = server.socket();
  const events: Seen[] = [];
  const feed: CloudEvent[] = [];
  client.subscribe<{ events: Seen }>(
    { query: FOLLOW, variables: { after } },
    { next: ({ data }) => void events.push(data!.events), error: () => undefined, complete: () => undefined },
  );
  const reader = await FeedReader.open(server.url, {
    params: { after },
    on: ({ event, data }) => void (event === 'message' && feed.push(data as CloudEvent)),
  });
  const until = async (holds: () => boolean) => {
    for (let tries = 0; tries < 800 && !holds(); tries++) await sleep(25);
  };
  // Both have begun before anything more happens.
  await until(() => events.length >= atLeast && feed.length >= atLeast);
  return {
    async all(position: string) {
      await until(() => events.at(-1)?.position === position && feed.at(-1)?.position === position);
      await client.dispose();
      reader.cut();
      const told = feed.filter((e) => events.some((seen) => seen.id === e.id));
      return {
        events: events.map(({ id, type, stream }) => ({ id, type, stream })).map(withoutNewIds),
        isInOrder: isIncreasing(events) && isIncreasing(feed),
        feed: told.map(({ type }) => type),
      };
    },
  };
}

const isIncreasing = (list: readonly { position: string }[]) =>
  list.every((e, i) => i === 0 || list[i - 1]!.position < e.position);

/** Ids of what was told live differ from run to run; those of an import are made of what was imported. */
const withoutNewIds = ({ id, type, stream }: Omit<Seen, 'position'>) =>
  id[14] === '5' ? { id, type, stream } : { type };
