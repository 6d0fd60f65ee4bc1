/** One look at a run: memory in MB. */
export interface MemorySample {
  readonly seconds: number;
  readonly events: number;
  readonly rss: number;
  readonly heap: number;
  readonly elsewhere: number;
  readonly wal: number;
}

export type MemoryMinute = Omit<MemorySample, 'seconds'> & { readonly minute: number };

export function memoryReport(samples: readonly MemorySample[]): {
  readonly thirds: Readonly<Record<'rss' | 'heap' | 'elsewhere', readonly number[]>>;
  readonly perMillion: number;
  readonly byMinute: readonly MemoryMinute[];
  readonly fault: string | null;
};
