/** What `Alarm.or` answers when the time came first. */
export const RANG = Symbol('rang');

/**
 * A time that may come while something else is waited for. A race of promises would keep everything that ever ran
 * against the time, pages of events, until that came; here only the last one waits.
 */
export class Alarm {
  private readonly timer: NodeJS.Timeout;
  private due = false;
  private ring: (() => void) | null = null;

  /** @param every it rings again and again, once for each time it is waited for; else it rings from then on */
  constructor(
    ms: number,
    private readonly every = false,
  ) {
    const come = () => {
      this.due = true;
      this.ring?.();
    };
    this.timer = every ? setInterval(come, ms) : setTimeout(come, ms);
  }

  /** What comes first: the answer, or the time. A fault that comes after the time is nobody's. */
  or<T>(answer: Promise<T>): Promise<T | typeof RANG> {
    return new Promise((resolve, reject) => {
      this.ring = () => {
        this.ring = null;
        if (this.every) this.due = false;
        resolve(RANG);
      };
      const answered = () => (this.ring = null);
      answer.then(answered, answered);
      answer.then(resolve, reject);
      if (this.due) this.ring();
    });
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
