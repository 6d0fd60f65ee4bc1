/**
 * Loads of whole files that are being appended now, in this process. What follows from facts waits for their end: half
 * a history is none, and a historical load must not find decisions of today between its own events.
 */
export class OpenLoads {
  private open = 0;
  private readonly listeners = new Set<() => void>();

  get any(): boolean {
    return this.open > 0;
  }

  /** A load begins to append; call the answer at its end, however it ended. */
  begin(): () => void {
    this.open++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.open--;
      if (this.open === 0) for (const listener of [...this.listeners]) listener();
    };
  }

  /** Calls the listener each time the last open load has ended, until the answer is called. */
  onLastEnd(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
