/** Answers to all clients together that are held back for them, in bytes. */
const TOGETHER = 64 * 1024 * 1024;
/** What each may have held back for it, however much there is of others. */
const OWN = 64 * 1024;

/** Bounds what is held back for all clients that read their answers later than they come, together. */
export class HeldAnswers {
  private readonly all = new Set<() => number>();

  constructor(
    private readonly together = TOGETHER,
    private readonly own = OWN,
  ) {}

  get bytes(): number {
    let sum = 0;
    for (const held of this.all) sum += held();
    return sum;
  }

  /** Counts what is held back for one more client, until the returned function is called. */
  add(held: () => number): () => void {
    this.all.add(held);
    return () => void this.all.delete(held);
  }

  /** Whether a client for whom so much is held back has to read some of it first. */
  isTooMuch(own: number): boolean {
    return own > this.own && this.bytes > this.together;
  }
}
