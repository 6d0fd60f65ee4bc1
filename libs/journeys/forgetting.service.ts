import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import {
  EventRegistry,
  FORGOTTEN,
  Kernel,
  type ActingContext,
  type Actor,
  type EventLog,
  type RecordedEvent,
  type Vault,
  type Work,
} from '@touchstone/eventing';
import { EVENT_LOG, READS, VAULT } from '@touchstone/platform';
import type { Reads } from '@touchstone/readmodel';
import { customerDecider, customerStream, customerSubject, ForgetCustomer, type Identifier } from './customer.js';
import { FactIntake } from './fact-intake.js';
import { isPhoneType, Mentions } from './forgetting-mentions.js';
import { CompleteForgetting, forgettingDecider } from './forgetting.js';
import { personQuery, type Person } from './forgetting.queries.js';
import { releaseKeysOf } from './forgetting-keys.js';
import { knownNow } from './forgetting-known.js';
import { forgettingOf, forgettingsIn, type Declared, type ForgettingRecord } from './forgetting-records.js';
import { journeySubject } from './journey.events.js';
import { namedSubject } from './object.events.js';

/** Where records that speak of people lie outside of the log, such as the quarantine. */
export interface TracePlace {
  /** Does something while nothing is on its way that could not be searched. @throws IMPORT_RUNNING */
  quietly<T>(work: () => Promise<T>): Promise<T>;
  /** Removes what speaks of the person. May be called again and again. */
  forget(person: Mentions): Promise<{ readonly quarantined: number; readonly imports: number }>;
}

export interface ForgetRequest {
  readonly customerId: string;
  readonly reason: string;
  readonly basis?: string;
}

/** Who acts when a forgetting that was cut short is finished by itself. */
export const FORGETTING: Actor = { id: 'forgetting', role: 'policy' };

/** For the read models to reach the head of the log, in ms. */
const PATIENCE_MS = 60_000;
/** Between two attempts to finish what was cut short, in ms; doubled up to the longest. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Forgets people: says so in the log, frees the keys that lead to them, removes what speaks of them outside of the log,
 * and destroys the keys that their data are sealed with. Everything before the last step can be done again, so a crash
 * at any point is made good at the next start, as are keys that a restore brought back.
 */
@Injectable()
export class Forgetting {
  private readonly logger = new Logger('Forgetting');
  private readonly places: TracePlace[] = [];
  private readonly stopping = new AbortController();
  private turn: Promise<unknown> = Promise.resolve();
  private finishing: Promise<unknown> = Promise.resolve();
  /** What was removed at the start for somebody whose forgetting was cut short, by customer. */
  private readonly removedEarly = new Map<string, Removed>();
  private readonly veiledEarly = new Map<string, () => void>();

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(VAULT) private readonly vault: Vault,
    @Inject(READS) private readonly reads: Reads,
    private readonly registry: EventRegistry,
    private readonly kernel: Kernel,
    private readonly intake: FactIntake,
  ) {}

  /** Whoever keeps records outside of the log says so before the server listens. */
  reaches(place: TracePlace): void {
    this.places.push(place);
  }

  /**
   * Forgets the person who this customer is, with everybody who was merged with them. Asked again, it answers the same.
   * @throws CUSTOMER_UNKNOWN, IMPORT_RUNNING, NOT_YET_PROJECTED, KEY_NOT_ERASED, QUARANTINE_NOT_ERASED: asking again goes
   *   on where it stopped
   */
  forget(request: ForgetRequest, context?: ActingContext): Promise<ForgettingRecord> {
    return this.inTurn(async () => {
      // From the word in the log on nobody reads anything of theirs, however long the rest takes.
      const veils: (() => void)[] = [];
      const { person, newly } = await this.declare(request, veils, context);
      const before = await this.record(request.customerId);
      if (before && !newly && this.isGone(person)) {
        for (const lift of veils) lift();
        return before;
      }
      // What is done once more is told with what was done first.
      const customerId = before?.customerId ?? request.customerId;
      await this.erase({ ...request, customerId }, person, context);
      // Their keys are destroyed: nothing is left to be veiled.
      for (const lift of veils) lift();
      return (await this.record(customerId))!;
    });
  }

  /**
   * What was done when the customer was forgotten; null: they were not, or it is not finished. It may have been asked for
   * by any customer who was once merged with them.
   */
  async record(customerId: string): Promise<ForgettingRecord | null> {
    const own = await forgettingOf(this.log, this.registry, customerId);
    if (own) return own;
    const { result } = await this.reads.run(personQuery, { customerId }, { signal: this.stopping.signal });
    for (const other of result?.kin ?? []) {
      const found = await forgettingOf(this.log, this.registry, other);
      if (found?.customers.includes(customerId)) return found;
    }
    return null;
  }

  /** Nothing leads to them any more, and nothing of theirs can be read. */
  private isGone({ keys, ...whose }: Person): boolean {
    return !keys.some(({ held }) => held) && subjectsOf(whose).every(this.isDestroyed);
  }

  private readonly isDestroyed = (subject: string): boolean => this.vault.isForgotten(subject);

  /** Before the server listens: keys that are destroyed by the log, and came back with an older `keys.db`, go again. */
  async onApplicationBootstrap(): Promise<void> {
    const { declared, completed } = await forgettingsIn(this.log, this.registry);
    for (const record of completed) {
      if (subjectsOf(record).every(this.isDestroyed)) continue;
      const message = `Keys of ${record.customers.join(', ')} came back with a restore; they are destroyed again.`;
      this.logger.warn(message, { event: 'KEYS_CAME_BACK' });
      await this.inTurn(() => this.eraseAgain(record));
    }
    const done = new Set(completed.flatMap(({ customers }) => customers));
    const undone = declared.filter(({ customerId }) => !done.has(customerId));
    await this.hide(undone);
    this.finishing = this.finish(undone);
  }

  /**
   * Before the server listens: what a crash left readable of people who are forgotten by the log is veiled and removed,
   * as far as it is known by then. Their keys are destroyed once the read models know all that is theirs (`finish`).
   */
  private async hide(undone: readonly Declared[]): Promise<void> {
    const { log, reads } = this;
    for (const { customerId } of undone) {
      const { customers, journeys, perhaps, objects, hashes } = await knownNow({ log, reads, signal: this.stopping.signal }, [customerId]); // prettier-ignore
      const theirs = { customers: [...customers], journeys: [...journeys, ...perhaps], objects: [...objects] };
      this.veiledEarly.set(customerId, this.vault.veil(subjectsOf(theirs)));
      try {
        const removed = await this.inTurn(() => this.removeTraces([...customers], [...journeys], [...hashes]));
        this.removedEarly.set(customerId, removed);
      } catch (error) {
        this.unfinished(customerId, error);
      }
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.finishing;
    await this.turn;
  }

  /** Says of everybody who is this person that they are forgotten; merges that come in between count too. */
  private async declare(
    { customerId, reason, basis }: ForgetRequest,
    veils: (() => void)[],
    context?: ActingContext,
  ): Promise<{ person: Person; newly: boolean }> {
    const known = new Set<string>();
    let newly = false;
    for (;;) {
      const person = await this.personNow(customerId);
      const more = person.customers.filter((id) => !known.has(id));
      if (more.length === 0) return { person, newly };
      const commands = more.map((id) => new ForgetCustomer({ customerId: id, reason, basis }));
      newly = (await this.execute(customerDecider, commands, context)) || newly;
      veils.push(this.vault.veil(subjectsOf(person)));
      for (const id of more) known.add(id);
    }
  }

  private async personNow(customerId: string): Promise<Person> {
    const { signal } = this.stopping;
    const atLeast = await this.log.head();
    const { result } = await this.reads.run(personQuery, { customerId }, { atLeast, timeoutMs: PATIENCE_MS, signal });
    // Of somebody unknown the decision will say so.
    return result ?? { customers: [customerId], kin: [], journeys: [], objects: [], keys: [] };
  }

  private async erase({ customerId, reason }: ForgetRequest, known: Person, context?: ActingContext): Promise<void> {
    const removed: Removed = this.removedEarly.get(customerId) ?? { quarantined: 0, imports: 0 };
    let person = known;
    let destroyed: readonly string[];
    do {
      const { customers, journeys, keys } = person;
      const hashes = keys.map(({ hash }) => hash);
      await releaseKeysOf(this.kernel, { customers, hashes, reason }, context);
      this.intake.letGoOf(customers);
      const { quarantined, imports } = await this.removeTraces(customers, journeys, hashes);
      removed.quarantined += quarantined;
      removed.imports += imports;
      // The last step: until now all that speaks of them can be found again.
      destroyed = await this.vault.destroy(subjectsOf(person));
      // A fact that was on its way may have opened a journey of theirs, whose key nobody would destroy.
      person = await this.personNow(customerId);
    } while (!this.isGone(person));
    const { customers, journeys, objects, keys } = person;
    const done = new CompleteForgetting({
      customerId,
      customers,
      journeys,
      objects,
      keysDestroyed: destroyed.length,
      keysReleased: keys.length,
      quarantineRemoved: removed.quarantined,
      importsRemoved: removed.imports,
    });
    await this.execute(forgettingDecider, [done], context);
    this.removedEarly.delete(customerId);
  }

  /** As the log tells it, without the read models: they may still have to be built after a restore. */
  private async eraseAgain(record: ForgettingRecord): Promise<void> {
    const { customers, journeys, objects, keysReleased } = record;
    const removed = await this.removeTraces(customers, journeys, []);
    const destroyed = await this.vault.destroy(subjectsOf(record));
    const done = new CompleteForgetting({
      customerId: record.customerId,
      customers,
      journeys,
      objects,
      keysDestroyed: destroyed.length,
      keysReleased,
      quarantineRemoved: removed.quarantined,
      importsRemoved: removed.imports,
    });
    await this.execute(forgettingDecider, [done], ownContext(record.correlationId));
  }

  private async removeTraces(customers: readonly string[], journeys: readonly string[], hashes: readonly string[]) {
    const names: string[] = [];
    const phones: string[] = [];
    const identifiers: Identifier[] = [];
    for (const id of customers) {
      for await (const event of this.log.readStream(customerStream(id))) {
        const opened = this.opened(event);
        if (opened.name !== undefined) names.push(opened.name);
        if (opened.phone !== undefined) phones.push(opened.phone);
        identifiers.push(...(opened.identifiers ?? []));
      }
    }
    for (const { type, value } of identifiers) (isPhoneType(type) ? phones : names).push(value);
    const own = identifiers.map(({ type, value }) => this.vault.lookupHash(type, value));
    const by = { texts: names, phones, hashes: [...hashes, ...own], ids: [...customers, ...journeys] };
    const mentions = new Mentions(by, (type, value) => this.vault.lookupHash(type, value));
    const removed = { quarantined: 0, imports: 0 };
    for (const place of this.places) {
      const { quarantined, imports } = await place.forget(mentions);
      removed.quarantined += quarantined;
      removed.imports += imports;
    }
    return removed;
  }

  /** The personal fields of a customer's event that can still be read. */
  private opened(recorded: RecordedEvent): { name?: string; phone?: string; identifiers?: Identifier[] } {
    const { type, id, data, metadata } = this.registry.read(recorded);
    const fields = this.registry.definition(type).personalFields.flatMap((field) => {
      const sealed = (data as Record<string, unknown>)[field];
      if (typeof sealed !== 'string') return [];
      const value = this.vault.openVeiled(metadata.subject!, id, field, sealed);
      return value === FORGOTTEN ? [] : [[field, value] as const];
    });
    return Object.fromEntries(fields);
  }

  /** Whether anything was recorded. */
  private async execute(decider: object, commands: readonly object[], context?: ActingContext): Promise<boolean> {
    const work = commands.map((command): Work => ({ decider: decider as Work['decider'], command }));
    let newly = false;
    for (const outcome of await this.kernel.executeMany(work, { context })) {
      if (!outcome.ok) throw outcome.error;
      newly ||= outcome.done.events.length > 0;
    }
    return newly;
  }

  /** What a crash left undone, once the read models have come as far as the log; tried until it is done. */
  private async finish(undone: readonly { request: ForgetRequest; correlationId: string }[]): Promise<void> {
    for (const { request, correlationId } of undone) {
      for (let pause = FIRST_PAUSE_MS; !this.stopping.signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
        try {
          // Not in turn: imports need not wait for read models that are being built.
          await this.personNow(request.customerId);
          await this.forget(request, ownContext(correlationId));
          // What only seemed to be theirs can be read again.
          this.veiledEarly.get(request.customerId)?.();
          break;
        } catch (error) {
          this.unfinished(request.customerId, error);
          await sleep(pause, undefined, { signal: this.stopping.signal }).catch(() => undefined);
        }
      }
    }
  }

  private unfinished(customerId: string, error: unknown): void {
    const { message } = error as Error;
    this.logger.warn(`The forgetting of ${customerId} is not finished yet: ${message}`, { event: 'FORGETTING_UNFINISHED' }); // prettier-ignore
  }

  /** One person at a time, and nothing on its way meanwhile that could not be searched. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const quiet = this.places.reduce<() => Promise<T>>((inner, place) => () => place.quietly(inner), work);
    const done = this.turn.then(quiet);
    this.turn = done.catch(() => undefined);
    return done;
  }
}

interface Removed {
  quarantined: number;
  imports: number;
}

const subjectsOf = ({
  customers,
  journeys,
  objects,
}: Pick<ForgettingRecord, 'customers' | 'journeys' | 'objects'>): string[] => [
  ...journeys.map(journeySubject),
  ...objects.map(namedSubject),
  ...customers.map(customerSubject),
];

const ownContext = (correlationId: string): ActingContext => ({ actor: FORGETTING, correlationId });
