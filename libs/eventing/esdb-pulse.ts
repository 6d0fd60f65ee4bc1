/** No wait is shorter than this, in milliseconds, however lively the server is. */
const SHORTEST_MS = 25;

/**
 * Whoever waits to try something again is woken by the first sign of life of the server: pauses grow while it is away,
 * and nobody sleeps on once it is back.
 */
export class Pulse {
  private waiting = new Set<() => void>();

  /** The server has answered somebody. */
  beat(): void {
    if (this.waiting.size === 0) return;
    const waiting = this.waiting;
    this.waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Resolves after about `ms`, at a beat before that, or when the signal aborts. */
  pause(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(late);
        clearTimeout(early);
        this.waiting.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const late = setTimeout(wake, Math.max(SHORTEST_MS, ms * (0.5 + Math.random())));
      const early = setTimeout(() => void this.waiting.add(wake), SHORTEST_MS);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }
}
