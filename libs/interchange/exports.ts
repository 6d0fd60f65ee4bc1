import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { newId, TouchstoneError } from '@touchstone/eventing';
import { reportOf } from '@touchstone/platform';
import { UUID } from './xes-own.js';
import type { ExportReport } from './export-report.js';

/** Exports at a time; each keeps a reader thread busy while its client reads. */
const MOST_RUNNING = 4;
/** Reports that are kept of exports that have ended. */
const KEPT = 200;

/** An export that runs: it says how far it is, and ends when the client goes away or the server stops. */
export interface RunningExport {
  readonly id: string;
  readonly signal: AbortSignal;
  /** What is to be told of it now. */
  tell(report: Omit<ExportReport, 'id' | 'status'>): void;
}

/** The exports of this process, and what became of the last ones. */
export class Exports {
  private readonly reports = new LRUCache<string, ExportReport>({ max: KEPT });
  private readonly running = new Map<string, AbortController>();

  /** @param directory for what does not fit in memory; what a killed process left there goes at the start */
  constructor(private readonly directory: string) {}

  async onModuleInit(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  /** A directory for one export, which removes it. */
  scratch(id: string): string {
    return join(this.directory, id);
  }

  /** @param id the client's own name for it, a UUID; else one is made. @throws EXPORTS_BUSY, EXPORT_ID_INVALID */
  begin(id: string = newId()): RunningExport {
    if (!UUID.test(id) || this.running.has(id) || this.reports.has(id)) {
      throw new TouchstoneError('EXPORT_ID_INVALID', 'Give an id that no export has had: a new UUID.', 'invalid');
    }
    if (this.running.size >= MOST_RUNNING) {
      const message = `${MOST_RUNNING} exports run already: try again when one has ended.`;
      throw new TouchstoneError('EXPORTS_BUSY', message, 'busy');
    }
    const abort = new AbortController();
    this.running.set(id, abort);
    return {
      id,
      signal: abort.signal,
      tell: (report) => this.reports.set(id, { id, status: 'running', ...report }),
    };
  }

  /** Ends it: `done`, or with the error that broke it off. */
  end(id: string, error?: unknown): void {
    const abort = this.running.get(id);
    if (!abort) return;
    this.running.delete(id);
    const report = this.reports.get(id);
    if (!report) return;
    if (error === undefined) this.reports.set(id, { ...report, status: 'done' });
    else if (abort.signal.aborted) this.reports.set(id, { ...report, status: 'cancelled' });
    else {
      const { code, message } = reportOf(error, () => undefined);
      this.reports.set(id, { ...report, status: 'failed', error: { code, message } });
    }
  }

  /** The client has gone. */
  cancel(id: string): void {
    this.running.get(id)?.abort();
  }

  /** @throws EXPORT_UNKNOWN */
  report(id: string): ExportReport {
    const report = this.reports.get(id);
    if (report) return report;
    const message = `No export ${id} is known here: the reports of the last ${KEPT} are kept until the server stops.`;
    throw new TouchstoneError('EXPORT_UNKNOWN', message, 'notFound');
  }

  beforeApplicationShutdown(): void {
    for (const abort of this.running.values()) abort.abort();
  }
}
