import fc from 'fast-check';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestServer } from '../apps/server/testing.js';
import { FeedReader, feedUrl, pollFeed, wholeFeed, type CloudEvent, type Frame } from './feed.kit.js';

const JOURNEY = (n: number) => `0190a1b2-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

let server: TestServer;
afterAll(() => server.remove());

async function run(mutation: string, input: object): Promise<Record<string, string>> {
  const kind = mutation[0]!.toUpperCase() + mutation.slice(1);
  const { data, errors } = await server.ask(
    `mutation M($input: ${kind}Input!) { ${mutation}(input: $input) { id position } }`,
    { input },
  );
  expect(errors).toBeUndefined();
  return data[mutation] as Record<string, string>;
}

/** A world in which everything changes: tiers after events, units by corrections, moments taken back. */
async function live(): Promise<Record<string, string>> {
  const gold = await run('registerCustomer', { name: 'Secretname', phone: '138-SECRET', region: 'north', tier: 'gold', identifiers: [{ type: 'account', value: 'A-SECRET' }] }); // prettier-ignore
  const plain = await run('registerCustomer', { name: 'Secretname Two', identifiers: [{ type: 'account', value: 'B-SECRET' }] }); // prettier-ignore
  const at = (minute: number) => `2024-05-01T08:${String(minute).padStart(2, '0')}:00+08:00`;
  await run('openJourney', { journeyType: 'fault-repair', journeyId: JOURNEY(1), customerId: gold['id'] });
  await run('openJourney', { journeyType: 'complaint', journeyId: JOURNEY(2), customerId: plain['id'] });
  await run('openJourney', { journeyType: 'fault-repair', journeyId: JOURNEY(3) });
  for (const n of [1, 2, 3]) {
    await run('recordTouchpoint', { journeyId: JOURNEY(n), kind: 'contact.call-received', channel: 'phone', unit: 'hotline', occurredAt: at(n) }); // prettier-ignore
    await run('recordTouchpoint', { journeyId: JOURNEY(n), kind: 'crew.arrived', channel: 'crew', unit: `crew-${n}`, occurredAt: at(10 + n) }); // prettier-ignore
  }
  await run('addNote', { journeyId: JOURNEY(1), text: 'SECRET note' });
  await server.settled();
  const touchpoints = (await wholeFeed(server.url, { type: 'TouchpointRecorded' })).filter(
    ({ data }) => data['kind'] === 'crew.arrived',
  );
  const [first, second] = touchpoints as [CloudEvent, CloudEvent];
  await run('updateCustomer', { customerId: gold['id'], tier: 'silver', region: 'south' });
  const correct = { journeyId: JOURNEY(1), touchpointId: first.id, kind: 'crew.arrived', channel: 'crew', occurredAt: at(11) }; // prettier-ignore
  await run('correctTouchpoint', { ...correct, unit: 'crew-9', reason: 'another crew' });
  await run('correctTouchpoint', { ...correct, unit: 'crew-8', reason: 'yet another' });
  await run('voidTouchpoint', { journeyId: JOURNEY(2), touchpointId: second.id, reason: 'never came' });
  const moment = await server.ask(
    `mutation M($input: ObserveMomentInput!) { observeMoment(input: $input) { entryId } }`,
    { input: { journeyId: JOURNEY(1), touchpointId: first.id, code: 'NEG-05', intensity: 2, observer: 'qa', note: 'SECRET' } }, // prettier-ignore
  );
  expect(moment.errors).toBeUndefined();
  const momentId = moment.data.observeMoment.entryId as string;
  await run('retractMoment', { journeyId: JOURNEY(1), momentId, reason: 'misheard' });
  await run('assignOwner', { journeyId: JOURNEY(1), unit: 'desk' });
  await run('handOverJourney', { journeyId: JOURNEY(1), toUnit: 'back-office', note: 'SECRET', customerTold: true }); // prettier-ignore
  await run('mergeCustomers', { customerId: plain['id'], survivorId: gold['id'], reason: 'one and the same' });
  await run('unmergeCustomers', { customerId: plain['id'], reason: 'not after all' });
  await server.settled();
  return { gold: gold['id']!, plain: plain['id']!, first: first.id, second: second.id, momentId };
}

let ids: Record<string, string>;
let all: CloudEvent[];
beforeAll(async () => {
  server = await TestServer.start({ FEED_MAX_OPEN: '12' });
  ids = await live();
  all = await wholeFeed(server.url);
});

const of = (type: string) => all.filter((event) => event.type === type);

describe('what goes out', () => {
  it('is every event of the log once, in its order', async () => {
    const { data } = await server.ask('{ events(first: 1000) { edges { node { id position } } } }');
    const log = (data.events.edges as { node: { id: string; position: string } }[]).map(({ node }) => node);
    expect(all.map(({ id, position }) => ({ id, position }))).toEqual(log);
  });

  it('holds nothing personal, readable or sealed', () => {
    const text = JSON.stringify(all);
    expect(text).toContain('TouchpointRecorded');
    expect(text).not.toMatch(/SECRET|Secretname|enc:/);
  });

  it('carries what was known at its position, not what is known now', () => {
    const arrived = of('TouchpointRecorded').find(({ id }) => id === ids['first']);
    expect(arrived).toMatchObject({
      specversion: '1.0',
      source: '/touchstone',
      subject: `journey-${JOURNEY(1)}`,
      time: '2024-05-01T08:11:00+08:00',
      dataschema: 'urn:touchstone:schemas:TouchpointRecorded:2',
      journeytype: 'fault-repair',
      stage: 'F2',
      unit: 'crew-1',
      channel: 'crew',
      region: 'north',
      tier: 'gold',
    });
    // The customer moved before the correction.
    expect(of('TouchpointCorrected')[0]).toMatchObject({ unit: 'crew-9', region: 'south', tier: 'silver' });
    // Whose the third journey is nobody knows.
    expect(all.find(({ subject }) => subject === `journey-${JOURNEY(3)}`)).toMatchObject({
      journeytype: 'fault-repair',
      stage: null,
      unit: null,
      channel: null,
      region: null,
      tier: null,
    });
  });

  it('says stage, unit and channel of the touchpoint that it is about, and who takes a journey over', () => {
    const [observed] = of('MomentObserved').filter(({ id }) => id === ids['momentId']);
    expect(observed).toMatchObject({ stage: 'F2', unit: 'crew-8', channel: 'crew', region: 'south' });
    expect(of('JourneyHandedOver')[0]).toMatchObject({ unit: 'back-office', stage: null });
  });

  it('names what it supersedes, whenever it corrects or takes back something', () => {
    const [one, two] = of('TouchpointCorrected') as [CloudEvent, CloudEvent];
    const [merged] = of('CustomersMerged');
    const superseded = all.flatMap(({ type, supersedes }) => (supersedes === undefined ? [] : [[type, supersedes]]));
    expect(superseded).toEqual(
      expect.arrayContaining([
        ['TouchpointCorrected', ids['first']],
        ['TouchpointCorrected', one.id],
        ['TouchpointVoided', ids['second']],
        ['MomentRetracted', ids['momentId']],
        ['CustomersUnmerged', merged!.id],
      ]),
    );
    expect(two['supersedes']).toBe(one.id);
    const corrections = ['TouchpointCorrected', 'TouchpointVoided', 'MomentRetracted', 'CustomersUnmerged'];
    expect(all.filter((event) => 'supersedes' in event !== corrections.includes(event.type))).toEqual([]);
  });

  it('resumes after every position, without a gap and without a repeat', async () => {
    for (let i = 0; i < all.length; i++) {
      const { events } = await pollFeed(server.url, { after: all[i]!.position, first: '1000' });
      expect(events).toEqual(all.slice(i + 1));
    }
    for (const first of ['1', '7']) {
      const taken: CloudEvent[] = [];
      for (let after = 'beginning'; taken.length < all.length;) {
        const { events, next } = await pollFeed(server.url, { after, first });
        taken.push(...events);
        after = next!;
      }
      expect(taken).toEqual(all);
    }
  });

  it('is the same in every form', async () => {
    const streamed: CloudEvent[] = [];
    const reader = await FeedReader.open(server.url, { on: ({ event, id, data }) => event === 'message' && id === data.position && streamed.push(data) }); // prettier-ignore
    await reader.until(() => streamed.length >= all.length, 'the end of the log');
    reader.cut();
    expect(streamed).toEqual(all);
    const batch = await fetch(feedUrl(server.url, { first: '1000' }), { headers: { accept: 'application/cloudevents-batch+json' } }); // prettier-ignore
    expect(batch.headers.get('content-type')).toMatch(/^application\/cloudevents-batch\+json/);
    expect(batch.headers.get('touchstone-next')).toBe(all.at(-1)!.position);
    expect(await batch.json()).toEqual(all);
    const client = server.socket();
    const subscribed: unknown[] = [];
    const query =
      'subscription { events { id type stream position data context { journeyType stage unit channel region tier supersedes } } }';
    for await (const { data, errors } of client.iterate<{ events: object }>({ query })) {
      expect(errors).toBeUndefined();
      subscribed.push(data!.events);
      if (subscribed.length === all.length) break;
    }
    await client.dispose();
    expect(subscribed).toEqual(
      all.map(({ id, type, subject, position, data, ...e }) => ({
        id,
        type,
        stream: subject,
        position,
        data,
        context: {
          journeyType: e['journeytype'],
          stage: e['stage'],
          unit: e['unit'],
          channel: e['channel'],
          region: e['region'],
          tier: e['tier'],
          supersedes: e['supersedes'] ?? null,
        },
      })),
    );
    const { data } = await server.ask(
      '{ events(first: 1000) { edges { node { id context { journeyType stage unit channel region tier supersedes } } } } }',
    );
    expect((data.events.edges as { node: object }[]).map(({ node }) => node)).toEqual(
      (subscribed as { id: string; context: object }[]).map(({ id, context }) => ({ id, context })),
    );
  });
});

describe('filters', () => {
  type Params = Record<string, string | string[]>;
  const ATTRIBUTE: Record<string, string> = { journeyType: 'journeytype', unit: 'unit', region: 'region', tier: 'tier' }; // prettier-ignore

  /** By the events alone: what is about the superseded event counts too. */
  function expected(params: Params): CloudEvent[] {
    const byId = new Map(all.map((event) => [event.id, event]));
    const list = (name: string) => (params[name] === undefined ? undefined : [params[name]].flat());
    const around = (event: CloudEvent | undefined) =>
      event !== undefined &&
      Object.entries(ATTRIBUTE).every(([name, attribute]) => {
        const values = list(name);
        return !values || values.includes(event[attribute] as string);
      });
    return all.filter((event) => {
      if (list('type') && !list('type')!.includes(event.type)) return false;
      const streams = list('stream');
      const inStream = (name: string) => event.subject === name || (name.endsWith('-') && event.subject.startsWith(name)); // prettier-ignore
      if (streams && !streams.some(inStream)) return false;
      return around(event) || around(byId.get(event['supersedes'] as string));
    });
  }

  const cases: Params[] = [
    { type: 'TouchpointRecorded' },
    { type: ['TouchpointCorrected', 'TouchpointVoided'] },
    { stream: 'customer-' },
    { stream: [`journey-${JOURNEY(1)}`, 'pack-'] },
    { stream: `journey-${JOURNEY(1).slice(0, -1)}` },
    { journeyType: 'complaint' },
    { journeyType: ['complaint', 'fault-repair'], unit: 'hotline' },
    { unit: 'crew-1' },
    { unit: 'crew-9' },
    { unit: ['crew-2', 'desk'] },
    { region: 'north' },
    { region: 'south', tier: 'silver' },
    { tier: ['gold', 'silver'], journeyType: 'fault-repair', type: ['MomentObserved', 'MomentRetracted'] },
    { region: 'nowhere' },
  ];

  it.each(cases)('such as %j give what a look through all events gives', async (params) => {
    const wanted = expected(params);
    expect(await wholeFeed(server.url, params)).toEqual(wanted);
    if (params['region'] !== 'nowhere' && !String(params['stream']).endsWith('000')) expect(wanted.length).toBeGreaterThan(0); // prettier-ignore
    expect(wanted.length).toBeLessThan(all.length);
  });

  it('of any values give what a look through all events gives', async () => {
    const pick = (of: (event: CloudEvent) => unknown) => {
      const values = [...new Set(all.map(of))].filter((value): value is string => typeof value === 'string');
      return fc.option(fc.subarray(values, { minLength: 1, maxLength: Math.min(3, values.length) }), {
        nil: undefined,
        freq: 1,
      });
    };
    const params = fc.record({
      type: pick(({ type }) => type),
      stream: pick(({ subject, position }) => (position < '0000000000000008' ? subject : `${subject.split('-')[0]}-`)),
      ...Object.fromEntries(Object.entries(ATTRIBUTE).map(([name, attribute]) => [name, pick((e) => e[attribute])])),
    });
    await fc.assert(
      fc.asyncProperty(params, async (chosen) => {
        const given = Object.fromEntries(Object.entries(chosen).filter(([, values]) => values !== undefined)) as Params;
        expect(await wholeFeed(server.url, given)).toEqual(expected(given));
      }),
      { numRuns: 80, seed: 5 },
    );
  });

  it('tells who was told of a touchpoint that it was not theirs', async () => {
    const seen = await wholeFeed(server.url, { unit: 'crew-1', stream: `journey-${JOURNEY(1)}` });
    expect(seen.map(({ type, unit }) => [type, unit])).toEqual([
      ['TouchpointRecorded', 'crew-1'],
      ['TouchpointCorrected', 'crew-9'],
    ]);
  });

  it('are the same for a subscription', async () => {
    const client = server.socket();
    const wanted = expected({ unit: 'crew-1' });
    const seen: string[] = [];
    const query =
      'subscription { events(units: ["crew-1"], journeyTypes: ["fault-repair"], regions: ["north", "south"]) { id } }';
    for await (const { data } of client.iterate<{ events: { id: string } }>({ query })) {
      seen.push(data!.events.id);
      if (seen.length === wanted.length) break;
    }
    await client.dispose();
    expect(seen).toEqual(wanted.map(({ id }) => id));
  });
});

describe('waiting', () => {
  it('gives the first event that comes within the time, and where to read on when none comes', async () => {
    const after = all.at(-1)!.position;
    const start = performance.now();
    expect(await pollFeed(server.url, { after: 'now', wait: '300' })).toEqual({
      events: [],
      next: after,
      caughtUp: true,
    });
    expect(performance.now() - start).toBeGreaterThan(290);
    const waiting = pollFeed(server.url, { after, wait: '20000', type: 'NoteAdded' });
    await sleep(50);
    await run('addNote', { journeyId: JOURNEY(3), text: 'SECRET' });
    const { events, next } = await waiting;
    expect(events).toMatchObject([{ type: 'NoteAdded', journeytype: 'fault-repair', data: {} }]);
    expect(next).toBe(events[0]!.position);
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it('moves the place of a reader for whom nothing is there, by heartbeats', async () => {
    const beats: Frame[] = [];
    const params = { region: 'nowhere', heartbeat: '100' };
    const reader = await FeedReader.open(server.url, { params, on: (frame) => beats.push(frame) });
    const { position } = await run('addNote', { journeyId: JOURNEY(3), text: 'SECRET' });
    await reader.until(() => (reader.position ?? '') >= position!, 'the position of the note');
    reader.cut();
    expect([...new Set(beats.map(({ event }) => event))]).toEqual(['heartbeat']);
    expect(beats.at(-1)!.data.position).toBe(reader.position);
  });

  it('starts from now, and says at once where that is', async () => {
    const frames: Frame[] = [];
    const reader = await FeedReader.open(server.url, { params: { after: 'now' }, on: (frame) => frames.push(frame) });
    await reader.until(() => frames.length > 0, 'the first heartbeat');
    const { position } = await run('addNote', { journeyId: JOURNEY(3), text: 'SECRET' });
    await reader.until(() => frames.length > 1, 'the note');
    reader.cut();
    expect(frames.map(({ event }) => event)).toEqual(['heartbeat', 'message']);
    expect(frames[1]!.data.position).toBe(position);
    expect(frames[0]!.data.position < position!).toBe(true);
  });

  it('believes the reader who comes back more than the address', async () => {
    const at = all.length - 3;
    const seen: CloudEvent[] = [];
    const reader = await FeedReader.open(server.url, { params: { after: 'beginning' }, lastEventId: all[at]!.position, on: ({ event, data }) => event === 'message' && seen.push(data) }); // prettier-ignore
    await reader.until(() => seen.length >= 2, 'two events');
    reader.cut();
    expect(seen.slice(0, 2)).toEqual(all.slice(at + 1));
  });
});

describe('bad input', () => {
  it.each([
    [{ after: 'zz' }, 400, 'INVALID_POSITION'],
    [{ after: '00000000000fffff' }, 400, 'INVALID_POSITION'],
    [{ after: 'a b' }, 400, 'INVALID_INPUT'],
    [{ type: 'TouchpointRecordet' }, 400, 'EVENT_TYPE_UNKNOWN'],
    [{ untit: 'x' }, 400, 'INVALID_INPUT'],
    [{ unit: 'x'.repeat(300) }, 400, 'INVALID_INPUT'],
    [{ unit: Array.from({ length: 101 }, (_, i) => `u${i}`) }, 400, 'INVALID_INPUT'],
    [{ first: '0' }, 400, 'INVALID_INPUT'],
    [{ first: '1001' }, 400, 'INVALID_INPUT'],
    [{ wait: '-1' }, 400, 'INVALID_INPUT'],
    [{ heartbeat: '1e3' }, 400, 'INVALID_INPUT'],
    [{ historical: 'no' }, 400, 'INVALID_INPUT'],
  ])('%# is refused with a code, however the feed is read', async (params, status, code) => {
    for (const accept of ['application/json', 'text/event-stream']) {
      const answer = await fetch(feedUrl(server.url, params as never), { headers: { accept } });
      expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([status, code]); // prettier-ignore
    }
  });

  it.each([
    ['(types: ["Nope"])', 'EVENT_TYPE_UNKNOWN'],
    ['(after: "00000000000fffff")', 'INVALID_POSITION'],
  ])('%s is refused by the subscription', async (args, code) => {
    const client = server.socket();
    const codes: unknown[] = [];
    for await (const { errors } of client.iterate({ query: `subscription { events${args} { id } }` }))
      codes.push(errors?.[0]?.extensions?.['code']);
    await client.dispose();
    expect(codes).toEqual([code]);
  });
});

describe('how many may read', () => {
  it('is limited, with a clear answer, and a place that is left is free again', async () => {
    const readers: FeedReader[] = [];
    for (let i = 0; i < 12; i++) readers.push(await FeedReader.open(server.url, { params: { after: 'now' } }));
    const refused = await fetch(feedUrl(server.url));
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ error: { code: 'FEEDS_TOO_MANY', kind: 'busy' } });
    const client = server.socket();
    for await (const { errors } of client.iterate({ query: 'subscription { events { id } }' }))
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'FEEDS_TOO_MANY', kind: 'busy' });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('touchstone_feeds_open{transport="sse"} 12');
    expect(metrics).toMatch(/touchstone_feeds_refused_total\{transport="poll"\} 1/);
    expect(metrics).toMatch(/touchstone_feed_events_total\{transport="graphql"\} \d+/);
    for (const reader of readers) reader.cut();
    for (let tries = 0; ; tries++) {
      const { status } = await fetch(feedUrl(server.url));
      if (status === 200) break;
      expect(tries).toBeLessThan(200);
      await sleep(10);
    }
    // Subscriptions that were left or broken off have given their places back as well.
    for (let i = 0; i < 15; i++) {
      let next: () => void = () => undefined;
      const first = new Promise<void>((resolve) => (next = resolve));
      client.subscribe({ query: 'subscription { events { id } }' }, { next, error: () => undefined, complete: () => undefined })(); // prettier-ignore
      const stop = client.subscribe({ query: 'subscription { events { id } }' }, { next, error: next, complete: next });
      await first;
      stop();
    }
    await client.dispose();
    for (
      let tries = 0;
      !/feeds_open\{transport="graphql"\} 0/.test(await (await fetch(`${server.url}/metrics`)).text());
      tries++
    ) {
      // prettier-ignore
      expect(tries).toBeLessThan(200);
      await sleep(10);
    }
  });

  it('does not count a question for the head only', async () => {
    const status = await new Promise((resolve) => {
      const headers = { accept: 'text/event-stream' };
      request(feedUrl(server.url), { method: 'HEAD', headers, agent: false }, ({ statusCode }) => resolve(statusCode)).end(); // prettier-ignore
    });
    expect([200, 404]).toContain(status);
    for (
      let tries = 0;
      !/feeds_open\{transport="sse"\} 0/.test(await (await fetch(`${server.url}/metrics`)).text());
      tries++
    ) {
      // prettier-ignore
      expect(tries).toBeLessThan(200);
      await sleep(10);
    }
  });
});

describe('schemas', () => {
  it('of every event that goes out are where its dataschema says', async () => {
    const { schemas } = (await (await fetch(`${server.url}/schemas`)).json()) as { schemas: { dataschema: string; path: string }[] }; // prettier-ignore
    const paths = new Map(schemas.map(({ dataschema, path }) => [dataschema, path]));
    for (const name of new Set(all.map(({ dataschema }) => dataschema as string))) {
      const answer = await fetch(server.url + paths.get(name)!);
      expect(answer.headers.get('content-type')).toMatch(/^application\/schema\+json/);
      expect(await answer.json()).toMatchObject({ $id: name, type: 'object' });
    }
    expect((await fetch(`${server.url}/schemas/NoteAdded/9.json`)).status).toBe(404);
    expect(await (await fetch(`${server.url}/asyncapi.json`)).json()).toMatchObject({ asyncapi: '3.0.0' });
  });
});

describe('the end of a server', () => {
  it('tells every reader why and where to read on, and does not wait for one that stands still', async () => {
    const own = await TestServer.start({}, undefined);
    const readers = await Promise.all([1, 2, 3].map(() => FeedReader.open(own.url)));
    await readers[0]!.until(() => readers.every(({ events }) => events > 0), 'the first events');
    const client = own.socket();
    const codes: unknown[] = [];
    const subscribed = new Promise<void>((resolve) => {
      client.subscribe(
        { query: 'subscription { events { id } }' },
        {
          next: () => resolve(),
          error: (errors) => codes.push((errors as { extensions: { code: string } }[])[0]?.extensions?.code),
          complete: () => codes.push('complete'),
        },
      );
    });
    await subscribed;
    const poll = pollFeed(own.url, { after: 'now', wait: '30000' });
    await sleep(100);
    const start = performance.now();
    await own.close();
    expect(performance.now() - start).toBeLessThan(8_000);
    await Promise.all(readers.map(({ closed }) => closed));
    for (const { end, position } of readers) {
      expect(end!.data).toMatchObject({ code: 'FEEDS_STOPPING', position });
      expect(end!.id).toBe(position);
    }
    expect(await poll).toMatchObject({ events: [], next: readers[0]!.position });
    expect(codes).toEqual(['FEEDS_STOPPING']);
    expect(own.log).toEqual([]);
    await own.remove();
  });
});
