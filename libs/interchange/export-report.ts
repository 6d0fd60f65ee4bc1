import type { AsOf } from '@touchstone/readmodel';
import { LossReport, type Loss } from './loss-report.js';

/** How far an export has come, or what became of it. */
export interface ExportReport {
  readonly id: string;
  readonly format: 'xes' | 'ocel-json' | 'ocel-sqlite';
  readonly status: 'running' | 'done' | 'failed' | 'cancelled';
  /** What was known there is in the file; null until the first page was read. */
  readonly asOf: AsOf | null;
  readonly journeys: number;
  readonly touchpoints: number;
  /** Of OCEL: distinct events and objects. */
  readonly events?: number;
  readonly objects?: number;
  /** Everything that the file does not hold as it is here. */
  readonly losses: readonly Loss[];
  readonly warnings: readonly string[];
  /** Why it failed. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** Counts what an export has written and what it could not. */
export class ExportTally {
  readonly report = new LossReport();
  asOf: AsOf | null = null;
  journeys = 0;
  touchpoints = 0;
  private readonly kinds = new Set<string>();

  /** What every page of an export tells. */
  add(page: {
    readonly journeys: number;
    readonly touchpoints: number;
    readonly kinds: readonly string[];
    readonly besides: Readonly<Record<string, number>>;
    readonly losses?: readonly Loss[];
  }): void {
    this.journeys += page.journeys;
    this.touchpoints += page.touchpoints;
    for (const kind of page.kinds) this.kinds.add(kind);
    for (const [form, count] of Object.entries(page.besides)) this.report.add('entry', form, count);
    this.report.addAll(page.losses ?? []);
  }

  /** What packs say of kinds (names in other languages, traits) is in no file. */
  losses(): Loss[] {
    const losses = this.report.losses();
    if (this.kinds.size === 0) return losses;
    return [...losses, { what: 'kind', name: 'traits and names', count: this.kinds.size }];
  }
}
