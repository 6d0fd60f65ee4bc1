import type { Loads } from '@touchstone/journeys';
import { TouchstoneError } from '@touchstone/eventing';
import type { FileReading } from './file-reading.js';
import type { FileImporter } from './import-job.js';
import type { ImportOptions, ImportResult, ImportSource } from './import-types.js';
import type { Quarantine, Recognises } from './quarantine.js';

/** How often what has expired is removed, in ms. */
const UPKEEP_MS = 6 * 3_600_000;

/** The imports of this process, so that a stop can wait for them, and the upkeep of what they leave behind. */
export class RunningImports {
  private readonly stopping = new AbortController();
  private readonly running = new Set<Promise<unknown>>();
  private readonly intakes = new Set<Promise<unknown>>();
  private readonly imports = new Set<Promise<unknown>>();
  /** No import begins before this has ended. */
  private quiet: Promise<unknown> = Promise.resolve();
  private upkeep: NodeJS.Timeout | undefined;

  constructor(
    private readonly importer: FileImporter,
    private readonly quarantine: Quarantine,
    private readonly loads: Pick<Loads, 'begin'>,
  ) {}

  async onModuleInit(): Promise<void> {
    const tidy = () => Promise.all([this.importer.sweep(), this.quarantine.purge()]);
    await tidy();
    this.upkeep = setInterval(() => void this.tracked(tidy()).catch(() => undefined), UPKEEP_MS).unref();
  }

  /** As `FileImporter.run`; a stop of the process cancels it at the next safe point. */
  run(source: ImportSource, reading: FileReading, options: ImportOptions = {}): Promise<ImportResult> {
    return tracked(this.imports, this.tracked(this.loading(source, reading, options)));
  }

  private async loading(source: ImportSource, reading: FileReading, options: ImportOptions): Promise<ImportResult> {
    await this.quiet;
    const { signal } = this.stopping;
    let ended: (() => void) | undefined;
    const beforeAppend = async () => {
      ended ??= await this.loads.begin();
    };
    try {
      return await this.importer.run(source, reading, {
        ...options,
        beforeAppend,
        signal: options.signal ? AbortSignal.any([signal, options.signal]) : signal,
      });
    } finally {
      ended?.();
    }
  }

  /**
   * Does something while no import runs; those that come meanwhile wait.
   * @throws IMPORT_RUNNING: what it has read and not yet appended could not be searched
   */
  async quietly<T>(work: () => Promise<T>): Promise<T> {
    if (this.imports.size > 0) throw importRunning();
    const done = this.during(work());
    this.quiet = done.catch(() => undefined);
    return await done;
  }

  /** Removes what lies here about somebody: records in quarantine, interrupted imports. Call it within `quietly`. */
  async forget(person: Recognises): Promise<{ quarantined: number; imports: number }> {
    return { quarantined: await this.quarantine.forget(person), imports: await this.importer.forget(person) };
  }

  /** Work of a request, which may outlive its connection: the quarantine stays open until it has ended. */
  during<T>(intake: Promise<T>): Promise<T> {
    return tracked(this.intakes, intake);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.upkeep);
    this.stopping.abort();
    await Promise.allSettled(this.running);
  }

  /** After the last connection. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.allSettled(this.intakes);
    this.quarantine.close();
  }

  private tracked<T>(work: Promise<T>): Promise<T> {
    return tracked(this.running, work);
  }
}

async function tracked<T>(among: Set<Promise<unknown>>, work: Promise<T>): Promise<T> {
  among.add(work);
  try {
    return await work;
  } finally {
    among.delete(work);
  }
}

const importRunning = (): TouchstoneError =>
  new TouchstoneError(
    'IMPORT_RUNNING',
    'An import is running, and what it has in hand cannot be searched: try again when it is done.',
    'conflict',
  );
