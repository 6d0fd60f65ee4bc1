import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.js';
import type { NewEvent, Position } from './envelope.js';
import type { DecidedEvent, Decider, Folded } from './decider.js';
import { TouchstoneError } from './errors.js';
import type { AppendRequest, EventLog } from './event-log.js';
import { newId } from './ids.js';
import { idTaken, wrongRevision } from './kernel-errors.js';
import { folded, goesOn, readOn, unbegun, type Folding } from './kernel-folding.js';
import { Minting, type ActingContext, type Minted } from './minting.js';
import type { EventRegistry } from './registry.js';
import { StreamQueue } from './stream-queue.js';
import type { Vault } from './vault.js';

export interface ExecuteOptions extends Minted {
  readonly context?: ActingContext;
}

/** A command may say where it saw its stream (-1: nowhere yet); it is refused when the stream stands elsewhere. */
export interface ExpectsRevision {
  readonly expectedRevision?: number;
}

/** What became of a command. `events` is empty when everything was already so. */
export interface Executed<S = unknown> {
  readonly id: string;
  readonly stream: string;
  /** Revision and position of the last event of the stream; -1 and '' of a stream that still does not exist. */
  readonly revision: number;
  readonly position: Position;
  readonly events: readonly NewEvent[];
  readonly state: S;
}

export interface Work {
  readonly decider: Decider<never, never>;
  readonly command: object;
}

export type WorkOutcome =
  { readonly ok: true; readonly done: Executed } | { readonly ok: false; readonly error: Error };

/** What was decided for a stream that stood at `before`. */
interface Plan {
  readonly work: StreamWork;
  readonly folding: Folding;
  readonly before: number;
  readonly decided: NewEvent[];
}

/** When and on whose behalf a round decides. */
interface Deciding extends Minted {
  readonly now: string;
  readonly context: ActingContext;
}

interface Item {
  readonly index: number;
  readonly command: object;
  readonly id: string;
}

interface StreamWork {
  readonly stream: string;
  readonly decider: Decider<unknown, Folded>;
  readonly items: Item[];
}

/** Commands that the kernel takes on together. */
export interface KernelRound {
  readonly work: readonly Work[];
  readonly streams: readonly string[];
  /** Where the caller gave one. */
  readonly context?: ActingContext;
}

/** Sees a round through, such as one that traces it: it calls `run` once, and answers what that answers. */
export type Around = (round: KernelRound, run: () => Promise<WorkOutcome[]>) => Promise<WorkOutcome[]>;

export interface KernelParts {
  readonly log: EventLog;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly registry: EventRegistry;
  /** The context of the request that is being served, where the caller gives none. */
  readonly context?: () => ActingContext;
  /** Nothing is done around a round without it. */
  readonly around?: Around;
  /** Folded states kept in memory; default 20,000. */
  readonly cachedStreams?: number;
  /** Other processes append to the same log: what is kept in memory may be behind it; default false. */
  readonly othersRecord?: boolean;
}

/** Another process may win again and again; a caller hears of a conflict only when even waiting did not help. */
const MAX_ATTEMPTS = 50;
const LONGEST_WAIT_MS = 50;

/** For fewer streams than this each is simply read. */
const ASKED_TOGETHER = 8;
const NONE: ReadonlySet<string> = new Set();

/**
 * Load, decide, append: the one way into the log, for one command or a chunk of thousands. A chunk is grouped by
 * stream, decided in memory by the same deciders, appended in bulk with exact expected revisions, and only the streams
 * in conflict are loaded and decided again.
 */
export class Kernel {
  private readonly states: LRUCache<string, Folding>;
  private readonly queue = new StreamQueue();
  private readonly rules = new WeakMap<object, Map<unknown, Decider<unknown, Folded>['commands'][number]>>();

  private readonly minting: Minting;

  constructor(private readonly parts: KernelParts) {
    this.minting = new Minting(parts.registry, parts.vault);
    this.states = new LRUCache({ max: parts.cachedStreams ?? 20_000 });
  }

  /** Executes one command. @throws what `decide` refuses, and the errors of `EventLog.append` */
  async execute<S, E extends Folded>(
    decider: Decider<S, E>,
    command: object,
    options: ExecuteOptions = {},
  ): Promise<Executed<S>> {
    const [outcome] = await this.executeMany(
      [{ decider: decider as unknown as Decider<never, never>, command }],
      options,
    );
    if (!outcome!.ok) throw outcome!.error;
    return outcome!.done as Executed<S>;
  }

  /** Executes a chunk: one outcome per command, in order; a command that fails does not touch the others. */
  async executeMany(work: readonly Work[], options: ExecuteOptions = {}): Promise<WorkOutcome[]> {
    const outcomes: WorkOutcome[] = new Array<WorkOutcome>(work.length);
    const byStream = this.group(work, outcomes);
    const streams = [...byStream.keys()];
    const run = async () => {
      await this.queue.run(streams, () => this.settleAll([...byStream.values()], options, outcomes));
      return outcomes;
    };
    const { around } = this.parts;
    return around ? around({ work, streams, context: options.context }, run) : run();
  }

  private async settleAll(streams: StreamWork[], options: ExecuteOptions, outcomes: WorkOutcome[]): Promise<void> {
    let pending = streams;
    for (let attempt = 1; pending.length > 0; attempt++) {
      pending = await this.attempt(pending, options, outcomes, attempt >= MAX_ATTEMPTS);
      // Unequal waits, so that two processes do not meet again and again.
      if (pending.length > 0) await sleep(Math.random() * Math.min(LONGEST_WAIT_MS, 2 ** attempt));
    }
  }

  private group(work: readonly Work[], outcomes: WorkOutcome[]): Map<string, StreamWork> {
    const byStream = new Map<string, StreamWork>();
    work.forEach(({ decider, command }, index) => {
      try {
        const rule = this.rule(decider, command);
        if (!rule) throw commandUnknown(decider.name, command.constructor.name);
        const id = rule.id(command);
        const stream = decider.stream(id);
        let entry = byStream.get(stream);
        if (!entry)
          byStream.set(
            stream,
            (entry = { stream, decider: decider as unknown as Decider<unknown, Folded>, items: [] }),
          );
        entry.items.push({ index, command, id });
      } catch (error) {
        // What names no stream fails alone, like any other command that cannot be decided.
        outcomes[index] = failed(error as Error);
      }
    });
    return byStream;
  }

  /** One round over the given streams; returns those that met a conflict and have to be decided again. */
  private async attempt(
    round: StreamWork[],
    options: ExecuteOptions,
    outcomes: WorkOutcome[],
    last: boolean,
  ): Promise<StreamWork[]> {
    const plans: Plan[] = [];
    const stale: StreamWork[] = [];
    const absent = await this.absent(round);
    const now = this.parts.clock.now().toISOString();
    const context = options.context ?? this.parts.context?.() ?? { actor: { id: 'system' }, correlationId: newId() };
    const deciding = { ...options, now, context };
    for (const work of round) {
      // Most streams are at hand, and a promise for each costs as much as deciding.
      const isKept = this.states.has(work.stream);
      const folding = this.atHand(work, absent) ?? (await this.loaded(work, outcomes));
      if (!folding) continue;
      const before = folding.revision;
      const decided = this.decideAll(work, folding, deciding, outcomes);
      if (isKept && (await this.isOvertaken(work, before, outcomes))) stale.push(work);
      else if (decided.length > 0) plans.push({ work, folding, before, decided });
    }
    const sealed = await this.sealed(plans, outcomes);
    if (sealed.length === 0) return stale;
    const answers = await this.append(
      sealed.map(({ work, before, decided }) => ({
        stream: work.stream,
        expected: before < 0 ? 'none' : before,
        events: decided,
      })),
    );
    const conflicts: StreamWork[] = [];
    const oneByOne: StreamWork[] = [];
    sealed.forEach(({ work, folding }, i) => {
      const answer = answers[i]!;
      if (answer.ok) {
        folding.position = answer.appended.position;
        this.settle(work, folding, outcomes);
        return;
      }
      const { code, kind } = answer.error instanceof TouchstoneError ? answer.error : { code: '', kind: 'internal' };
      const ofOneEvent = kind === 'invalid' || code === 'DUPLICATE_EVENT_ID';
      if (code === 'WRONG_EXPECTED_REVISION' && !last) conflicts.push(work);
      else if (ofOneEvent && work.items.length > 1) oneByOne.push(work);
      else this.fail(work, code === 'DUPLICATE_EVENT_ID' ? idTaken(answer.error) : answer.error, outcomes);
    });
    // The log found fault with one event (too large, say): the others of its stream must not go down with it.
    for (const work of oneByOne) {
      for (const item of work.items) await this.settleAll([{ ...work, items: [item] }], options, outcomes);
    }
    return [...stale, ...conflicts];
  }

  /**
   * What a command appends is checked by the log; a refusal, or that nothing is left to do, rests on memory alone. Where
   * others record, it counts only if the stream still stands where memory has it; else it is read and decided anew.
   */
  private async isOvertaken(work: StreamWork, before: number, outcomes: WorkOutcome[]): Promise<boolean> {
    const { log, othersRecord = false } = this.parts;
    const restsOnMemory = work.items.some(({ index }) => {
      const outcome = outcomes[index]!;
      return !outcome.ok || outcome.done.events.length === 0;
    });
    if (!othersRecord || !restsOnMemory || !(await goesOn(log, work.stream, before))) return false;
    this.states.delete(work.stream);
    return true;
  }

  private fail(work: StreamWork, error: Error, outcomes: WorkOutcome[]): void {
    this.states.delete(work.stream);
    for (const item of work.items) outcomes[item.index] = failed(error);
  }

  private async append(requests: readonly AppendRequest[]) {
    try {
      return await this.parts.log.appendMany(requests);
    } catch (error) {
      // Nobody knows what was written: the next command on these streams must read them again.
      return requests.map(() => ({ ok: false as const, error: error as Error }));
    }
  }

  private decideAll(work: StreamWork, folding: Folding, deciding: Deciding, outcomes: WorkOutcome[]): NewEvent[] {
    const all: NewEvent[] = [];
    const { now, context } = deciding;
    for (const item of work.items) {
      try {
        const { expectedRevision } = item.command as ExpectsRevision;
        const unexpected = expectedRevision !== undefined && expectedRevision !== folding.revision;
        const rule = this.rule(work.decider, item.command)!;
        let decided: readonly DecidedEvent[];
        try {
          decided = rule.decide(item.command as never, folding.state, { now, actor: context.actor, newId });
        } catch (error) {
          // What refuses the command may just be what its sender has not seen yet.
          throw unexpected ? wrongRevision(work.stream, folding.revision, expectedRevision) : error;
        }
        // A repeat of what was done is no surprise, wherever the stream stands by now.
        if (unexpected && decided.length > 0) throw wrongRevision(work.stream, folding.revision, expectedRevision);
        const events = decided.map((event) => this.minting.stamp(event, now, context, deciding));
        for (const event of events) folding.state = work.decider.evolve(folding.state, folded(event));
        folding.revision += events.length;
        all.push(...events);
        outcomes[item.index] = { ok: true, done: this.executed(work.stream, item.id, folding, events) };
      } catch (error) {
        outcomes[item.index] = failed(error as Error);
      }
    }
    if (all.length === 0) this.settle(work, folding, outcomes);
    return all;
  }

  /** After the append: every command of the stream answers with its end, and the folded state is kept. */
  private settle(work: StreamWork, folding: Folding, outcomes: WorkOutcome[]): void {
    if (folding.revision >= 0) this.states.set(work.stream, folding);
    for (const { index, id } of work.items) {
      const outcome = outcomes[index]!;
      if (outcome.ok)
        outcomes[index] = { ok: true, done: this.executed(work.stream, id, folding, outcome.done.events) };
    }
  }

  private executed(stream: string, id: string, folding: Folding, events: readonly NewEvent[]): Executed {
    return { id, stream, revision: folding.revision, position: folding.position, events, state: folding.state };
  }

  /** Encrypts personal fields before anything reaches the log; a plan that cannot be sealed fails alone. */
  private async sealed(plans: Plan[], outcomes: WorkOutcome[]): Promise<Plan[]> {
    await this.minting.ensureKeys(plans.flatMap(({ decided }) => decided));
    return plans.filter(({ work, decided }) => {
      try {
        for (const event of decided) this.minting.seal(event);
        return true;
      } catch (error) {
        this.fail(work, error as Error, outcomes);
        return false;
      }
    });
  }

  /** The stream as it stands, for a handler that has to look before it decides. */
  async look<S, E extends Folded>(decider: Decider<S, E>, id: string): Promise<{ state: S; revision: number }> {
    const stream = decider.stream(id);
    const work = { stream, decider: decider as unknown as Decider<unknown, Folded>, items: [] };
    return this.queue.run([stream], async () => {
      const isKept = this.states.has(stream);
      const folding = await this.load(work);
      if (isKept && this.parts.othersRecord) await readOn(this.parts, work, folding);
      if (folding.revision >= 0) this.states.set(stream, folding);
      return { state: folding.state as S, revision: folding.revision };
    });
  }

  /**
   * Of many streams that are not in memory most may not be there yet, and one question answers for all of them. Should
   * one of them be begun before the append, that is a conflict like any other.
   */
  private async absent(round: readonly StreamWork[]): Promise<ReadonlySet<string>> {
    const { log } = this.parts;
    const unknown = round.length < ASKED_TOGETHER ? [] : round.filter(({ stream }) => !this.states.has(stream));
    if (!log.absent || unknown.length < ASKED_TOGETHER) return NONE;
    return log.absent(unknown.map(({ stream }) => stream)).catch(() => NONE);
  }

  /** Null: the stream cannot be read, and its commands have heard so; other streams are not concerned. */
  private async loaded(work: StreamWork, outcomes: WorkOutcome[]): Promise<Folding | null> {
    try {
      return await this.load(work);
    } catch (error) {
      this.fail(work, error as Error, outcomes);
      return null;
    }
  }

  /** Taken out while it is being changed: a failed append must not leave a state that the log does not have. */
  private atHand(work: StreamWork, absent = NONE): Folding | undefined {
    if (absent.has(work.stream)) return unbegun(work);
    const kept = this.states.get(work.stream);
    if (kept) this.states.delete(work.stream);
    return kept;
  }

  private async load(work: StreamWork): Promise<Folding> {
    return this.atHand(work) ?? readOn(this.parts, work, unbegun(work));
  }

  private rule(
    decider: Decider<never, never>,
    command: object,
  ): Decider<unknown, Folded>['commands'][number] | undefined;
  private rule(
    decider: Decider<unknown, Folded>,
    command: object,
  ): Decider<unknown, Folded>['commands'][number] | undefined;
  private rule(decider: object, command: object) {
    let rules = this.rules.get(decider);
    if (!rules) {
      rules = new Map((decider as Decider<unknown, Folded>).commands.map((rule) => [rule.command, rule]));
      this.rules.set(decider, rules);
    }
    return rules.get(command.constructor);
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const failed = (error: Error): WorkOutcome => ({ ok: false, error });

const commandUnknown = (decider: string, name: string): TouchstoneError =>
  new TouchstoneError('COMMAND_UNKNOWN', `${decider} has no command ${name}.`, 'internal');
