import { memoryReport } from '../scripts/bench/memory.js';

/** Ten minutes at a thousand events a second, looked at every five seconds. */
const run = (rss: (seconds: number) => number) =>
  Array.from({ length: 120 }, (_, i) => {
    const seconds = 5 * (i + 1);
    const heap = 500;
    return { seconds, events: 1_000 * seconds, rss: rss(seconds), heap, elsewhere: rss(seconds) - heap, wal: 10 };
  });

describe('the memory of a soak', () => {
  it('is flat when it grows to a level and stays there', () => {
    const report = memoryReport(run((seconds) => Math.min(1_500, 600 + 10 * seconds)));
    expect(report.fault).toBeNull();
    expect(report.perMillion).toBe(0);
    expect(report.thirds.rss).toEqual([1_500, 1_500, 1_500]);
  });

  it('is not flat when it grows with the events, and says by how much and where', () => {
    const report = memoryReport(run((seconds) => 1_000 + 2 * seconds));
    expect(report.fault).toBe(
      'Memory grew: {"rss":[1400,1800,2200],"heap":[500,500,500],"elsewhere":[900,1300,1700]} MB in thirds of the run.',
    );
    expect(report.perMillion).toBe(2_000);
  });

  it('is told by the minute', () => {
    const { byMinute } = memoryReport(run((seconds) => 1_000 + seconds));
    expect(byMinute).toHaveLength(11);
    expect(byMinute[1]).toEqual({ minute: 2, events: 115_000, rss: 1_115, heap: 500, elsewhere: 615, wal: 10 });
  });

  it('is not called flat when hardly anybody looked', () => {
    expect(memoryReport([]).fault).toBe('Memory was looked at 0 times, and 24 are needed to say that it is flat.');
    expect(memoryReport(run(() => 1_000).slice(0, 23)).fault).toMatch(/looked at 23 times/);
    expect(memoryReport(run(() => 1_000).slice(0, 24)).fault).toBeNull();
  });
});
