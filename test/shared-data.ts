import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('../../shared/data/', import.meta.url));

/** Real logs that are not part of the project. Where they are missing, tests that need them skip and say so. */
export const realData = {
  present: existsSync(`${directory}golden.json`),
  file: (name: string) => directory + name,
  golden: () => JSON.parse(readFileSync(`${directory}golden.json`, 'utf8')) as Record<string, GoldenEntry>,
};

/** `describe`, or a skipped one that says why. */
export const describeOnRealData = (name: string, body: () => void): void =>
  realData.present ? describe(name, body) : describe.skip(`${name} (skipped: no real logs in ../shared/data)`, body);

/** Figures of a log that two other programs agreed on. */
export interface GoldenEntry {
  readonly cases: number;
  readonly events: number;
  readonly activities: number;
  readonly variants: number;
  readonly topVariantCases: number;
  readonly dfgEdges: number;
  readonly dfgTransitions: number;
  readonly reworkCases: number;
  readonly selfLoops: number;
  readonly handovers: number;
  readonly pingPongCases: number;
  /** Only where an activity says that a case is completed. */
  readonly casesReopenedAfterCompleted?: number;
  readonly caseHoursP50: number;
  readonly caseHoursP90: number;
  readonly startActivities: Readonly<Record<string, number>>;
  readonly endActivities: Readonly<Record<string, number>>;
  readonly edges: readonly {
    source: string;
    target: string;
    count: number;
    p50Hours: number;
    p90Hours: number;
    p99Hours: number;
  }[];
}
