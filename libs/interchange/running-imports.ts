import type { XesImporter } from './import-job.js';
import type { ImportOptions, ImportResult, ImportSource } from './import-types.js';
import type { Quarantine } from './quarantine.js';
import type { XesMappingOptions } from './xes-options.js';

/** How often what has expired is removed, in ms. */
const UPKEEP_MS = 6 * 3_600_000;

/** The imports of this process, so that a stop can wait for them, and the upkeep of what they leave behind. */
export class RunningImports {
  private readonly stopping = new AbortController();
  private readonly running = new Set<Promise<unknown>>();
  private readonly intakes = new Set<Promise<unknown>>();
  private upkeep: NodeJS.Timeout | undefined;

  constructor(
    private readonly importer: XesImporter,
    private readonly quarantine: Quarantine,
  ) {}

  async onModuleInit(): Promise<void> {
    const tidy = () => Promise.all([this.importer.sweep(), this.quarantine.purge()]);
    await tidy();
    this.upkeep = setInterval(() => void this.tracked(tidy()).catch(() => undefined), UPKEEP_MS).unref();
  }

  /** As `XesImporter.run`; a stop of the process cancels it at the next safe point. */
  run(source: ImportSource, mapping: XesMappingOptions, options: ImportOptions = {}): Promise<ImportResult> {
    const { signal } = this.stopping;
    return this.tracked(
      this.importer.run(source, mapping, {
        ...options,
        signal: options.signal ? AbortSignal.any([signal, options.signal]) : signal,
      }),
    );
  }

  /** Work of a request, which may outlive its connection: the quarantine stays open until it has ended. */
  async during<T>(intake: Promise<T>): Promise<T> {
    this.intakes.add(intake);
    try {
      return await intake;
    } finally {
      this.intakes.delete(intake);
    }
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

  private async tracked<T>(work: Promise<T>): Promise<T> {
    this.running.add(work);
    try {
      return await work;
    } finally {
      this.running.delete(work);
    }
  }
}
