import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog, openVault, type RecordedEvent, type SharedLog, type Vault } from '@touchstone/eventing';
import { seeded } from '@touchstone/readmodel/testing';
import { Server } from './chaos.children.js';
import { contentOf, firstDifference, type Content } from './chaos.content.js';
import { readLog } from './chaos.verify.js';
import { PairHouse, VICTIMS, type Victim } from './pair-chaos.kit.js';
import { DESK, planOf, send, type Claim, type Plan, type Progress, type Told } from './pair-chaos.traffic.js';
import { claimFindings, orderFindings, rowFindings, wholeLog } from './pair-chaos.verify.js';

export interface PairOptions {
  readonly logUrl: string;
  readonly readStore: string;
  readonly rounds: number;
  readonly seed: number;
  /** Of the file of each round; a multiple of ten. */
  readonly events: number;
  /** Told after each round. */
  readonly say?: (text: string) => void;
}

/** What a run did, so that one that did nothing is noticed. */
export interface PairTally {
  readonly kills: Record<Victim, number>;
  /** Kills that met an import under way. */
  met: number;
  /** Requests that broke off and were sent again. */
  broken: number;
  claims: number;
  /** In the log at the end. */
  events: number;
  /** Of those, what policies decided. */
  decided: number;
}

const ORDER = Object.keys(VICTIMS) as Victim[];
/** After so long, at most, a kill strikes once the phase has begun that it waits for; ms. */
const LATEST_STRIKE_MS = 250;
/** How soon the next process is started in the place of one that was killed; ms. */
const LATEST_RESTART_MS = 1_500;

/** Kills one process after the other while files are imported, and looks at everything after each. @throws at the first finding */
export async function pairedLives(options: PairOptions): Promise<PairTally> {
  const run = await Run.begin(options);
  try {
    for (let round = 0; round < options.rounds; round++) await run.round(round);
    return run.tally;
  } finally {
    await run.end();
  }
}

/** The house that is killed, and beside it one that nobody disturbs, with the same sent to both. */
class Run {
  readonly tally: PairTally = {
    kills: { api: 0, projector: 0, policy: 0 },
    met: 0,
    broken: 0,
    claims: 0,
    events: 0,
    decided: 0,
  };
  private readonly claims: Claim[] = [];
  private merges: Plan['merges'] = [];

  private constructor(
    private readonly options: PairOptions,
    private readonly root: string,
    private readonly house: PairHouse,
    private readonly still: Server,
    private readonly log: SharedLog,
    private readonly vault: Vault & { close(): Promise<void> | void },
    /** The log may hold what others left there. */
    private readonly before: number,
  ) {}

  static async begin(options: PairOptions): Promise<Run> {
    const { logUrl: url, readStore } = options;
    const root = mkdtempSync(join(tmpdir(), 'touchstone-still-'));
    const log = await openLog({ engine: 'eventstoredb', url });
    const before = (await wholeLog(log)).length;
    const house = await PairHouse.start({ EVENT_LOG_URL: url, READ_STORE_URL: readStore });
    const still = await Server.start(root, { EVENT_LOG_URL: undefined, READ_STORE_URL: undefined });
    return new Run(options, root, house, still, log, await openVault({ url: readStore }), before);
  }

  async end(): Promise<void> {
    await this.house.remove();
    await this.still.kill();
    await this.vault.close();
    await this.log.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  async round(round: number): Promise<void> {
    const { seed, events, say } = this.options;
    const victim = ORDER[round % ORDER.length]!;
    const plan = planOf(seed, round, events, this.merges);
    const started = performance.now();
    const told = await this.struck(victim, plan);
    const standing = await this.house.caughtUp();
    const caughtUp = performance.now();
    const log = await wholeLog(this.log);
    this.claims.push(...told.claims);
    const found = [
      ...told.complaints,
      ...sumFindings(plan, told),
      ...orderFindings(log),
      ...claimFindings(log, this.claims),
      ...rowFindings(this.options.readStore, standing, log),
      ...(await this.contentFindings(log.slice(this.before))),
    ];
    expect({ round, victim, seed, found }).toEqual({ round, victim, seed, found: [] });
    this.count(victim, told, log);
    this.merges = pairsOf(log, plan);
    const [lived, looked] = [caughtUp - started, performance.now() - caughtUp].map((ms) => (ms / 1_000).toFixed(1));
    say?.(`round ${round + 1}, ${victim}: ${log.length} events, lived ${lived} s, looked at ${looked} s`);
  }

  /** Sends the plan to both houses, kills one process of the first while its import is under way, and starts the next. */
  private async struck(victim: Victim, plan: Plan): Promise<Told> {
    const random = seeded(this.options.seed + 7_919 * (plan.round + 1));
    const phase = random() < 0.25 ? 'read' : 'append';
    const [strikeMs, restartMs] = [random() * LATEST_STRIKE_MS, random() * LATEST_RESTART_MS];
    let isOver = false;
    let begin = () => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const hear = (progress: Progress) => void ((progress.phase === phase || progress.phase === 'append') && begin());
    const sending = send(() => this.house.api, plan, { hear, desks: 2 }).finally(() => {
      isOver = true;
      begin();
    });
    const striking = (async () => {
      await begun;
      await sleep(strikeMs);
      const next = await this.house.kill(victim);
      if (!isOver) this.tally.met++;
      await sleep(restartMs);
      await next.restart();
    })();
    const [told] = await Promise.all([sending, striking, striking.then(() => this.undisturbed(plan))]);
    return told;
  }

  private async undisturbed(plan: Plan): Promise<void> {
    const told = await send(() => this.still, plan, { desks: 0 });
    expect(told).toMatchObject({ complaints: [], broken: 0 });
    await this.still.decided();
    await this.still.settled();
  }

  private async contentFindings(log: readonly RecordedEvent[]): Promise<string[]> {
    const vault = await openVault({ file: join(this.root, 'keys.db') });
    try {
      const still = contentOf(withoutPacks(readLog(join(this.root, 'log.db'))), vault);
      return differences(contentOf(withoutPacks(withoutDesks(log)), this.vault), still);
    } finally {
      await vault.close();
    }
  }

  private count(victim: Victim, told: Told, log: readonly RecordedEvent[]): void {
    const { tally } = this;
    tally.kills[victim]++;
    tally.broken += told.broken;
    tally.claims += told.claims.length;
    tally.events = log.length - this.before;
    tally.decided = log.slice(this.before).filter(({ metadata }) => metadata.actor.role === 'policy').length;
  }
}

function sumFindings({ file, lines }: Plan, { imported, outcomes }: Told): string[] {
  const { sent, taken, known, quarantined } = imported;
  const isWhole = sent === file.traces * 10 && quarantined === file.unreadable && taken + known + quarantined === sent;
  const heard = (outcomes['taken'] ?? 0) + (outcomes['known'] ?? 0);
  return [
    ...(isWhole ? [] : [`The import says ${JSON.stringify(imported)} of a file with ${file.unreadable} unreadable.`]),
    ...(heard === lines.length ? [] : [`Of ${lines.length} lines there are ${JSON.stringify(outcomes)}.`]),
  ];
}

function differences(one: Content, still: Content): string[] {
  const journey = firstDifference(one.journeys, still.journeys);
  const only = (a: readonly string[], b: readonly string[]) => a.filter((text) => !b.includes(text)).slice(0, 3);
  const lists = (['moments', 'others'] as const).flatMap((name) => [
    ...only(one[name], still[name]).map((text) => `Undisturbed, none of the ${name} would be ${text}.`),
    ...only(still[name], one[name]).map((text) => `Undisturbed, one of the ${name} would be ${text}.`),
    ...(one[name].length === still[name].length
      ? []
      : [`${one[name].length} ${name}, undisturbed ${still[name].length}.`]),
  ]);
  return [
    ...(journey === null ? [] : [`Another journey than undisturbed: ${JSON.stringify(journey).slice(0, 3_000)}`]),
    ...lists,
    ...(one.customers === one.identifiers ? [] : [`${one.customers} customers are ${one.identifiers} people.`]),
  ];
}

/** Journeys of the file that was just imported, two by two. */
function pairsOf(log: readonly RecordedEvent[], { options }: Plan): Plan['merges'] {
  const { source } = options as { source: string };
  const ids = log
    .filter(({ type, metadata }) => type === 'TouchpointRecorded' && metadata.source?.system === source)
    .map(({ stream }) => stream.slice('journey-'.length));
  const sorted = [...new Set(ids)].sort();
  return Array.from({ length: MERGES }, (_, n) => [sorted[2 * n]!, sorted[2 * n + 1]!] as const);
}

const MERGES = 6;

function withoutDesks(log: readonly RecordedEvent[]): RecordedEvent[] {
  const desks = new Set(
    log
      .filter(({ type, data }) => type === 'JourneyOpened' && (data as { journeyType: string }).journeyType === DESK)
      .map(({ stream }) => stream),
  );
  return log.filter(({ stream }) => !desks.has(stream));
}

/** Those of the house itself are in its log already where somebody lived there before. */
const withoutPacks = (log: readonly RecordedEvent[]) => log.filter(({ stream }) => !stream.startsWith('pack-'));
