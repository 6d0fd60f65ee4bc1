import { setTimeout as sleep } from 'node:timers/promises';
import { TestServer } from '../apps/server/testing.js';
import { OtlpReceiver, type ReceivedSpan } from './otlp.kit.js';

const OTEL = /^OTEL_/;
const before = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    OTEL.test(name) && value !== undefined ? [[name, value]] : [],
  ),
);

/** The standard variables are read from the environment of the process. */
function environment(variables: Record<string, string>): void {
  for (const name of Object.keys(process.env)) if (OTEL.test(name)) delete process.env[name];
  Object.assign(process.env, variables);
}

const REGISTER = 'mutation ($i: RegisterCustomerInput!) { registerCustomer(input: $i) { id revision position } }';
const PARENT = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
/** What nobody may find in a trace. */
const SECRETS = { account: 'A-4711-SECRET', phone: '+86 138 0013 8000', name: 'Zhang-San-Geheim' };
const customer = (n = 0) => ({
  i: {
    identifiers: [
      { type: 'account', value: `${SECRETS.account}${n}` },
      { type: 'phone', value: `${SECRETS.phone}${n}` },
    ],
    name: SECRETS.name,
  },
});

const named = (spans: readonly ReceivedSpan[], beginning: string) =>
  spans.filter(({ name }) => name.startsWith(beginning));
const only = (spans: readonly ReceivedSpan[], beginning: string) => {
  const found = named(spans, beginning);
  expect(found.map(({ name }) => name)).toHaveLength(1);
  return found[0]!;
};
/** The names from a span up to where its trace began. */
function upwards(spans: readonly ReceivedSpan[], from: ReceivedSpan): string[] {
  const above = spans.find(({ spanId }) => spanId === from.parentSpanId);
  return [from.name, ...(above ? upwards(spans, above) : [])];
}

let receiver: OtlpReceiver;
let house: TestServer;
const start = async (variables: Readonly<Record<string, string>>, env: Record<string, string> = {}) => {
  environment({ OTEL_BSP_SCHEDULE_DELAY: '50', ...variables });
  house = await TestServer.start(env);
  await house.ready();
};
beforeAll(async () => (receiver = await OtlpReceiver.open()));
afterAll(async () => {
  environment(before);
  await receiver.close();
});

const counted = async (of: TestServer, outcome: string) => {
  const text = await (await fetch(`${of.url}/metrics`)).text();
  return Number(new RegExp(`^touchstone_trace_spans_total\\{outcome="${outcome}"\\} (\\d+)`, 'm').exec(text)?.[1]);
};

describe('traces', () => {
  beforeAll(() =>
    start({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_SERVICE_NAME: 'care-desk',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    }),
  );
  afterAll(() => house.remove());

  it('lead from the request over its operation, command and append to the projection, in one trace', async () => {
    const { data, errors, headers } = await house.ask(REGISTER, customer(), {
      traceparent: `00-${PARENT.traceId}-${PARENT.spanId}-01`,
      'x-correlation-id': 'ask-1',
    });
    expect(errors).toBeUndefined();
    const spans = await receiver.until((all) =>
      all.some((span) => span.traceId === PARENT.traceId && span.name === 'project journeys'),
    );
    const mine = spans.filter(({ traceId }) => traceId === PARENT.traceId);
    const request = only(mine, 'POST /graphql');
    expect(request).toMatchObject({
      parentSpanId: PARENT.spanId,
      kind: 2,
      attributes: { 'http.route': '/graphql', 'http.response.status_code': 200, 'touchstone.correlation_id': 'ask-1' },
      resource: { 'service.name': 'care-desk', 'deployment.environment.name': 'test' },
    });
    expect(headers.get('x-correlation-id')).toBe('ask-1');
    const registered = only(mine, 'command RegisterCustomer');
    expect(registered.attributes).toMatchObject({
      'touchstone.stream': `customer-${data.registerCustomer.id}`,
      'touchstone.events': 1,
      'touchstone.correlation_id': 'ask-1',
    });
    const append = named(mine, 'append').find(({ parentSpanId }) => parentSpanId === registered.spanId)!;
    expect(append.attributes).toMatchObject({ 'touchstone.position': data.registerCustomer.position });
    expect(upwards(mine, append)).toEqual([
      'append',
      'command RegisterCustomer',
      'mutation registerCustomer',
      'POST /graphql',
    ]);
    // The batch that took it stands in this trace, or, where it took others before, is linked to it.
    const batch = named(spans, 'project journeys').find(({ links }) => links.some((l) => l.spanId === append.spanId))!;
    expect(batch.attributes).toMatchObject({ 'touchstone.group': 'journeys', 'touchstone.generation': 'journeys-1' });
    const { 'touchstone.position.after': after, 'touchstone.position': last } = batch.attributes;
    expect(String(after) < data.registerCustomer.position).toBe(true);
    expect(String(last) >= data.registerCustomer.position).toBe(true);
    expect(BigInt(batch.endTimeUnixNano) > BigInt(batch.startTimeUnixNano)).toBe(true);
  });

  it('say nothing of variables, contents or messages, whether it went well or not', async () => {
    const inline = `mutation { registerCustomer(input: { identifiers: [{ type: "account", value: "${SECRETS.account}" }] }) { id } }`;
    expect((await house.ask(inline)).errors).toBeUndefined();
    expect((await house.ask(REGISTER, customer())).errors).toBeUndefined();
    const refused = await house.ask(
      `mutation { recordTouchpoint(input: { journeyId: "${SECRETS.account}", kind: "crew.arrived", channel: "crew",
        occurredAt: "2024-05-01T19:45:00+08:00", attributes: { said: "${SECRETS.name}" } }) { revision } }`,
    );
    expect(refused.errors).toHaveLength(1);
    const event = {
      specversion: '1.0',
      id: 'e1',
      source: '/crm',
      type: 'touchpoint.recorded',
      time: '2024-05-01T19:45:00+08:00',
      data: { kind: 'crew.arrived', channel: 'crew', attributes: { said: SECRETS.name }, journey: { type: 'repair' } },
    };
    const posted = await fetch(`${house.url}/events?who=${SECRETS.name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(event),
    });
    await posted.text();
    await house.ask(`query { customer(id: "${SECRETS.account}") { id } }`);
    const spans = await receiver.until(
      (all) => named(all, 'read ').length > 0 && named(all, 'POST /events').length > 0,
    );
    const failed = spans.find(({ name }) => name === 'mutation recordTouchpoint')!;
    expect(failed).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': refused.errors![0]!.extensions['code'] } }); // prettier-ignore
    expect(receiver.bodies.join('')).toContain('command RegisterCustomer');
    for (const secret of Object.values(SECRETS)) expect(receiver.bodies.join('')).not.toContain(secret);
  });

  it('link a batch of the projection to the appends of all traces that it took', async () => {
    receiver.bodies.length = 0;
    await Promise.all(Array.from({ length: 20 }, (_, n) => house.ask(REGISTER, customer(n + 1))));
    await house.ready();
    const spans = await receiver.until((all) => {
      const linked = new Set(named(all, 'project ').flatMap(({ links }) => links.map(({ spanId }) => spanId)));
      const appends = named(all, 'append');
      return named(all, 'command RegisterCustomer').length === 20 && appends.every(({ spanId }) => linked.has(spanId));
    });
    const batches = named(spans, 'project ').filter(({ links }) => links.length > 0);
    expect(batches.length).toBeLessThan(named(spans, 'append').length);
    for (const { traceId, parentSpanId, links } of batches) {
      expect(links[0]).toMatchObject({ traceId, spanId: parentSpanId });
    }
  });
});

describe('without a collector', () => {
  it('no span is made or sent', async () => {
    const requests = receiver.requests;
    await start({});
    expect((await house.ask(REGISTER, customer())).errors).toBeUndefined();
    expect(await counted(house, 'exported')).toBeNaN();
    await house.remove();
    expect(receiver.requests).toBe(requests);
  });

  it('that takes anything, spans are counted and given up, and hold up nothing, not even the end', async () => {
    receiver.how = 'refuses';
    await start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_MAX_QUEUE_SIZE: '10' }, { SHUTDOWN_MS: '2000' });
    for (let n = 0; n < 5; n++) expect((await house.ask(REGISTER, customer(n))).errors).toBeUndefined();
    while (!((await counted(house, 'failed')) > 0)) await sleep(20);
    const told = house.log.map((line) => JSON.parse(line) as { event?: string });
    expect(told.filter(({ event }) => event === 'TRACE_EXPORT_FAILED')).toHaveLength(1);
    receiver.how = 'hangs';
    for (let n = 5; n < 15; n++) expect((await house.ask(REGISTER, customer(n))).errors).toBeUndefined();
    while (!((await counted(house, 'dropped')) > 0)) await sleep(20);
    const began = performance.now();
    await house.remove();
    expect(performance.now() - began).toBeLessThan(2_500);
    receiver.how = 'takes';
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'ftp://user:pass@collector/'],
  ])('refuses to start with %s=%s, and does not repeat it', async (name, value) => {
    environment({ [name]: value });
    const refused = TestServer.start();
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(name) as string }); // prettier-ignore
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining(value) as string });
  });
});
