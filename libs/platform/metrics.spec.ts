import { TouchstoneError, type EventLog, type NewEvent } from '@touchstone/eventing';
import { Metrics } from './metrics.js';
import { Policies, type PolicyStatus } from './policies.js';

const value = async (metrics: Metrics, line: string) => {
  const found = (await metrics.registry.metrics()).split('\n').find((l) => l.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length + 1));
};

const event = { id: 'e' } as NewEvent;
const conflict = new TouchstoneError('WRONG_EXPECTED_REVISION', 'Read again.', 'conflict');

describe('Metrics', () => {
  it('counts what the log takes and what it refuses', async () => {
    const metrics = new Metrics();
    const log = metrics.observe({
      append: (stream: string) =>
        stream === 'good' ? Promise.resolve({ revision: 1, position: '1' }) : Promise.reject(conflict),
      appendMany: () =>
        Promise.resolve([
          { ok: true, appended: { revision: 0, position: '2' } },
          { ok: false, error: conflict },
        ]),
    } as unknown as EventLog);
    await log.append('good', 'any', [event, event]);
    await expect(log.append('bad', 0, [event])).rejects.toBe(conflict);
    await log.appendMany([
      { stream: 'a', expected: 'none', events: [event, event, event] },
      { stream: 'b', expected: 'none', events: [event] },
    ]);
    expect(await value(metrics, 'touchstone_appended_events_total')).toBe(5);
    expect(await value(metrics, 'touchstone_append_failures_total{code="WRONG_EXPECTED_REVISION"}')).toBe(2);
    expect(await value(metrics, 'touchstone_append_duration_seconds_count')).toBe(3);
  });

  it('asks for the read models once per scrape, and shows what they say then', async () => {
    const metrics = new Metrics();
    let asked = 0;
    metrics.collectProjections(() => {
      asked++;
      const group = {
        group: 'journeys',
        lagMs: 1_500 * asked,
        eventsPerSecond: 7,
        parked: 2,
        skipped: 1,
        up: asked > 1,
      };
      return Promise.resolve([group]);
    });
    const first = await metrics.registry.metrics();
    expect(asked).toBe(1);
    expect(first).toContain('touchstone_projection_lag_seconds{group="journeys"} 1.5\n');
    expect(first).toContain('touchstone_projection_up{group="journeys"} 0\n');
    expect(first).toContain('touchstone_projection_parked_events{group="journeys"} 2\n');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await metrics.registry.metrics()).toContain('touchstone_projection_lag_seconds{group="journeys"} 3\n');
    expect(asked).toBe(2);
  });

  it('shows how policies stand, and leaves out what nobody knows', async () => {
    const metrics = new Metrics();
    const policies = new Policies();
    let due: number | null = 3;
    const status = (state: PolicyStatus['state']): PolicyStatus => ({
      name: 'rules',
      state,
      due,
      nextDue: null,
      decided: 5,
      failed: 2,
      failing: 1,
      lagMs: 1_500,
      lastError: null,
    });
    let state: PolicyStatus['state'] = 'live';
    policies.add({ status: () => Promise.resolve(status(state)), ofHouse: () => Promise.resolve(null) });
    metrics.collectPolicies(() => policies.status());
    const of = (name: string) => value(metrics, `touchstone_policy_${name}{policy="rules"}`);
    expect([await of('due'), await of('decided_total'), await of('failed_total')]).toEqual([3, 5, 2]);
    // A scrape sets what it shows, it adds nothing up.
    expect([await of('decided_total'), await of('failing'), await of('lag_seconds')]).toEqual([5, 1, 1.5]);
    expect(await of('up')).toBe(1);
    [state, due] = ['failed', null];
    await new Promise((resolve) => setImmediate(resolve));
    expect([await of('due'), await of('up')]).toEqual([undefined, 0]);
  });
});
