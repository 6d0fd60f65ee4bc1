/** For tests of correlation: a small company of its own, ways into its log, and what is seen of it by natural keys. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  clockAt,
  EventRegistry,
  Kernel,
  openSqliteLog,
  openVault,
  type RecordedEvent,
  type EventLog,
} from '@touchstone/eventing';
import { PackCatalogue, packEvents, type CorrelationRule } from '@touchstone/packs';
import { FactIntake } from './fact-intake.js';
import { journeyEvents } from './read.js';
import type { UnplacedFact } from './touchpoint-fact.js';

type Vault = Awaited<ReturnType<typeof openVault>>;

const traits = { closes: false, contact: true, customerVisible: true };

/** A log, its keys and the rules that are in force. */
export class Company {
  private constructor(
    readonly directory: string,
    readonly log: EventLog,
    readonly vault: Vault,
    readonly packs: PackCatalogue,
  ) {}

  static async open(rules: readonly CorrelationRule[], given?: EventLog): Promise<Company> {
    const directory = mkdtempSync(join(tmpdir(), 'touchstone-correlation-'));
    const vault = await openVault({ file: join(directory, 'keys.db') });
    const log = given ?? (await openSqliteLog({ file: join(directory, 'log.db') }));
    const packs = new PackCatalogue(log, kernelOn(log, vault));
    await packs.start();
    const company = new Company(directory, log, vault, packs);
    await company.publish(rules);
    return company;
  }

  async publish(rules: readonly CorrelationRule[]): Promise<void> {
    const kinds = ['call', 'work', 'done'].map((id) => ({
      id,
      names: { en: id },
      traits: { ...traits, closes: id === 'done', contact: id === 'call' },
    }));
    await this.packs.publish({ pack: 'p', names: { en: 'P' }, kinds, correlation: rules });
  }

  /** A way in of its own: another process has another kernel, and so has each call of this. */
  writer(more: ConstructorParameters<typeof FactIntake>[3] = {}): FactIntake {
    return new FactIntake(this.kernel(), this.vault, this.packs, more);
  }

  kernel(): Kernel {
    return kernelOn(this.log, this.vault);
  }

  async events(streams: string[] = []): Promise<RecordedEvent[]> {
    const found: RecordedEvent[] = [];
    for await (const page of this.log.readAll(streams.length > 0 ? { streams } : {})) found.push(...page);
    return found;
  }

  async close(): Promise<void> {
    await this.packs.stop();
    await this.log.close();
    await this.vault.close();
    rmSync(this.directory, { recursive: true });
  }
}

const kernelOn = (log: EventLog, vault: Vault): Kernel =>
  new Kernel({
    log,
    vault,
    registry: new EventRegistry([...journeyEvents, ...packEvents] as never),
    clock: clockAt('2024-06-01T08:00:00Z'),
  });

/** A fact at an hour of May 2024. */
export function factAt(id: string, hour: number, more: Partial<UnplacedFact> = {}): UnplacedFact {
  return {
    factId: id,
    kind: 'call',
    occurredAt: new Date(Date.parse('2024-05-01T00:00:00Z') + hour * 3_600_000).toISOString(),
    source: { system: 'test', recordId: id },
    ...more,
  };
}

/** The facts of each journey, those that were merged together; facts and journeys sorted. By the log alone. */
export function factsByJourney(events: readonly RecordedEvent[]): string[][] {
  const into = new Map<string, string>();
  const facts = new Map<string, Set<string>>();
  for (const { stream, type, data } of events) {
    const journey = stream.slice('journey-'.length);
    const { survivorId, factId } = data as { survivorId?: string; factId?: string };
    if (type === 'JourneysMerged') into.set(journey, survivorId!);
    if (type === 'JourneysUnmerged') into.delete(journey);
    if (type !== 'TouchpointRecorded') continue;
    facts.set(journey, (facts.get(journey) ?? new Set()).add(factId!));
  }
  // Writers that do not know of each other may close a circle: its smallest id stands for it.
  const rootOf = (journey: string, way: readonly string[] = []): string => {
    const at = way.indexOf(journey);
    if (at !== -1) return [...way.slice(at)].sort()[0]!;
    return into.has(journey) ? rootOf(into.get(journey)!, [...way, journey]) : journey;
  };
  const wholes = new Map<string, string[]>();
  for (const [journey, own] of facts) {
    const root = rootOf(journey);
    wholes.set(root, [...(wholes.get(root) ?? []), ...own].sort());
  }
  return [...wholes.values()].sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
}
