import { MessageChannel } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent } from '@touchstone/eventing/pure';
import { buildGeneration, serveBuild, type BuildOrder } from './build-generation.js';
import { dumpRows, type Dump } from './dump.js';
import { GenerationStore } from './generation-store.js';
import type { ProjectionGroup } from './projection.js';
import { projectAll, projectionContract } from './testing.js';
import { recorded } from './recorded-events.js';
import { sharedGroup } from './spec/shared-toys.js';
import { readToy, steps, toyDefects } from './spec/toy.js';
import { newSteps, TestDirectory, type StepText, type TestLog } from './spec/toy-log.js';

projectionContract(sharedGroup(3), {
  name: 'a group with digests and parts',
  events: recorded('b', steps('y', 'x'), recorded('nobody', steps('z'), recorded('a', steps('x', 'y', 'x')))),
});

describe('a generation that two threads build', () => {
  let directory: TestDirectory;
  let log: TestLog;
  beforeEach(async () => {
    directory = new TestDirectory();
    log = await directory.log();
    toyDefects.on = true;
  });
  afterEach(() => directory.remove());

  const now = () => '2024-03-01T00:00:00.000Z';
  const add = (stream: string, steps: number, more: StepText = {}) =>
    log.append(stream, 'any', newSteps(...Array.from({ length: steps }, () => more)));
  const fill = async (streams: number) => {
    for (let i = 0; i < streams; i++) await add(`s-${i}`, 20);
  };
  const everything = async () => {
    const events: RecordedEvent[] = [];
    for await (const page of log.readAll()) events.push(...page);
    return events;
  };
  const alone = async (group: ProjectionGroup, mayPark = false): Promise<Dump> =>
    dumpRows(projectAll(group, await everything(), { read: readToy, building: !mayPark, mayPark }));

  let builds = 0;
  /** Builds with somebody at the other end of the port. */
  async function built(
    group: ProjectionGroup,
    helped: ProjectionGroup | 'nobody' = group,
    signal = never,
  ): Promise<Dump> {
    const { port1, port2 } = new MessageChannel();
    if (helped === 'nobody') port2.close();
    const helping = helped === 'nobody' ? null : serveBuild(port2, { group: helped, log, read: readToy });
    closeHelp = () => port2.close();
    const file = directory.file(`shared-${++builds}.db`);
    const order: BuildOrder = { group: group.name, generation: `shared-${builds}`, file, skipped: [] };
    const parts = {
      group,
      log,
      read: readToy,
      now,
      helper: port1,
      tuning: { batchSize: 64, watchEveryMs: 20, backoffMs: 5 },
    };
    try {
      await buildGeneration(parts, order, () => {}, signal);
    } finally {
      await helping;
    }
    const store = GenerationStore.open(group, order.generation, file);
    try {
      return dumpRows(store);
    } finally {
      store.close();
    }
  }
  const never = new AbortController().signal;
  let closeHelp = () => {};

  it('is the one that a thread builds alone, whoever makes the last part', async () => {
    await fill(12);
    for (let parts = 1; parts <= 9; parts++) {
      const makers = new Set<string>();
      const group = sharedGroup(parts, () => makers.add('builder'));
      const helped = sharedGroup(parts, () => makers.add('helper'));
      expect(await built(group, helped)).toEqual(await alone(group));
      if (parts > 2) expect([...makers].sort()).toEqual(['builder', 'helper']);
    }
  });

  it('has the same parked events', async () => {
    await fill(3);
    await add('s-1', 1, { unreadable: true });
    await add('s-1', 5);
    const group = sharedGroup(2);
    const rows = await built(group);
    expect(rows).toEqual(await alone(group, true));
    expect(rows['stride']!.length).toBe(60);
  });

  it('is built once more, batch by batch, when an event fails', async () => {
    await fill(3);
    await add('s-1', 1, { breaks: 'apply' });
    await add('s-2', 1, { breaks: 'row' });
    const group = sharedGroup(2);
    expect(await built(group)).toEqual(await alone(group, true));
  });

  it('does without help where there is none', async () => {
    await fill(3);
    const group = sharedGroup(2);
    expect(await built(group, 'nobody')).toEqual(await alone(group));
  });

  it('does without help that ends while it reads', async () => {
    await fill(30);
    const group = sharedGroup(2);
    const building = built(group);
    await sleep(5);
    closeHelp();
    expect(await building).toEqual(await alone(group));
  });

  it('is built once more, alone, when the help ends in the midst of a part', async () => {
    await fill(12);
    const group = sharedGroup(6);
    let lost = 0;
    const helped = sharedGroup(6, () => {
      lost++;
      closeHelp();
    });
    expect(await built(group, helped)).toEqual(await alone(group));
    expect(lost).toBeGreaterThan(0);
  });

  it('fails for what fails in the other thread, by its name', async () => {
    await fill(12);
    const fails = sharedGroup(6, () => {
      throw new RangeError('Off by one.');
    });
    await expect(built(sharedGroup(6), fails)).rejects.toMatchObject({ code: 'DERIVATION_FAILED' });
    await expect(built(fails, sharedGroup(6))).rejects.toMatchObject({ code: 'DERIVATION_FAILED' });
  });

  it('ends early when it is told to, also while it derives', async () => {
    await fill(12);
    const stop = new AbortController();
    const group = sharedGroup(6, () => stop.abort(new Error('enough')));
    await expect(built(group, group, stop.signal)).rejects.toThrow('enough');
  });
});
