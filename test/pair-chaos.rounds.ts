import { setTimeout as sleep } from 'node:timers/promises';
import { newId, openLog, openVault, type BytesVault, type RecordedEvent, type SharedLog } from '@touchstone/eventing';
import { seeded } from '@touchstone/readmodel/testing';
import { PairHouse, VICTIMS, type Standing, type Victim } from './pair-chaos.kit.js';
import { EVENTS, planOf, send, type Claim, type Plan, type Progress, type Told } from './pair-chaos.traffic.js';
import { claimFindings, decisionFindings, orderFindings, rowFindings, readOn } from './pair-chaos.verify.js';
import { Undisturbed } from './pair-chaos.undisturbed.js';

export interface PairOptions {
  readonly logUrl: string;
  readonly readStore: string;
  readonly rounds: number;
  readonly seed: number;
  /**
   * All of it is sent to a house that nobody disturbs, too, and compared with what that one holds; tells how
   * far it is.
   */
  readonly isLong: boolean;
}

/** What a run did, so that one that did nothing is noticed. */
export interface PairTally {
  readonly kills: Record<Victim, number>;
  /** Kills that met an import under way. */
  met: number;
  /** Of the kills, those of one that had stood still until another had taken its work over. */
  frozen: number;
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
const LATEST_STRIKE_MS = 100;
/** How long one that was frozen goes on, at most, before it is killed; ms. */
const LATEST_END_MS = 1_000;
/** How soon the next process is started in the place of one that was killed; ms. */
const LATEST_RESTART_MS = 1_500;

/** Kills one process after the other while files are imported, and looks at everything after each. @throws at the first finding */
export async function pairedRounds(options: PairOptions): Promise<void> {
  const { rounds, isLong } = options;
  const say = (text: string) => void (isLong && process.stderr.write(`pair: ${text}\n`));
  const run = await Run.begin(options, say);
  try {
    for (let round = 0; round < rounds; round++) await run.round(round);
    const { tally } = run;
    say(JSON.stringify(tally));
    // Kills that met nothing under way would prove nothing.
    expect(tally.met).toBeGreaterThanOrEqual(rounds / 2);
    expect(tally.decided).toBeGreaterThan(rounds * 20);
  } finally {
    await run.end();
  }
}

/** The house that is killed, and beside it one that nobody disturbs, with the same sent to both. */
class Run {
  readonly tally: PairTally = {
    kills: { api: 0, projector: 0, policy: 0 },
    met: 0,
    frozen: 0,
    broken: 0,
    claims: 0,
    events: 0,
    decided: 0,
  };
  private readonly claims: Claim[] = [];
  private merges: Plan['merges'] = [];
  private events: RecordedEvent[] = [];
  private unreadable = 0;
  private readonly name = newId().slice(-8);

  private constructor(
    private readonly options: PairOptions,
    private readonly say: (text: string) => void,
    private readonly house: PairHouse,
    private readonly still: Undisturbed | null,
    private readonly log: SharedLog,
    private readonly vault: BytesVault,
    /** The log may hold what others left there. */
    private readonly before: readonly RecordedEvent[],
  ) {
    this.events = [...before];
  }

  static async begin(options: PairOptions, say: (text: string) => void): Promise<Run> {
    const { logUrl: url, readStore, isLong } = options;
    const log = await openLog({ engine: 'eventstoredb', url });
    const before = await readOn(log);
    const [house, still] = await Promise.all([
      PairHouse.start({ EVENT_LOG_URL: url, READ_STORE_URL: readStore }),
      isLong ? Undisturbed.start() : null,
    ]);
    return new Run(options, say, house, still, log, await openVault({ url: readStore }), before);
  }

  async end(): Promise<void> {
    await this.house.remove();
    await this.still?.remove();
    await this.vault.close();
    await this.log.close();
  }

  async round(round: number): Promise<void> {
    const { seed, rounds } = this.options;
    const victim = ORDER[round % ORDER.length]!;
    const plan = planOf({ name: this.name, seed }, round, this.merges);
    const started = performance.now();
    const told = await this.struck(victim, plan);
    const standing = await this.house.caughtUp();
    const caughtUp = performance.now();
    this.claims.push(...told.claims);
    const found = [
      ...told.complaints,
      ...sumFindings(plan, told),
      ...(await this.quarantineFindings(plan)),
      ...(await this.look(standing, round === rounds - 1)),
    ];
    expect({ round, victim, seed, found }).toEqual({ round, victim, seed, found: [] });
    this.count(victim, told);
    this.merges = pairsOf(this.events, plan);
    const [lived, looked] = [caughtUp - started, performance.now() - caughtUp].map((ms) => (ms / 1_000).toFixed(1));
    this.say(`round ${round + 1}, ${victim}: ${this.events.length} events, lived ${lived} s, looked at ${looked} s`);
  }

  /** Everything from the beginning; only what was read of the log, and compared with the other house, not again each time. */
  private async look(standing: Standing, isLast: boolean): Promise<string[]> {
    const from = isLast ? this.before.length : this.events.length;
    if (isLast) this.events = [];
    this.events.push(...(await readOn(this.log, this.events.at(-1)?.position)));
    const { events, vault, still } = this;
    const ours = events.slice(this.before.length);
    return [
      ...orderFindings(events),
      ...claimFindings(events, this.claims),
      ...decisionFindings(events),
      ...rowFindings(this.options.readStore, standing, events),
      ...((await still?.differences(ours, from - this.before.length, vault)) ?? []),
    ];
  }

  /** However often a file was sent, what of it cannot be read is there once. */
  private async quarantineFindings({ file }: Plan): Promise<string[]> {
    this.unreadable += file.unreadable;
    const there = await this.house.quarantined();
    return there === this.unreadable ? [] : [`${there} records are in quarantine, where ${this.unreadable} are due.`];
  }

  /** Sends the plan to both houses, kills one process of the first while its import is under way, and starts the next. */
  private async struck(victim: Victim, plan: Plan): Promise<Told> {
    const random = seeded(this.options.seed + 7_919 * (plan.round + 1));
    const phase = random() < 0.25 ? 'read' : 'append';
    const [strikeMs, restartMs] = [random() * LATEST_STRIKE_MS, random() * LATEST_RESTART_MS];
    const isElsewhere = random() < 0.5;
    const isFrozen = this.options.isLong && victim === 'projector' && random() < 0.5;
    const thawedMs = isFrozen ? random() * LATEST_END_MS : null;
    let isOver = false;
    let begin = () => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const hear = (progress: Progress | null) => {
      isOver ||= progress === null;
      // A file may be read before anybody heard of it.
      if (isOver || progress?.phase === phase || progress?.phase === 'append') begin();
    };
    const sending = send(() => this.house.api, plan, { hear, desks: 2 });
    const striking = (async () => {
      await begun;
      await sleep(strikeMs);
      if (!isOver) this.tally.met++;
      const next = await this.house.kill(victim, thawedMs);
      if (thawedMs !== null) this.tally.frozen++;
      // Whoever is left takes over; after the last round nobody needs another one.
      if (victim !== 'api' && plan.round === this.options.rounds - 1) return;
      await sleep(restartMs);
      await next.restart(isElsewhere);
    })();
    const [told] = await Promise.all([sending, striking, striking.then(() => this.still?.live(plan))]);
    return told;
  }

  private count(victim: Victim, told: Told): void {
    const { tally } = this;
    const ours = this.events.slice(this.before.length);
    tally.kills[victim]++;
    tally.broken += told.broken;
    tally.claims += told.claims.length;
    tally.events = ours.length;
    tally.decided = ours.filter(({ metadata }) => metadata.actor.role === 'policy').length;
  }
}

function sumFindings({ file, lines }: Plan, { imported, outcomes }: Told): string[] {
  const { sent, taken, known, quarantined } = imported;
  const isWhole = sent === EVENTS && quarantined === file.unreadable && taken + known + quarantined === sent;
  const heard = (outcomes['taken'] ?? 0) + (outcomes['known'] ?? 0);
  return [
    ...(isWhole ? [] : [`The import says ${JSON.stringify(imported)} of a file with ${file.unreadable} unreadable.`]),
    ...(heard === lines.length ? [] : [`Of ${lines.length} lines there are ${JSON.stringify(outcomes)}.`]),
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
