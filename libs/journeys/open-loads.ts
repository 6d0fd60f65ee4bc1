/**
 * Loads of whole files that are being appended now. What follows from facts waits for their end: half a history is none,
 * and a historical load must not find decisions of today between its own events.
 */
export abstract class Loads {
  /** As far as it is known here. */
  abstract readonly any: boolean;
  /** Whether there is one, wherever: to be asked before each thing that must wait for their end. */
  abstract look(): Promise<boolean>;
  /** A load is about to append; call the answer at its end, however it ended. */
  abstract begin(): (() => void) | Promise<() => void>;
  /** Calls the listener each time the last open load has ended, until the answer is called. */
  abstract onLastEnd(listener: () => void): () => void;
}

/** Those of a process that is alone. */
export class OpenLoads implements Loads {
  private open = 0;
  private readonly listeners = new Set<() => void>();

  get any(): boolean {
    return this.open > 0;
  }

  look(): Promise<boolean> {
    return Promise.resolve(this.any);
  }

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

  onLastEnd(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
