import { FaultyEsdb } from '../libs/eventing/esdb-server.spec-kit.js';
import { liveThrough, TRACES } from './esdb-house.kit.js';

interface Timeline {
  readonly timeline: { readonly edges: readonly { readonly node: { readonly form: string; readonly kind: string } }[] };
}

describe('a whole server with its events on EventStoreDB', () => {
  // That every answer is the same as with the embedded log is compared on a real server: `npm run test:esdb`.
  it('imports, answers, follows, looks back and rebuilds', async () => {
    const esdb = await FaultyEsdb.start();
    try {
      const lived = await liveThrough({ EVENT_LOG_URL: esdb.url }, 'house', { restart: false });
      const [first, again] = lived['imported'] as { sent: number }[];
      expect(first!.sent).toBeGreaterThan(TRACES);
      expect(first).toMatchObject({ taken: first!.sent, known: 0, quarantined: 0, journeys: TRACES });
      expect(again).toMatchObject({ taken: 0, known: first!.sent, quarantined: 0 });
      expect(lived['all']).toMatchObject({ journeyMap: { cases: { value: TRACES }, closedCases: { value: 0 } } });
      expect(lived['reached']).toMatchObject({ journeyMap: { cases: { value: TRACES }, closedCases: { value: 1 } } });
      expect(lived['rebuilt']).toEqual(lived['reached']);
      const entries = (name: string) => (lived[name] as Timeline).timeline.edges.map(({ node }) => node.form);
      expect(entries('before')).toHaveLength(entries('timeline').length + 1);
      expect(entries('after').slice(-2)).toEqual(['NOTE', 'CLOSED']);
      expect(lived['events']).toHaveLength(first!.sent + TRACES + 3);
      expect(lived['feed']).toHaveLength(first!.sent + TRACES + 3);
      expect(lived['isInOrder']).toBe(true);
      expect(lived['projections']).toMatchObject({ projections: [{ state: 'LIVE', parked: 0 }] });
    } finally {
      await esdb.down();
    }
  }, 60_000);
});
