import { cut, padEnd, percent } from './text.js';

/** Redrawn at most so often on a terminal, in ms. */
const REDRAW_MS = 100;
/** A line at most so often where there is none, in ms. */
const LINE_MS = 5_000;
const BAR = 24;

/** What of a stream of the process we use. */
export interface Sink {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface Step {
  /** What is going on, such as `Reading`. */
  readonly label: string;
  readonly done: number;
  /** Absent: nobody knows how much there is. */
  readonly total?: number;
  /** The amounts in words. */
  readonly detail: string;
}

/** A bar on a terminal that is drawn over itself; elsewhere a line now and then. */
export class Progress {
  private shownAt = -Infinity;
  private label = '';
  private drawn = false;

  constructor(
    private readonly sink: Sink,
    private readonly options: { readonly silent?: boolean; readonly now?: () => number } = {},
  ) {}

  show(step: Step): void {
    if (this.options.silent) return;
    const now = (this.options.now ?? Date.now)();
    const isNew = step.label !== this.label;
    const isWhole = step.total !== undefined && step.done >= step.total;
    const wait = this.sink.isTTY ? REDRAW_MS : LINE_MS;
    if (!isNew && !(isWhole && this.sink.isTTY) && now - this.shownAt < wait) return;
    this.shownAt = now;
    this.label = step.label;
    if (!this.sink.isTTY) {
      this.sink.write(`${plain(step)}\n`);
      return;
    }
    this.sink.write(`\r\x1b[K${cut(drawn(step), (this.sink.columns ?? 80) - 1)}`);
    this.drawn = true;
  }

  /** Wipes the bar, so that something else can be printed; the next step draws it anew. */
  clear(): void {
    if (!this.drawn) return;
    this.sink.write('\r\x1b[K');
    this.drawn = false;
  }

  done(): void {
    this.clear();
    this.label = '';
    this.shownAt = -Infinity;
  }
}

const shareOf = ({ done, total }: Step): number | undefined =>
  total === undefined ? undefined : total === 0 ? 1 : Math.min(1, done / total);

function plain(step: Step): string {
  const share = shareOf(step);
  return `${step.label}: ${share === undefined ? '' : `${percent(share)}, `}${step.detail}`;
}

function drawn(step: Step): string {
  const share = shareOf(step);
  const full = Math.round((share ?? 0) * BAR);
  const bar = share === undefined ? '·'.repeat(BAR) : '█'.repeat(full) + '░'.repeat(BAR - full);
  return `${padEnd(step.label, 10)} ${bar} ${share === undefined ? '' : `${percent(share)}  `}${step.detail}`;
}
