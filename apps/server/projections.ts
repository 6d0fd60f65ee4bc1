import { portsOf, type Clock, type DataDirectory, type LogForThread, type SharedLog } from '@touchstone/eventing';
import type { Config, StructuredLogger, Tracing } from '@touchstone/platform';
import { ProjectorHost, ReadPool } from '@touchstone/readmodel';
import { groupNames } from './composition.js';

/** What a projector thread is given to open the log for itself. */
export interface ProjectorData {
  readonly log: LogForThread;
  /** In which days begin and end. */
  readonly timeZone: string;
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

/** Starts the thread that keeps the read models up to the log. */
export function startProjections({ config, directory, log, logger, tracing }: Parts): Promise<ProjectorHost> {
  return ProjectorHost.start({
    worker: entry('projector.worker'),
    directory: directory.file('read'),
    groups: groupNames,
    data: () => {
      const given = log.forThread();
      return { data: { log: given, timeZone: config.timeZone } satisfies ProjectorData, transfer: portsOf(given) };
    },
    onDeath: (error) => logger.error(error, { event: error.code }, 'Projections'),
    ...(tracing && { onBatch: (batch) => tracing.projected(batch) }),
  });
}

/** Starts the threads that answer queries. */
export function startReads({ config, directory, log, clock }: Parts, projections: ProjectorHost): ReadPool {
  return new ReadPool({
    worker: entry('reader.worker'),
    directory: directory.file('read'),
    log,
    waitFor: (group, position, options) => projections.waitFor(group, position, options),
    now: () => clock.now().toISOString(),
    threads: config.readWorkers,
    memoryBytes: config.readMemoryMb * 1e6,
  });
}
