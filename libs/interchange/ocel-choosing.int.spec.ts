import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LossReport } from './loss-report.js';
import { OcelChoosing } from './ocel-choosing.js';
import { OcelStore } from './ocel-store.js';

const directory = mkdtempSync(join(tmpdir(), 'touchstone-choosing-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const EVENTS = 6_500;
const CASES = 40;
/** Events of one case stand far from one another, by number and by time; some have no time, some no case, some two. */
const told = Array.from({ length: EVENTS }, (_, i) => ({
  n: i + 1,
  type: i % 3 === 0 ? 'check' : 'do',
  ms: i % 50 === 7 ? null : ((i * 7_919) % 5_003) * 1_000,
  orders: i % 11 === 0 ? [] : i % 13 === 0 ? [`o-${i % CASES}`, `o-${(i + 1) % CASES}`] : [`o-${i % CASES}`],
  /** Counts only where there is no order. */
  item: i % 22 === 0 ? `i-${i % 5}` : undefined,
}));

async function logOf(): Promise<OcelStore> {
  const store = await OcelStore.open(directory, new LossReport());
  for (let c = 0; c < CASES; c++) store.addObject(`o-${c}`, 'Order');
  for (let c = 0; c < 5; c++) store.addObject(`i-${c}`, 'Item');
  for (const { n, type, ms, orders, item } of told) {
    const time = ms === null ? 'some day' : new Date(ms).toISOString();
    const isShared = n === 4_000;
    const own = isShared ? JSON.stringify({ touchpoints: [], isShared }) : undefined;
    store.addEvent({ id: `e-${n}`, type, time, ms: ms ?? undefined, attributes: {}, own });
    for (const object of [...orders, ...(item ? [item] : [])]) store.relate(n, object, '');
  }
  return store;
}

/** The same by hand, over the whole at once. */
function expected(alone: boolean) {
  const touches = told
    .filter(({ n }) => n !== 4_000)
    .flatMap(({ n, ms, orders, item }) => {
      const journeys: (string | null)[] = orders.length > 0 ? orders : item ? [item] : alone ? [null] : [];
      return journeys.map((journey) => ({ n, ms, journey }));
    })
    .sort((a, b) => (a.ms ?? -1) - (b.ms ?? -1) || a.n - b.n || (String(a.journey) < String(b.journey) ? -1 : 1));
  const lengths = new Map<string, number>();
  const placed = touches.map(({ n, journey }) => {
    const key = journey ?? `event ${n}`;
    const sequence = lengths.get(key) ?? 0;
    lengths.set(key, sequence + 1);
    return { event: n, journey, sequence };
  });
  return { placed, journeys: lengths.size };
}

describe('the journeys of an OCEL log', () => {
  it.each([['leave-out'], ['own-journey']] as const)(
    'are found page by page as over the whole (%s)',
    async (withoutCase) => {
      const store = await logOf();
      const report = new LossReport();
      let turns = 0;
      const turn = () => Promise.resolve(void turns++);
      try {
        const journeys = await new OcelChoosing(store, { caseTypes: ['Order', 'Item'], withoutCase }, report).run(turn);
        const should = expected(withoutCase === 'own-journey');
        const placed = store
          .all('SELECT event, journey, sequence FROM placed ORDER BY n')
          .map((row) => ({ ...(row as object) }));
        expect(placed).toEqual(should.placed);
        expect(journeys).toBe(should.journeys);
        // Four pages by number, one of what has no time, four by time.
        expect(turns).toBe(9);
      } finally {
        store.close();
      }
      const without = told.filter(({ n, orders, item }) => orders.length === 0 && !item && n !== 4_000);
      const counts = withoutCase === 'own-journey' ? [] : ['check', 'do'].map((type) => without.filter((e) => e.type === type).length); // prettier-ignore
      const losses = report.losses().map(({ what, count }) => [what, count]);
      expect(losses).toEqual([
        ...counts.sort((a, b) => b - a).map((n) => ['event-without-case', n]),
        ['shared-fact', 1],
      ]);
    },
  );
});
