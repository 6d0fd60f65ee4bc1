/**
 * Work on the same stream runs one after another; work on different streams side by side. A caller joins the queues of
 * all its streams in one turn, so two chunks that share streams stand in the same order in each and cannot deadlock.
 */
export class StreamQueue {
  private readonly tails = new Map<string, Promise<void>>();

  async run<R>(streams: readonly string[], work: () => Promise<R>): Promise<R> {
    const before = streams.map((stream) => this.tails.get(stream)).filter((tail) => tail !== undefined);
    let release!: () => void;
    const mine = new Promise<void>((resolve) => (release = resolve));
    for (const stream of streams) this.tails.set(stream, mine);
    try {
      if (before.length > 0) await Promise.all(before);
      return await work();
    } finally {
      release();
      for (const stream of streams) if (this.tails.get(stream) === mine) this.tails.delete(stream);
    }
  }
}
