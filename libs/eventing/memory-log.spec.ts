import { anEvent, collectPages, events } from './event-log.contract.kit.js';
import { eventLogContract, openMemoryLog } from './testing.js';

eventLogContract('memory', {
  open: async () => {
    const log = openMemoryLog();
    return { log, close: () => log.close() };
  },
  traits: { uniqueIds: false, fresh: true },
});

describe('the memory log keeps EventStoreDB’s rules', () => {
  it('has pairs for positions, with gaps, so that nobody counts with them', async () => {
    const log = openMemoryLog();
    await log.append(
      'a',
      'none',
      events(20, (i) => ({ data: 'x'.repeat(i) })),
    );
    const positions = (await collectPages(log.readAll())).map((e) => e.position);
    expect(positions.every((p) => /^[0-9a-f]{32}$/.test(p))).toBe(true);
    const commits = positions.map((p) => Number.parseInt(p.slice(0, 16), 16));
    const steps = commits.slice(1).map((c, i) => c - commits[i]!);
    expect(Math.min(...steps)).toBeGreaterThan(1);
    expect(new Set(steps).size).toBeGreaterThan(1);
    await log.close();
  });

  it('answers in a later turn, as a real log does', async () => {
    const log = openMemoryLog();
    const order: string[] = [];
    const appending = log.append('a', 'none', [anEvent()]).then(() => order.push('appended'));
    await Promise.resolve();
    order.push('next');
    await appending;
    expect(order).toEqual(['next', 'appended']);
    await log.close();
  });
});
