import type { InjectionToken, Provider } from '@nestjs/common';
import {
  clockAt,
  EventRegistry,
  Kernel,
  keysOf,
  openDataDirectory,
  openVault,
  systemClock,
  type Clock,
  type DataDirectory,
} from '@touchstone/eventing';
import { PackCatalogue, shippedPacks } from '@touchstone/packs';
import {
  CLOCK,
  CONFIG,
  currentContext,
  EVENT_LOG,
  LEADING,
  Metrics,
  Policies,
  READS,
  SHARED_STORE,
  VAULT,
  type Config,
  tracedKernel,
  tracedLog,
  type StructuredLogger,
  type TraceExport,
} from '@touchstone/platform';
import { belongTo, Leadership, Projections, type ReadPool, type RunnerState } from '@touchstone/readmodel';
import { events } from './composition.js';
import { identityOf, keepLogCard, openLogOf } from './log-of-directory.js';
import { observedReads } from './observed-reads.js';
import { startProjections, startReads } from './projections.js';
import { Readiness } from './readiness.js';
import { closeShared, measuredLeases, openShared, type Shared } from './shared.js';

/** Everything that outlives a request and has to be closed in order. */
export interface Foundation {
  readonly directory: DataDirectory;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  /** The same under the tokens that features ask for. */
  readonly providers: readonly Provider[];
  /** Projections, readers, log, keys, directory: each once what leans on it has gone. */
  close(): Promise<void>;
}

/** Closes in the opposite order of opening, all of them, and throws the first fault at the end. */
class Closing {
  private readonly steps: (() => Promise<void>)[] = [];

  add<T>(opened: T, close: (opened: T) => Promise<void>): T {
    this.steps.push(() => close(opened));
    return opened;
  }

  async run(): Promise<void> {
    const faults: unknown[] = [];
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      await step().catch((fault: unknown) => faults.push(fault));
    }
    if (faults.length > 0) throw faults[0] as Error;
  }
}

/**
 * Opens the data directory and all that is in it. What was opened before a failure is closed again.
 * @throws DATA_DIRECTORY_IN_USE, and what opening the log, the keys and the read models throws
 */
export async function openFoundation(
  config: Config,
  logger: StructuredLogger,
  clock = config.clockAt === undefined ? systemClock : clockAt(config.clockAt),
  traces: TraceExport | null = null,
): Promise<Foundation> {
  const closing = new Closing();
  try {
    return await open({ config, logger, clock, traces }, closing);
  } catch (error) {
    await closing.run().catch(() => undefined);
    throw error;
  }
}

interface Opening {
  readonly config: Config;
  readonly logger: StructuredLogger;
  readonly clock: Clock;
  readonly traces: TraceExport | null;
}

async function open({ config, logger, clock, traces }: Opening, closing: Closing): Promise<Foundation> {
  const directory = closing.add(await openDataDirectory(config.dataDir), (d) => d.release());
  const log = closing.add(await openLogOf(directory, config), (l) => l.close());
  const look = () => identityOf(log, config);
  // Before anything of another log is touched, or kept.
  const shared = closing.add(await openShared(config, look, logger), closeShared);
  const identity = await look();
  keepLogCard(directory, config, identity);
  const vault = closing.add(await openVault(keysOf(directory.path, config.readStoreUrl)), (v) => v.close());
  const tracing = traces?.tracing;
  const parts = { config, directory, log, clock, logger, tracing };
  const projections = closing.add(await startProjections(parts, shared), (p) => p.stop());
  const pool = closing.add(startReads(parts, projections), (r) => r.close());
  const policies = new Policies();
  const metrics = measuring({ projections, policies, reads: pool, traces, shared });
  const reads = observedReads(pool, { metrics, logger, tracing, slowMs: config.slowQueryMs });
  const measuredLog = metrics.observe(tracing ? tracedLog(log, tracing) : log);
  const registry = new EventRegistry(events);
  const around = tracing && tracedKernel(tracing);
  // Nobody knows who else appends to a log on a server.
  const othersRecord = config.eventLogUrl !== undefined;
  const kernel = new Kernel({
    log: measuredLog,
    vault,
    clock,
    registry,
    context: currentContext,
    around,
    othersRecord,
  });
  const packs = closing.add(new PackCatalogue(measuredLog, kernel), (p) => p.stop());
  await packs.start();
  await ship(packs, logger);
  // The first event of a new log is there by now.
  if (shared && !identity) await belongTo(shared.store, look);
  const readiness = new Readiness(() => projections.status(), log, config, { leadership: shared?.leadership });
  const providers = [
    given(CONFIG, { ...config, dataDir: directory.path }),
    given(CLOCK, clock),
    given(EVENT_LOG, measuredLog),
    given(VAULT, vault),
    given(READS, reads),
    given(Projections, projections),
    given(Leadership, shared?.leadership ?? null),
    given(LEADING, shared?.leadership ?? null),
    given(SHARED_STORE, shared?.store ?? null),
    given(EventRegistry, registry),
    given(Kernel, kernel),
    given(PackCatalogue, packs),
    given(Metrics, metrics),
    given(Policies, policies),
    given(Readiness, readiness),
  ];
  return { directory, metrics, readiness, providers, close: () => closing.run() };
}

async function ship(packs: PackCatalogue, logger: StructuredLogger): Promise<void> {
  for (const content of await shippedPacks()) {
    const { pack, inForce, leftOut } = await packs.ship(content);
    if (!inForce)
      logger.warn(`The pack ${pack} of your own stays in force instead of the shipped one; retire it to get that.`);
    if (leftOut.length > 0) {
      logger.warn(`Of the shipped pack ${pack}, other packs of your own have and keep: ${leftOut.join(', ')}.`);
    }
  }
}

interface Measured {
  readonly projections: Projections;
  readonly policies: Policies;
  readonly reads: ReadPool;
  readonly traces: TraceExport | null;
  readonly shared: Shared | null;
}

function measuring({ projections, policies, reads, traces, shared }: Measured): Metrics {
  const metrics = new Metrics();
  metrics.collectProcess();
  const status = async () => (await projections.status()).map((group) => ({ ...group, up: isUp(group.state) }));
  metrics.collectProjections(() => (shared ? status().catch(() => []) : status()));
  metrics.collectPolicies(() => policies.status());
  // A scrape says what can be said: what PostgreSQL does not tell now is left out.
  if (shared) metrics.collectLeases(() => measuredLeases(shared).catch(() => []));
  metrics.collectReads(() => reads.load);
  if (traces) metrics.collectTraces(() => traces.counts);
  return metrics;
}

const isUp = (state: RunnerState) => state === 'live' || state === 'catching-up';

const given = (provide: InjectionToken, useValue: unknown): Provider => ({ provide, useValue });

/** The tokens of a foundation with nothing behind them, for whoever only lays the modules out. */
export const emptyFoundation = (): readonly Provider[] =>
  [
    CONFIG,
    CLOCK,
    EVENT_LOG,
    VAULT,
    READS,
    Projections,
    Leadership,
    LEADING,
    SHARED_STORE,
    EventRegistry,
    Kernel,
    PackCatalogue,
    Metrics,
    Policies,
    Readiness,
  ].map((token) => given(token, {}));
