import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { FrameReader, FrameWriter, type FramePlace, type Sealer } from './sealed-frames.js';

/** Records sorted in memory at a time, and read back at a time from each run. */
const RUN = 20_000;
const BLOCK = 200;
/** The same for records of any size, in what `weigh` counts: what is reached first ends a run, or a block. */
const RUN_WEIGHT = 16_000_000;
const BLOCK_WEIGHT = 200_000;

/** Where runs are kept: a file of this name in the directory, encrypted under the subject. */
export interface RunsPlace {
  readonly directory: string;
  readonly name: string;
  readonly sealer: Sealer;
  readonly subject: string;
}

interface Run {
  readonly places: readonly FramePlace[];
  next: number;
  block: readonly unknown[];
  at: number;
}

/**
 * Sorts more records than fit in memory: runs of 20,000, or fewer of large ones, are sorted and written, then merged.
 * The order given is a total one, so that the same records always come out the same.
 */
export class SortedRuns<T> {
  private pending: T[] = [];
  private readonly runs: FramePlace[][] = [];
  private writer: FrameWriter | undefined;
  private readonly path: string;
  private weight = 0;

  constructor(
    private readonly place: RunsPlace,
    private readonly compare: (a: T, b: T) => number,
    private readonly runLength = RUN,
    /** Roughly the characters of a record; without it all count as small. */
    private readonly weigh: (record: T) => number = () => 0,
  ) {
    this.path = join(place.directory, place.name);
  }

  async add(record: T): Promise<void> {
    this.pending.push(record);
    this.weight += this.weigh(record);
    if (this.pending.length >= this.runLength || this.weight >= RUN_WEIGHT) await this.flush();
  }

  /** All records in order; ends what was written. Call it once. */
  async *merged(): AsyncGenerator<T> {
    await this.flush();
    if (!this.writer) return;
    await this.writer.finish();
    this.writer = undefined;
    const { name, sealer, subject } = this.place;
    const reader = await FrameReader.open(this.path, name, sealer, subject);
    try {
      const open: Run[] = this.runs.map((places) => ({ places, next: 0, block: [], at: 0 }));
      const heads: { run: Run; record: T }[] = [];
      for (const run of open) await this.push(heads, run, reader);
      for (let head = heads.pop(); head; head = heads.pop()) {
        yield head.record;
        await this.push(heads, head.run, reader);
      }
    } finally {
      await reader.close();
      await rm(this.path, { force: true });
    }
  }

  async abandon(): Promise<void> {
    await this.writer?.abandon();
    this.writer = undefined;
  }

  private async flush(): Promise<void> {
    if (this.pending.length === 0) return;
    const { name, sealer, subject } = this.place;
    this.writer ??= await FrameWriter.create(this.path, name, sealer, subject);
    const records = this.pending.sort(this.compare);
    this.pending = [];
    this.weight = 0;
    const places: FramePlace[] = [];
    for (const block of this.blocks(records)) places.push(await this.writer.write(block));
    this.runs.push(places);
  }

  private *blocks(records: readonly T[]): Generator<readonly T[]> {
    let from = 0;
    let weight = 0;
    for (let at = 0; at < records.length; at++) {
      weight += this.weigh(records[at]!);
      if (at + 1 - from < BLOCK && weight < BLOCK_WEIGHT) continue;
      yield records.slice(from, at + 1);
      from = at + 1;
      weight = 0;
    }
    if (from < records.length) yield records.slice(from);
  }

  /** Puts the run's next record among the heads, which are kept with the smallest last. */
  private async push(heads: { run: Run; record: T }[], run: Run, reader: FrameReader): Promise<void> {
    if (run.at >= run.block.length) {
      const place = run.places[run.next++];
      if (!place) return;
      run.block = await reader.read<T[]>(place);
      run.at = 0;
    }
    const record = run.block[run.at++] as T;
    let low = 0;
    let high = heads.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.compare(heads[middle]!.record, record) > 0) low = middle + 1;
      else high = middle;
    }
    heads.splice(low, 0, { run, record });
  }
}
