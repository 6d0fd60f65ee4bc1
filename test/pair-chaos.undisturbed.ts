/** A house that nobody disturbs, in one process on its own log, and what it holds beside one whose processes were killed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openVault, type RecordedEvent, type Vault } from '@touchstone/eventing';
import { Server } from './chaos.children.js';
import { contentOf, firstDifference, type Content } from './chaos.content.js';
import { readLog } from './chaos.verify.js';
import { LEAN } from './pair-chaos.kit.js';
import { DESK, send, type Plan } from './pair-chaos.traffic.js';

/** Without these no event can be understood alone: who a customer is, and what was decided before. */
const LASTING = new Set(['CustomerRegistered', 'MomentObserved', 'MomentRetracted']);

export class Undisturbed {
  /** Events of its log that were compared. */
  private compared = 0;

  private constructor(
    private readonly directory: string,
    private readonly server: Server,
  ) {}

  static async start(): Promise<Undisturbed> {
    const directory = mkdtempSync(join(tmpdir(), 'touchstone-still-'));
    // Both may be set for the other house.
    const env = { ...LEAN, EVENT_LOG_URL: undefined, READ_STORE_URL: undefined };
    return new Undisturbed(directory, await Server.start(directory, env));
  }

  /** Lives through a round, until nothing is to be decided any more. */
  async live(plan: Plan): Promise<void> {
    const told = await send(() => this.server, plan, { desks: 0 });
    expect(told).toMatchObject({ complaints: [], broken: 0 });
    await this.server.decided();
    await this.server.settled();
  }

  /**
   * What the other log holds and this one does not, and the other way round: of all events, or of those since the last
   * comparison, from the given one on there.
   */
  async differences(log: readonly RecordedEvent[], from: number, vault: Pick<Vault, 'open'>): Promise<string[]> {
    const ours = readLog(join(this.directory, 'log.db'));
    const own = await openVault({ file: join(this.directory, 'keys.db') });
    try {
      const there = contentOf(since(withoutDesks(log), log[from]?.position), vault);
      const here = contentOf(since(ours, from === 0 ? '' : ours[this.compared]?.position), own);
      this.compared = ours.length;
      return differences(there, here);
    } finally {
      await own.close();
    }
  }

  async remove(): Promise<void> {
    await this.server.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Packs of the house itself are in a log already where somebody lived there before. */
const since = (log: readonly RecordedEvent[], position = '~') =>
  log.filter((event) => (event.position >= position || LASTING.has(event.type)) && !event.stream.startsWith('pack-'));

/** Journeys that people opened at a desk have ids of their own in each house. */
function withoutDesks(log: readonly RecordedEvent[]): RecordedEvent[] {
  const opened = log.filter(
    ({ type, data }) => type === 'JourneyOpened' && (data as { journeyType: string }).journeyType === DESK,
  );
  const desks = new Set(opened.map(({ stream }) => stream));
  return log.filter(({ stream }) => !desks.has(stream));
}

function differences(there: Content, here: Content): string[] {
  const journey = firstDifference(there.journeys, here.journeys);
  return [
    ...(journey === null ? [] : [`Another journey than undisturbed: ${JSON.stringify(journey).slice(0, 3_000)}`]),
    ...(['moments', 'others'] as const).flatMap((name) => [
      ...surplus(there[name], here[name]).map((text) => `Undisturbed, none of the ${name} would be ${text}.`),
      ...surplus(here[name], there[name]).map((text) => `Undisturbed, one more of the ${name} would be ${text}.`),
    ]),
    ...(there.customers === there.identifiers ? [] : [`${there.customers} customers are ${there.identifiers} people.`]),
  ];
}

/** What the first list has more often than the second one. */
function surplus(one: readonly string[], other: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const text of other) left.set(text, (left.get(text) ?? 0) + 1);
  const more = one.filter((text) => {
    const n = left.get(text) ?? 0;
    left.set(text, n - 1);
    return n <= 0;
  });
  return more.slice(0, 3);
}
