import { portsOf, type Clock, type DataDirectory, type LogForThread, type SharedLog } from '@touchstone/eventing';
import type { Config, StructuredLogger, Tracing } from '@touchstone/platform';
import {
  leaseOfGroup,
  ProjectorHost,
  PublishedProjections,
  ReadPool,
  SharedProjections,
  underLease,
  type Campaign,
  type Projections,
  type Term,
} from '@touchstone/readmodel';
import { groupNames } from './composition.js';
import type { Shared } from './shared.js';

/** What a projector thread is given to open the log for itself. */
export interface ProjectorData {
  readonly log: LogForThread;
  /** In which days begin and end. */
  readonly timeZone: string;
  /** Names of the groups to project. */
  readonly groups: readonly string[];
}

interface Parts {
  readonly config: Config;
  readonly directory: DataDirectory;
  readonly log: SharedLog;
  readonly clock: Clock;
  readonly logger: StructuredLogger;
  readonly tracing?: Tracing;
}

/** Threads run compiled code, also when this file itself is run from its source. */
const entry = (name: string) =>
  new URL(import.meta.url.endsWith('.ts') ? `./dist/${name}.js` : `./${name}.js`, import.meta.url);

/** Starts the thread that keeps read models up to the log. */
function startHost(
  { config, directory, log, logger, tracing }: Parts,
  groups: readonly string[],
  term?: Term,
): Promise<ProjectorHost> {
  const { readStoreUrl: url } = config;
  return ProjectorHost.start({
    worker: entry('projector.worker'),
    directory: url === undefined ? directory.file('read') : term ? underLease(url, term) : url,
    groups,
    data: () => {
      const given = log.forThread();
      const data: ProjectorData = { log: given, timeZone: config.timeZone, groups };
      return { data, transfer: portsOf(given) };
    },
    onDeath: (error) => logger.error(error, { event: error.code }, 'Projections'),
    ...(tracing && { onBatch: (batch) => tracing.projected(batch) }),
  });
}

/**
 * The read models of this process: kept up by a thread of it where it is alone; else by the process that has the lease of
 * each group, and known here by what that one publishes.
 */
export async function startProjections(parts: Parts, shared: Shared | null): Promise<Projections> {
  if (!shared) return startHost(parts, groupNames);
  const { store, news, leadership } = shared;
  const projections = await SharedProjections.start({ store, news, groups: groupNames });
  if (!parts.config.roles.includes('projector')) return projections;
  const campaigns = groupNames.map((group) =>
    leadership.lead(leaseOfGroup(group), (term) => keepUp(parts, shared, group, term)),
  );
  return ending(projections, campaigns);
}

/** For one term of a group's lease. */
async function keepUp(parts: Parts, { store, news }: Shared, group: string, term: Term): Promise<void> {
  const host = await startHost(parts, [group], term);
  try {
    await new PublishedProjections({ store, news, host, group, term }).run();
  } finally {
    await host.stop();
  }
}

/** Stopped with what keeps them up here. */
function ending(projections: SharedProjections, campaigns: readonly Campaign[]): Projections {
  const stop = projections.stop.bind(projections);
  projections.stop = async () => {
    await Promise.all(campaigns.map((campaign) => campaign.stop()));
    await stop();
  };
  return projections;
}

/** Starts the threads that answer queries. */
export function startReads({ config, directory, log, clock }: Parts, projections: Projections): ReadPool {
  return new ReadPool({
    worker: entry('reader.worker'),
    directory: config.readStoreUrl ?? directory.file('read'),
    log,
    waitFor: (group, position, options) => projections.waitFor(group, position, options),
    now: () => clock.now().toISOString(),
    threads: config.readWorkers,
    memoryBytes: config.readMemoryMb * 1e6,
  });
}
