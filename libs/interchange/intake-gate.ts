import { TouchstoneError } from '@touchstone/eventing';

/** Bounds what requests that are under way may hold in memory together; who comes beyond it hears so at once. */
export class IntakeGate {
  private held = 0;

  constructor(private readonly bytes: number) {}

  /** Does the work of a request that holds up to so many bytes. @throws INTAKE_BUSY, and nothing was begun */
  async holding<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    // Alone a request may always come in, whatever it holds.
    if (this.held > 0 && this.held + bytes > this.bytes) throw busy();
    this.held += bytes;
    try {
      return await work();
    } finally {
      this.held -= bytes;
    }
  }
}

const busy = (): TouchstoneError =>
  new TouchstoneError(
    'INTAKE_BUSY',
    'Too many requests bring events at once; nothing of this one was taken: send it again shortly, or send more ' +
      'events through fewer requests.',
    'busy',
  );
